"""Holds a statement against a profile: commands, parameters, types, parameter sets. Says everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from runner.model.command import Command, Statement
from runner.model.value import Value
from tests.profiles.catalogue import Profile, dynamic
from tests.profiles.fitting import fits
from tests.profiles.shape import CommandProfile, ParameterProfile, Place

# Mandatory parameters that may be null or empty, as recorded; all others refuse that (pwsh76/README.md P1).
MAY_BE_EMPTY = {
    ("Set-ItemProperty", "Value"): "reg-sip-multistring-empty",
    ("Write-Output", "InputObject"): "out.null-output",
}


def problems(statement: Statement, profile: Profile) -> list[str]:
    """What this machine would refuse in the statement; [] if nothing."""
    paths = _paths(statement[0])
    return [
        f"{command.name}: {problem}"
        for place, command in enumerate(statement)
        for problem in _problems(command, profile, paths, is_piped=place > 0)
    ]


def _paths(command: Command) -> tuple[str, ...]:
    """The paths that decide which provider's dynamic parameters there are."""
    given = [value for name, value in command.parameters if name.casefold() in ("literalpath", "path")]
    paths = [path for value in given for path in (value if isinstance(value, tuple) else (value,))]
    return tuple(path for path in paths if isinstance(path, str))


def _problems(command: Command, profile: Profile, paths: tuple[str, ...], is_piped: bool) -> Iterator[str]:
    known = profile.find(command.name)
    if known is None:
        if command.name.casefold() not in profile.native:
            yield "there is no such command"
        elif command.parameters:
            yield "a program takes arguments, not parameters"
        return
    if command.arguments:
        yield "values without a parameter's name"
    given: dict[str, Place | None] = {}
    for name, value in command.parameters:
        parameter, is_own = _find(known, profile, name, paths)
        if parameter is None:
            yield f"-{name}: there is no such parameter"
            continue
        if is_own:
            if parameter.name in given:
                yield f"-{name}: given twice"
            given[parameter.name] = None
        yield from _wrong_value(known, parameter, value)
    yield from _wrong_set(known, frozenset(given), is_piped)


def _find(
    command: CommandProfile, profile: Profile, name: str, paths: tuple[str, ...]
) -> tuple[ParameterProfile | None, bool]:
    """The parameter, and whether it is the command's own, so that parameter sets have to do with it."""
    own = command.find(name)
    if own is not None:
        return own, True
    return profile.common(name) or dynamic(command.name, name, paths), False


def _wrong_value(command: CommandProfile, parameter: ParameterProfile, value: Value) -> Iterator[str]:
    if not fits(parameter, value):
        yield f"-{parameter.name}: a {type(value).__name__} is no {parameter.type}"
        return
    may_be_empty = (command.name, parameter.name) in MAY_BE_EMPTY
    if value in (None, "", ()) and not may_be_empty and any(one.mandatory for one in parameter.places.values()):
        yield f"-{parameter.name}: mandatory, so that it must not be empty"


def _wrong_set(command: CommandProfile, given: frozenset[str], is_piped: bool) -> Iterator[str]:
    """One parameter set must hold all that is given, with nothing mandatory left out that no pipe brings."""
    missing: dict[str, list[str]] = {}
    for parameter_set in command.sets:
        places = command.in_set(parameter_set)
        if given <= places.keys():
            missing[parameter_set] = list(_missing(places, given, is_piped))
    if not is_piped and command.default_set in missing:
        missing = {command.default_set: missing[command.default_set]}  # the engine takes it wherever it can
    whole = [parameter_set for parameter_set, names in missing.items() if not names]
    if not missing:
        yield f"{', '.join(sorted(given))}: no parameter set has all of them"
    elif not whole:
        yield f"mandatory, and not given: {' or '.join(', '.join(names) for names in missing.values())}"
    elif len(whole) > 1 and not is_piped and command.default_set:
        yield f"the parameter sets {', '.join(whole)} fit alike"
    for parameter_set in whole[:1]:
        yield from _wrong_pipe(command, parameter_set, given, is_piped)


def _missing(places: dict[str, Place], given: frozenset[str], is_piped: bool) -> Iterator[str]:
    for name, place in places.items():
        if name not in given:
            if not place.certain:
                yield f"{name} (it may be mandatory: no source tells)"
            elif place.mandatory and not (is_piped and place.from_pipe):
                yield name


def _wrong_pipe(command: CommandProfile, parameter_set: str, given: frozenset[str], is_piped: bool) -> Iterator[str]:
    """What stands behind a pipe must have a parameter that takes the objects."""
    places = command.in_set(parameter_set)
    if is_piped and not any(place.from_pipe for name, place in places.items() if name not in given):
        yield "takes nothing from a pipe"
