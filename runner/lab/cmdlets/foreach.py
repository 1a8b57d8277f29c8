"""ForEach-Object -MemberName (finding O4, cases object.foreach-*, reg-kind-*, reg-getvalue-*).

A script block can never be filled over PSRP (finding P6), so -Process always ends in a binding error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Protocol, runtime_checkable

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.objects import CORE
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.members import Method, MethodFailed, NoOverload, Pause, Void, find_method, find_property, properties_of
from runner.lab.messages import Wait
from runner.lab.signature import Traits
from runner.lab.values import ClrObject, clr_type_of, enumerate_value
from runner.lab.wildcard import compile_pattern, has_wildcards

# Methods that .NET has and the lab does not simulate: calling one must not look as if there were no such member.
_UNSIMULATED_METHODS = {
    "System.String": frozenset({"split", "indexof", "padleft", "padright", "trimend", "trimstart", "insert", "remove"}),
    "Microsoft.Win32.RegistryKey": frozenset(
        {"close", "createsubkey", "deletesubkey", "deletesubkeytree", "deletevalue", "flush", "opensubkey"}
    ),
    "System.ServiceProcess.ServiceController": frozenset(
        {"close", "continue", "executecommand", "pause", "refresh", "start", "stop"}
    ),
}


@runtime_checkable
class HasMethods(Protocol):
    """What an object stands for, where that has methods of its own."""

    def method(self, name: str) -> Method | None: ...


class ForEachObject(Cmdlet):
    name = "ForEach-Object"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.ForEachObjectCommand"
    aliases = ("foreach", "%")
    syntax: ClassVar = {
        "ScriptBlockSet": "[-Process] <ScriptBlock[]> [-InputObject <PSObject>] [-Begin <ScriptBlock>] "
        "[-End <ScriptBlock>] [-RemainingScripts <ScriptBlock[]>] [-WhatIf] [-Confirm]",
        "PropertyAndMethodSet": "[-MemberName] <String> [-InputObject <PSObject>] [-ArgumentList <Object[]>] "
        "[-WhatIf] [-Confirm]",
        "ParallelParameterSet@7.0": "-Parallel <ScriptBlock> [-InputObject <PSObject>] [-ThrottleLimit <Int32>] "
        "[-TimeoutSeconds <Int32>] [-AsJob] [-UseNewRunspace] [-WhatIf] [-Confirm]",
    }
    unsimulated = frozenset({"Parallel", "ThrottleLimit", "TimeoutSeconds", "AsJob", "UseNewRunspace"})
    traits: ClassVar = {
        "InputObject": Traits(pipeline="value"),
        "ArgumentList": Traits(aliases=("Args",), remaining=True),
        "WhatIf": Traits(aliases=("wi",)),
        "Confirm": Traits(aliases=("cf",)),
    }
    default_set = "ScriptBlockSet"

    def process(self) -> Iterator[Event]:
        item = self.arguments.get("InputObject")
        name = self.arguments.text("MemberName")
        if item is None:
            yield Emit(None)
            return
        if "ArgumentList" not in self.arguments:
            found = self._property(item, name)
            if found is not None:
                yield from (Emit(part) for part in enumerate_value(found[0]))
                return
        method = method_of(item, name)
        if method is not None:
            yield from self._call(item, name, method)
        elif "ArgumentList" in self.arguments:
            message = self.session.say("MethodNotFound", name)
            yield self._failed("MethodNotFound", ErrorCategory.InvalidArgument, "PSArgumentException", message, item)
        else:
            yield Emit(None)

    def _property(self, item: object, name: str) -> tuple[object] | None:
        if has_wildcards(name):
            pattern = compile_pattern(name)
            found = [value for own, value in properties_of(item) if pattern.fullmatch(own)]
            return (found[0],) if len(found) == 1 else None
        found_one = find_property(item, name)
        return (found_one[1],) if found_one else None

    def _call(self, item: object, name: str, method: Method) -> Iterator[Event]:
        if not self.should_process():
            return
        arguments = self.arguments.items("ArgumentList")
        category = ErrorCategory.InvalidOperation
        try:
            result = method(arguments)
        except NoOverload:
            message = f'Cannot find an overload for "{name}" and the argument count: "{len(arguments)}".'
            yield self._failed("MethodInvocationError", category, "MethodException", message, item)
            return
        except MethodFailed as error:
            message = f'Exception calling "{name}" with "{len(arguments)}" argument(s): "{error}"'
            yield self._failed("MethodInvocationError", category, "MethodInvocationException", message, item)
            return
        if isinstance(result, Pause):
            yield from self._wait(item, name, result)
        elif result is not Void.VOID:
            yield from (Emit(part) for part in enumerate_value(result))

    def _wait(self, item: object, name: str, pause: Pause) -> Iterator[Event]:
        waited = 0.0
        while not pause.is_over():
            if waited >= pause.limit:
                count = len(self.arguments.items("ArgumentList"))
                message = f'Exception calling "{name}" with "{count}" argument(s): "{pause.failure}"'
                category = ErrorCategory.InvalidOperation
                yield self._failed("MethodInvocationError", category, "MethodInvocationException", message, item)
                return
            waited += pause.interval
            yield Wait(pause.interval)

    def _failed(self, error_id: str, category: ErrorCategory, exception: str, message: str, item: object) -> Report:
        return Report(Failure(error_id, category, exception, message, item, target_type="PSObject"))


def method_of(item: object, name: str) -> Method | None:
    """A method of a value; None if it has none of this name. Raises Terminating for one that only the lab lacks."""
    source = item.source if isinstance(item, ClrObject) else None
    method = source.method(name) if isinstance(source, HasMethods) else None
    method = method or find_method(item, name)
    if method is None and name.casefold() in _UNSIMULATED_METHODS.get(clr_type_of(item), frozenset()):
        raise Terminating(not_simulated(f"the method {name} of {clr_type_of(item)}"))
    return method


COMMANDS: tuple[type[Cmdlet], ...] = (ForEachObject,)
