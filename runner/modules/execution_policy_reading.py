"""Reads the execution policies of all scopes, and who has set them, in one round.

Get-ExecutionPolicy -List tells every scope as the session's own (native) PowerShell has it; the policy of 32-bit
Windows PowerShell and the values of a Group Policy are read in the registry (domain.md 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Property, State, Unreadable
from runner.model.value import EnumValue, PSObject, Value
from runner.modules import registry_reading
from runner.modules.base import Round, why_unread
from runner.modules.registry import Key, parse_key
from runner.modules.registry_reading import Finding, FoundValue, Missing

MACHINE_POLICY, USER_POLICY = "MachinePolicy", "UserPolicy"
SCOPES = (MACHINE_POLICY, USER_POLICY, "CurrentUser", "LocalMachine")  # the most decisive first; without Process
EFFECTIVE, DECIDED_BY, GROUP_POLICY = "effective", "decided_by", "group_policy"
UNDEFINED = "Undefined"
Policy = Literal["AllSigned", "Bypass", "RemoteSigned", "Restricted", "Undefined", "Unrestricted"]
POLICIES: tuple[str, ...] = get_args(Policy)
VALUE = "ExecutionPolicy"
_SHELL_ID = "SOFTWARE\\Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell"
_OWNERS = MappingProxyType(
    {
        MACHINE_POLICY: parse_key("HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows\\PowerShell"),
        USER_POLICY: parse_key("HKCU:\\SOFTWARE\\Policies\\Microsoft\\Windows\\PowerShell"),
    }
)
_OWNER_VALUES = ("EnableScripts", VALUE)
_LIST = (command("Get-ExecutionPolicy", List=True),)


@dataclass(frozen=True, slots=True)
class Asked:
    """The policy of a scope; `in_32_bit`: the one that 32-bit Windows PowerShell has for LocalMachine."""

    scope: str
    in_32_bit: bool


def spelled(word: object, choices: tuple[str, ...]) -> str:
    """A choice in its own spelling: PowerShell takes these words in any case. What is none stays as it is."""
    text = str(word)
    return next((choice for choice in choices if choice.casefold() == text.casefold()), text)


def store_key(scope: str, *, in_32_bit: bool) -> Key:
    """The registry key in which Windows PowerShell keeps the policy of a scope, as its value ExecutionPolicy."""
    key = parse_key(f"{'HKCU' if scope == 'CurrentUser' else 'HKLM'}:\\{_SHELL_ID}")
    twin = key.twin() if in_32_bit else None
    return twin or key


def next_round(rounds: Sequence[Round]) -> tuple[Statement, ...]:
    """The statements of the next round; () when enough is known."""
    asked = _registry_questions()
    if not rounds:
        return (_LIST, *registry_reading.next_round(asked, ()))
    return registry_reading.next_round(asked, _registry_rounds(rounds))


def conclude(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
    """What the answers say of each thing asked: the policies of SCOPES, and what follows from them."""
    listed = _listed(rounds[0].replies[0])
    questions = _registry_questions()
    found = dict(zip(questions, registry_reading.conclude(questions, _registry_rounds(rounds)), strict=True))
    return tuple(_state(one, listed, found) for one in asked)


def deciding(state: State) -> str | None:
    """The scope whose policy acts; None where no scope has one, so that Windows' own default acts."""
    return next((scope for scope in SCOPES if state.properties.get(scope) != UNDEFINED), None)


def with_policy(state: State, policies: Mapping[str, Property]) -> State:
    """The state with other policies of some scopes, and what follows from them."""
    properties = {**state.properties, **policies}
    winner = deciding(State(True, properties))
    properties[EFFECTIVE] = UNDEFINED if winner is None else properties[winner]
    properties[DECIDED_BY] = winner
    return State(True, MappingProxyType(properties))


def _registry_questions() -> tuple[registry_reading.Asked, ...]:
    values = [
        (store_key("LocalMachine", in_32_bit=True), VALUE),
        *((key, name) for key in _OWNERS.values() for name in _OWNER_VALUES),
    ]
    return tuple(registry_reading.Asked(key, name, contents=True, expanded=True, lineage=False) for key, name in values)


def _registry_rounds(rounds: Sequence[Round]) -> list[Round]:
    """The rounds without the statement that lists the policies, the first of all."""
    first, *rest = rounds
    return [Round(first.statements[1:], first.replies[1:]), *rest]


def _listed(reply: Reply) -> dict[str, str] | Unreadable:
    """The policy of each scope."""
    if reply.state is not ReplyState.DONE or reply.errors:
        return Unreadable(f"the execution policies: {why_unread(reply)}")
    policies = {
        _word(output.get("Scope")): _word(output.get("ExecutionPolicy"))
        for output in reply.outputs
        if isinstance(output, PSObject)
    }
    if any(not policies.get(scope) for scope in SCOPES):
        return Unreadable("the execution policies: the host did not answer for every scope")
    return {scope: policies[scope] for scope in SCOPES}


def _word(value: Value) -> str:
    if isinstance(value, EnumValue):
        return value.text
    return value if isinstance(value, str) else ""


def _state(
    asked: Asked, listed: dict[str, str] | Unreadable, found: Mapping[registry_reading.Asked, Finding]
) -> State | Unreadable:
    if isinstance(listed, Unreadable):
        return listed
    policies: dict[str, Property] = {**listed, GROUP_POLICY: _owner(listed, found)}
    if asked.in_32_bit:
        own = found[_registry_questions()[0]]
        if isinstance(own, Unreadable):
            return own
        if isinstance(own, Missing) and own.keys:
            return State(False)
        policies["LocalMachine"] = spelled(own.data, POLICIES) if isinstance(own, FoundValue) else UNDEFINED
    return with_policy(State(True), policies)


def _owner(listed: Mapping[str, str], found: Mapping[registry_reading.Asked, Finding]) -> str | None:
    """Where in the registry the Group Policy that acts stands, for people; None if there is none."""
    winner = next((scope for scope in _OWNERS if listed[scope] != UNDEFINED), None)
    if winner is None:
        return None
    findings = {asked.name: finding for asked, finding in found.items() if asked.key == _OWNERS[winner]}
    if any(isinstance(finding, Unreadable) for finding in findings.values()):
        return f"{_OWNERS[winner].shown}: could not be read"
    values = [f"{name} = {finding.data!s}" for name, finding in findings.items() if isinstance(finding, FoundValue)]
    return f"{_OWNERS[winner].shown}: {', '.join(values) or 'not there'}"
