"""Commands as a task writes them down: `{Set-AuthServer: {Identity: EvoSts, Enabled: true}}`, and their placeholders.

A placeholder is a whole value, `{{ before.X }}`, that the module fills in from what was read. It is recognised by its
kind (`Late`, made by compile from what the user wrote), never by its text: what a host or a variable says stays data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from runner.model.command import Command
from runner.model.secret import Secret
from runner.model.value import Value
from runner.modules.base import Late

Source = Literal["item", "before", "after"]
SOURCES: frozenset[str] = frozenset({"item", "before", "after"})
_PLACEHOLDER = re.compile(r"\{\{\s*(item|before|after)\.(\w+)\s*\}\}")
_COMMAND_NAME = re.compile(r"(?:[\w.]+\\)?[A-Za-z]\w*-[A-Za-z]\w*")
_HARMLESS = frozenset({"compare", "find", "get", "group", "measure", "resolve", "select", "sort", "test", "where"})
_OF_THE_PROCESS = frozenset({"import-module"})  # what it changes ends with our own process
_HARMFUL = (  # parameters that make a command with such a verb change, force or wait for something
    "AsJob",  # Get-WmiObject, Test-Connection: starts a job instead of answering
    "Continuous",  # Get-Counter: never ends
    "DeleteContent",  # Search-Mailbox, and whatever else names it so
    "DeleteOnly",
    "Force",  # does without a question what would be asked for; what it means is each command's own
    "ForceBootstrap",  # Find-Package, Get-PackageProvider: installs a provider
    "Repair",  # Test-ComputerSecureChannel: resets the machine's password in the domain
    "ResetTestAccountCredentials",  # Exchange's Test-*Connectivity: resets a password
    "Wait",  # Get-Content, Get-Job: may never end
)


class Parameter(BaseModel):
    """One parameter of a call: a value, or the name of a property and where it is taken from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: Any = None
    source: Source | None = None


class Call(BaseModel):
    """One command with its parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    parameters: tuple[Parameter, ...] = ()

    def sources(self) -> Iterator[Parameter]:
        """The parameters that are filled in later."""
        return (parameter for parameter in self.parameters if parameter.source is not None)

    def filled(self, value_of: Callable[[Parameter], Value]) -> Command:
        """The command with the value of each parameter."""
        return Command(self.command, tuple((parameter.name, value_of(parameter)) for parameter in self.parameters))


def read_calls(given: object) -> object:
    """The calls of an argument, as YAML gives them; those that were read already stay as they are."""
    entries = given if isinstance(given, (list, tuple)) else [given]
    if not entries:
        raise _mistake("at least one command is wanted")
    return tuple(_call(entry) for entry in entries)


def must_be_harmless(calls: Sequence[Call]) -> None:
    """A read runs in every check: only what changes nothing on the host is let through, and none of `_HARMFUL`.

    PowerShell takes the beginning of a parameter's name for the whole: `-Rep` is `-Repair`.
    """
    for call in calls:
        name = call.command.rpartition("\\")[2].casefold()
        if name.partition("-")[0] not in _HARMLESS and name not in _OF_THE_PROCESS:
            raise _mistake(f"{call.command} is no command that only reads, and read is sent in every check")
        for one in call.parameters:
            if meant := next((name for name in _HARMFUL if name.casefold().startswith(one.name.casefold())), None):
                raise _mistake(f"{call.command} -{one.name}: with -{meant} a command no longer only reads")
        if any(call.sources()):
            raise _mistake("placeholders stand in write and undo only: read is what fills them")


def twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that PowerShell does not tell apart, if there are any."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(name.casefold(), name)
        if other != name:
            return other, name
    return None


def literal(parameter: Parameter) -> Value:
    """The value of a parameter without a placeholder."""
    return _value(parameter.value)


def _call(entry: object) -> object:
    if isinstance(entry, Call):
        return entry
    if isinstance(entry, str):
        raise _mistake(f"a command is written as a mapping: {{{entry}: {{}}}}")
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise _mistake("each command is a mapping of its name to its parameters; a list holds several commands")
    ((name, parameters),) = entry.items()
    if not _COMMAND_NAME.fullmatch(str(name)):
        raise _mistake(f"{name} is not the name of a cmdlet or function (Verb-Noun)")
    if not isinstance(parameters, Mapping | None):
        raise _mistake(f"the parameters of {name} are a mapping, as in {{{name}: {{Identity: x}}}}")
    found = tuple(_parameter(str(key), value) for key, value in (parameters or {}).items())
    if twice := twins(one.name for one in found):
        raise _mistake(f"{name}: {twice[0]} and {twice[1]} are one and the same parameter")
    return Call(command=str(name), parameters=found)


def _parameter(name: str, value: object) -> Parameter:
    if not re.fullmatch(r"[A-Za-z]\w*", name):
        raise _mistake(f"{name!r} is not the name of a parameter")
    if not isinstance(value, Late):
        _must_be_plain(value)
        return Parameter(name=name, value=value)
    match = _PLACEHOLDER.fullmatch(value.text.strip())
    if match is None:
        raise _mistake(f"{value.text} is no placeholder: they are whole values of the form {{{{ before.NAME }}}}")
    source: Any = match[1]
    return Parameter(name=name, value=match[2], source=source)


def _must_be_plain(value: object) -> None:
    """A placeholder inside a list or mapping is none: only a parameter's whole value is filled in. No secrets.

    No fractions either: YAML reads 3.10 as 3.1. A quoted one is converted by the command.
    """
    if isinstance(value, Secret):
        raise _mistake("a secret cannot be a parameter yet: a plan does not keep it")
    if isinstance(value, float):
        raise _mistake(f"{value} is a fraction, of which YAML does not keep the spelling: quote it")
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for item in inner:
        if isinstance(item, Late):
            raise _mistake(f"{item.text} must be the whole value of a parameter, not a part of it")
        _must_be_plain(item)


def _value(value: Any) -> Value:
    if isinstance(value, (list, tuple)):
        return tuple(_value(item) for item in value)
    if isinstance(value, Mapping):
        return {str(key): _value(item) for key, item in value.items()}
    found: Value = value
    return found


def _mistake(message: str) -> PydanticCustomError:
    return PydanticCustomError("cmdlet_call", "{message}", {"message": message})
