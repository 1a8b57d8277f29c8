r"""The environment variables that a new process of a machine has: those that Windows computes, then the registry's.

`HKLM\...\Session Manager\Environment` is the machine's part and `HKCU\Environment` the account's (.NET's
EnvironmentVariableTarget), which wins; but its Path stands behind the machine's. That a new session reads them anew is
in no recording, and neither is the order in which texts of kind ExpandString find others: here those that are plain.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.lab.enums import RegistryValueKind
from runner.lab.machine import Machine
from runner.lab.registry import RegistryValue

_MACHINE = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment"
_USER = "HKEY_CURRENT_USER\\Environment"
_TEXTS = (RegistryValueKind.String, RegistryValueKind.ExpandString)


def process_environment(machine: Machine) -> dict[str, tuple[str, str]]:
    """By case-folded name each variable's own spelling and its value."""
    found = dict(machine.environment)
    for path in (_MACHINE, _USER):
        key = machine.registry.find(path)
        values = key.values.values() if key else ()
        for value in sorted(values, key=lambda one: one.kind is RegistryValueKind.ExpandString):
            _add(found, value, after_path=path == _USER)
    return found


def expanded(text: str, variables: Mapping[str, tuple[str, str]]) -> str:
    """The text with its %NAME% replaced by environment variables; unknown names stay (reg-gip-types)."""
    if text.count("%") < 2:
        return text
    head, *parts = text.split("%")
    result = head
    while parts:
        name = parts.pop(0)
        found = variables.get(name.casefold()) if parts and name else None
        result += f"%{name}" if found is None else found[1] + parts.pop(0)
    return result


def _add(found: dict[str, tuple[str, str]], value: RegistryValue, *, after_path: bool) -> None:
    folded = value.name.casefold()
    if value.kind not in _TEXTS or not value.name:
        return
    text = str(value.data)
    if value.kind is RegistryValueKind.ExpandString:
        text = expanded(text, found)
    if after_path and folded == "path" and folded in found:
        text = f"{found[folded][1]};{text}"
    found[folded] = (value.name, text)
