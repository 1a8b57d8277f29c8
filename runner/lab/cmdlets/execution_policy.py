"""Get- and Set-ExecutionPolicy (the execution policy table of `windows.md`, cases pol-*; domain.md 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory, ErrorDetails

from runner.lab.cmdlet import Cmdlet, Emit, Event
from runner.lab.cmdlets.objects import ALL_SETS
from runner.lab.cmdlets.provider import CONFIRM_TRAITS
from runner.lab.enums import ExecutionPolicy, ExecutionPolicyScope
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.execution_policies import effective_policy, execution_policies, store_policy
from runner.lab.registry import AccessDenied
from runner.lab.signature import Traits
from runner.lab.values import custom_object

SECURITY = "Microsoft.PowerShell.Security"


class _PolicyCmdlet(Cmdlet):
    module = SECURITY

    def refused(self, error_id: str, text: str, action: str = "") -> Terminating:
        """The error of an operation that the state of things forbids; what it is about is in its details."""
        details = ErrorDetails(Message=self.session.say(text), RecommendedAction=action)
        message = self.session.say("InvalidState")
        category = ErrorCategory.InvalidOperation
        return Terminating(Failure(error_id, category, "InvalidOperationException", message, details=details))


class GetExecutionPolicy(_PolicyCmdlet):
    name = "Get-ExecutionPolicy"
    type_name = "Microsoft.PowerShell.Commands.GetExecutionPolicyCommand"
    syntax: ClassVar = {"All": "[[-Scope] <ExecutionPolicyScope>] [-List]"}
    traits: ClassVar = {"Scope": Traits(pipeline="name")}

    def process(self) -> Iterator[Event]:
        scope = self.arguments.get("Scope")
        if self.arguments.flag("List"):
            if "Scope" in self.arguments:
                raise self.refused("ListAndScopeSpecified", "ListAndScopeSpecified")
            for name, policy in execution_policies(self.session).items():
                yield Emit(custom_object({"Scope": name, "ExecutionPolicy": policy}))
        elif isinstance(scope, ExecutionPolicyScope):
            yield Emit(execution_policies(self.session)[scope])
        else:
            yield Emit(effective_policy(self.session))


class SetExecutionPolicy(_PolicyCmdlet):
    """Stores first, and then says whether another scope wins: the write has happened all the same."""

    name = "Set-ExecutionPolicy"
    type_name = "Microsoft.PowerShell.Commands.SetExecutionPolicyCommand"
    syntax: ClassVar = {
        ALL_SETS: "[-ExecutionPolicy] <ExecutionPolicy> [[-Scope] <ExecutionPolicyScope>] [-Force] [-WhatIf] [-Confirm]"
    }
    traits: ClassVar = {
        "ExecutionPolicy": Traits(pipeline="value"),
        "Scope": Traits(pipeline="name"),
        **CONFIRM_TRAITS,
    }

    def process(self) -> Iterator[Event]:
        scope = self.arguments.get("Scope", ExecutionPolicyScope.LocalMachine)
        policy = self.arguments.get("ExecutionPolicy")
        if not isinstance(scope, ExecutionPolicyScope) or not isinstance(policy, ExecutionPolicy):
            raise Terminating(not_simulated("this execution policy"))
        if scope in (ExecutionPolicyScope.MachinePolicy, ExecutionPolicyScope.UserPolicy):
            raise self.refused("CantSetGroupPolicy", "CantSetGroupPolicy")
        if self.should_process():
            self._store(scope, policy)
            self._check_overridden(scope, policy)
        return iter(())

    def _store(self, scope: ExecutionPolicyScope, policy: ExecutionPolicy) -> None:
        """The id of a refused write is the exception's type (PowerShell's source, ExecutionPolicyCommands.cs)."""
        try:
            store_policy(self.session, scope, policy)
        except AccessDenied:
            message = self.session.say("RegistryAccessDenied")
            category = ErrorCategory.PermissionDenied
            failure = Failure("System.UnauthorizedAccessException", category, "UnauthorizedAccessException", message)
            raise Terminating(failure) from None

    def _check_overridden(self, scope: ExecutionPolicyScope, policy: ExecutionPolicy) -> None:
        effective = effective_policy(self.session)
        if policy is ExecutionPolicy.Undefined or effective is policy:
            return
        product = "PowerShell" if self.session.version >= (6, 0) else "Windows PowerShell"
        text = self.session.say("ExecutionPolicyOverridden", effective.name, product)
        details = ErrorDetails(Message=text, RecommendedAction=self.session.say("ExecutionPolicyOverriddenAction"))
        message = self.session.say("SecurityError")
        category = ErrorCategory.PermissionDenied
        raise Terminating(Failure("ExecutionPolicyOverride", category, "SecurityException", message, details=details))


COMMANDS: tuple[type[Cmdlet], ...] = (GetExecutionPolicy, SetExecutionPolicy)
