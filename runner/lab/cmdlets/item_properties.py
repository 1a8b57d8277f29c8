"""Reading registry values: Get-ItemProperty and Get-ItemPropertyValue (cases reg-gip-*, reg-gipv-*)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.provider import (
    CREDENTIAL,
    FILTERS,
    LITERAL,
    MANAGEMENT,
    PATH,
    TRANSACTION,
    TRANSACTION_TRAITS,
    ProviderCmdlet,
    Target,
)
from runner.lab.errors import Failure, Terminating
from runner.lab.registry import RegistryValue
from runner.lab.registry_objects import properties_object, property_value, shown_name
from runner.lab.signature import Traits
from runner.lab.values import to_text
from runner.lab.wildcard import compile_pattern, has_wildcards

_REST = f"{FILTERS} {CREDENTIAL} {TRANSACTION}"


class _PropertyReader(ProviderCmdlet):
    module = MANAGEMENT
    traits: ClassVar = {
        "Path": PATH,
        "LiteralPath": LITERAL,
        "Name": Traits(aliases=("PSProperty",)),
        "Credential": Traits(pipeline="name"),
        **TRANSACTION_TRAITS,
    }
    default_set = "Path"

    def process(self) -> Iterator[Event]:
        for target in self.targets():
            yield from [target] if isinstance(target, Report) else self.shown(target)

    def shown(self, target: Target) -> Iterator[Event]:
        """What the cmdlet writes for one key."""
        return iter(())

    def read(self, target: Target) -> tuple[list[RegistryValue], list[Failure]]:
        """The values asked for, in the order asked, and an error for each that is missing."""
        path, key = target
        asked = self.arguments.texts("Name")
        if asked is None:
            return list(key.values.values()), []
        values: list[RegistryValue] = []
        failures: list[Failure] = []
        for name in asked:
            found = self._named(target, name)
            values.extend(found)
            if not found and not has_wildcards(name):
                failures.append(self.no_such_value(path, name))
        return values, failures

    def _named(self, target: Target, name: str) -> list[RegistryValue]:
        """With -LiteralPath a name is literal; a pattern that matches nothing is no error (reg-gip-name-wild)."""
        _, key = target
        if self.literal or not has_wildcards(name):
            value = key.value("" if name == "(default)" else name)
            return [value] if value else []
        pattern = compile_pattern(name)
        return [value for value in key.values.values() if pattern.fullmatch(shown_name(value.name))]


class GetItemProperty(_PropertyReader):
    name = "Get-ItemProperty"
    type_name = "Microsoft.PowerShell.Commands.GetItemPropertyCommand"
    aliases = ("gp",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [[-Name] <String[]>] {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [[-Name] <String[]>] {_REST}",
    }

    def shown(self, target: Target) -> Iterator[Event]:
        values, failures = self.read(target)
        yield from (Report(failure) for failure in failures)
        if values:
            yield Emit(properties_object(self.session, target[0], values))


class GetItemPropertyValue(_PropertyReader):
    name = "Get-ItemPropertyValue"
    type_name = "Microsoft.PowerShell.Commands.GetItemPropertyValueCommand"
    aliases = ("gpv",)
    since = (5, 0)
    syntax: ClassVar = {
        "Path": f"[[-Path] <String[]>] [-Name] <String[]> {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [-Name] <String[]> {_REST}",
    }

    def shown(self, target: Target) -> Iterator[Event]:
        values, failures = self.read(target)
        if failures:
            missing = failures[0]
            category = ErrorCategory.InvalidArgument
            raise Terminating(Failure("Argument", category, missing.exception, to_text(missing.message)))
        yield from (Emit(property_value(self.session, value)) for value in values)


COMMANDS: tuple[type[Cmdlet], ...] = (GetItemProperty, GetItemPropertyValue)
