"""PowerShell's execution policy, of 64-bit and of 32-bit programs: `execution_policy`.

Ansible has no module for it, so the name and the arguments are ours. Facts: domain.md 5, groundtruth/pwsh76/windows.md
(Execution policy), design section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal, get_args

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, Statement, command
from runner.model.state import Desired, Held, State, Unreadable
from runner.modules.base import Arguments, Implied, Impossible, Irreversible, Round, Shown, StateModule
from runner.modules.execution_policy_reading import (
    GROUP_POLICY,
    MACHINE_POLICY,
    POLICIES,
    UNDEFINED,
    USER_POLICY,
    VALUE,
    Asked,
    Policy,
    conclude,
    deciding,
    next_round,
    spelled,
    store_key,
    with_policy,
)
from runner.modules.registry import MODULE as REGISTRY
from runner.modules.registry import identity

Scope = Literal["LocalMachine", "CurrentUser"]
_OVERRIDDEN = "ExecutionPolicyOverride"  # how the id of the error begins that comes after the write


class PolicyArguments(Arguments):
    decided_by = MappingProxyType({"bitness": frozenset({"scope"})})

    policy: Policy = Field(description="The policy that the scope is to have; Undefined takes it away")
    scope: Scope = Field("LocalMachine", description="Whose policy: all users', or that of the connecting account")
    bitness: Literal["native", "32", "both"] = Field(
        "both",
        description="32: the policy of 32-bit Windows PowerShell, which has its own for LocalMachine; both: two parts",
    )
    accept: tuple[Policy, ...] = Field((), description="Other policies that are as good as the wanted one")

    @field_validator("policy", mode="before")
    @classmethod
    def _spell_policy(cls, policy: object) -> object:
        return spelled(policy, POLICIES) if isinstance(policy, str) else policy

    @field_validator("scope", mode="before")
    @classmethod
    def _spell_scope(cls, scope: object) -> object:
        return spelled(scope, get_args(Scope)) if isinstance(scope, str) else scope

    @field_validator("bitness", mode="before")
    @classmethod
    def _spell_bitness(cls, bitness: object) -> object:
        return str(bitness) if isinstance(bitness, int) and not isinstance(bitness, bool) else bitness

    @field_validator("bitness")
    @classmethod
    def _has_bitness(cls, bitness: str, info: ValidationInfo) -> str:
        if bitness == "32" and info.data.get("scope") == "CurrentUser":
            raise PydanticCustomError("policy_bitness", "CurrentUser has one policy for 64-bit and 32-bit programs")
        return bitness

    @field_validator("accept", mode="before")
    @classmethod
    def _spell_accepted(cls, accept: object) -> object:
        listed = accept if isinstance(accept, (list, tuple)) else [accept]
        return tuple(spelled(word, POLICIES) if isinstance(word, str) else word for word in listed)


class ExecutionPolicy(StateModule[PolicyArguments]):
    name = "execution_policy"
    summary = "PowerShell's execution policy, of 64-bit and of 32-bit programs"
    notes = (
        "The policy of the runner's own process is not looked at: it ends with it.",
        "A Group Policy wins over what is set here. If it gives the wanted or an accepted policy, the task is as "
        "wanted; if not, it is held until the owner of the policy acts. PowerShell reads it once per process.",
        "A policy of CurrentUser wins over LocalMachine, for that account alone; only the scope named is managed.",
    )
    examples = """\
- name: Local scripts may run
  execution_policy:
    policy: RemoteSigned
    accept: [Unrestricted, Bypass]
"""
    arguments = PolicyArguments

    def parts(self, arguments: PolicyArguments) -> tuple[PolicyArguments, ...]:
        if arguments.bitness != "both":
            return (arguments,)
        views = ("native",) if arguments.scope == "CurrentUser" else ("native", "32")
        return tuple(arguments.model_copy(update={"bitness": view}) for view in views)

    def key(self, arguments: PolicyArguments) -> str:
        return f"{arguments.scope} {_view(arguments)}"

    def shown(self, arguments: PolicyArguments) -> Shown:
        which = ", 32-bit PowerShell" if _view(arguments) == "32" else ""
        return Shown("policy", f"{arguments.scope}{which}")

    def read(self, wanted: Sequence[PolicyArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return next_round(rounds)

    def observe(self, wanted: Sequence[PolicyArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        return conclude([Asked(arguments.scope, _view(arguments) == "32") for arguments in wanted], rounds)

    def desired(self, arguments: PolicyArguments, before: State) -> Desired | Impossible | Held:
        if not before.exists:
            missing = store_key(arguments.scope, in_32_bit=True).shown
            return Impossible(f"there is no 32-bit Windows PowerShell ({missing} is missing): set bitness to native")
        accepted = (arguments.policy, *arguments.accept)
        winner = deciding(before)
        if winner in (MACHINE_POLICY, USER_POLICY):
            if before.properties[winner] in accepted:
                return Desired(True)
            return Held(
                f"{winner} is {before.properties[winner]!s} and wins over {arguments.scope} "
                f"({before.properties[GROUP_POLICY]!s})",
                "Group Policy",
            )
        now = before.properties[arguments.scope]
        return Desired(True, {arguments.scope: now if now in accepted else arguments.policy})

    def implied(self, arguments: PolicyArguments, desired: Desired) -> tuple[Implied, ...]:
        """Windows PowerShell keeps it in the registry: a registry task may contradict it."""
        policy = desired.properties.get(arguments.scope)
        if not isinstance(policy, str):
            return ()
        place = identity(store_key(arguments.scope, in_32_bit=_view(arguments) == "32"), VALUE)
        value = Desired(False) if policy == UNDEFINED else Desired(True, {"type": "string", "data": policy})
        return (Implied(REGISTRY, place, value),)

    def promise(self, arguments: PolicyArguments, before: State, desired: Desired) -> State:
        policy = desired.properties.get(arguments.scope)
        return with_policy(before, {arguments.scope: policy}) if isinstance(policy, str) else before

    def over(
        self, arguments: PolicyArguments, before: State, earlier: Sequence[tuple[PolicyArguments, State]]
    ) -> State:
        """Also what earlier tasks set for the other scope: each part shows all scopes of its view."""
        for other, after in earlier:
            shared = other.scope == "CurrentUser" or _view(other) == _view(arguments)
            policy = after.properties.get(other.scope)
            if shared and before.exists and isinstance(policy, str):
                before = with_policy(before, {other.scope: policy})
        return before

    def write(self, arguments: PolicyArguments, before: State) -> tuple[Statement, ...]:
        return (_setting(arguments, arguments.policy),)

    def judge(self, statement: Statement, reply: Reply) -> str | None:
        """Set-ExecutionPolicy writes first and then raises ExecutionPolicyOverride, if another scope wins."""
        if reply.errors and all(error.id.startswith(_OVERRIDDEN) for error in reply.errors):
            return None
        return super().judge(statement, reply)

    def undo(self, arguments: PolicyArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        policy = str(before.properties[arguments.scope])
        if policy not in POLICIES and _view(arguments) != "32":
            return Irreversible(f"{arguments.scope} was {policy!r}, which is no execution policy")
        return (_setting(arguments, policy),)


def _view(arguments: PolicyArguments) -> str:
    """`both` of CurrentUser is one policy."""
    return "32" if arguments.bitness == "32" else "native"


def _setting(arguments: PolicyArguments, policy: str) -> Statement:
    if _view(arguments) != "32":
        return (command("Set-ExecutionPolicy", ExecutionPolicy=policy, Scope=arguments.scope, Force=True),)
    place = store_key(arguments.scope, in_32_bit=True).literal
    if policy == UNDEFINED:
        return (command("Remove-ItemProperty", LiteralPath=place, Name=VALUE),)
    return (command("Set-ItemProperty", LiteralPath=place, Name=VALUE, Value=policy, Type="String"),)
