"""Reads the profiles of groundtruth/psca and psca-docs; the traps of its README (section 1) are handled here, by name.

Trap 1: an absent Position is 0, the lowest Int32 means "only by name". Trap 2: a captured parameter without parameter
sets is in all of them and has lost its flags; `with_flags` takes them from reference pages or from the text of
`Get-Command -Syntax`, and what no source tells stays uncertain. A trap more, which
the README does not name: the captures of 5.1 have lost Mandatory where it stood alone. The other traps are the business
of `catalogue`.
"""

from __future__ import annotations

import functools
import json
import lzma
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.profiles.shape import ALL, UNCERTAIN, CommandProfile, ParameterProfile, Place

Commands = Mapping[str, CommandProfile]  # by folded name

_BY_NAME_ONLY = -2147483648
_VARIANT = re.compile(r" - .*|\s+$", re.DOTALL)  # "propertyValuePathSet - Registry provider\r\n\r"


@functools.cache
def read_commands(path: Path) -> Commands:
    """The commands of one profile. Of a name that two modules have, the one with more parameters."""
    found: dict[str, CommandProfile] = {}
    for command in _commands(_load(path)["Compatibility"]["Modules"]):
        other = found.get(command.name.casefold())
        if other is None or len(other.parameters) < len(command.parameters):
            found[command.name.casefold()] = command
    return found


@functools.cache
def read_native(path: Path) -> frozenset[str]:
    """The native programs of a captured machine, folded, with and without their ending."""
    names = {name.casefold() for name in _load(path)["Compatibility"]["NativeCommands"]}
    return frozenset(names | {name.rpartition(".")[0] for name in names})


@functools.cache
def read_syntax(path: Path) -> Mapping[str, str]:
    """The text of `Get-Command -Syntax` by folded command name, all parameter sets in one line (engine-settings)."""
    texts: dict[str, str] = {}
    for module in _load(path)["Modules"]:
        exported = module["ExportedCommands"] or []
        for command in exported if isinstance(exported, list) else [exported]:
            text = command["ParameterSets"]
            texts[command["Name"].casefold()] = " ".join(text) if isinstance(text, list) else text or ""
    return texts


def with_flags(captured: Commands, documented: tuple[Commands, ...], syntax: Mapping[str, str]) -> Commands:
    """The captured commands with the flags that the capture lost: trap 2, and what `_loses_mandatory` tells."""
    lossy = _loses_mandatory(captured)
    found: dict[str, CommandProfile] = {}
    for name, command in captured.items():
        pages = [one[name] for one in documented if name in one]
        parameters = {
            folded: _with_flags(parameter, _page_of(folded, pages), syntax.get(name), lossy)
            for folded, parameter in command.parameters.items()
        }
        found[name] = replace(command, parameters=parameters)
    return found


def _loses_mandatory(captured: Commands) -> bool:
    """Whether a place that is only Mandatory came out without any flag: so in both captures of 5.1, whose 1,900
    mandatory places all have a pipeline flag as well, and in no older one. The syntax text of 5.1 says "mandatory" of
    250 places out of those 252 of which it and the pages say anything.
    """
    places = (p for command in captured.values() for one in command.parameters.values() for p in one.places.values())
    return not any(place.mandatory and not place.from_pipe for place in places)


def _page_of(folded: str, pages: list[CommandProfile]) -> ParameterProfile | None:
    return next((page.parameters[folded] for page in pages if folded in page.parameters), None)


def _with_flags(
    parameter: ParameterProfile, page: ParameterProfile | None, syntax: str | None, lossy: bool
) -> ParameterProfile:
    written = _written_place(parameter.name, syntax)
    places = dict(parameter.places)
    if places == {ALL: UNCERTAIN}:
        places = {ALL: _documented_place(page) or written or UNCERTAIN}
    elif lossy:
        for name, place in places.items():
            source = (page.place(name) if page else None) or written
            if not place.from_pipe:
                places[name] = replace(place, mandatory=bool(source and source.mandatory), certain=source is not None)
    return replace(parameter, places=places, choices=parameter.choices or (page.choices if page else ()))


def _documented_place(parameter: ParameterProfile | None) -> Place | None:
    """The one place that the pages give a parameter; None where they give several that differ."""
    if parameter is None:
        return None
    places = set(parameter.places.values())
    return places.pop() if len(places) == 1 else None


def _written_place(name: str, syntax: str | None) -> Place | None:
    """What the syntax text says: `[-N] <T>` mandatory by position, `[[-N] <T>]` optional by position, `-N <T>`
    mandatory by name, `[-N <T>]` and the switch `[-N]` optional.

    The text has no pipeline flags. None where its parameter sets do not agree.
    """
    written = re.findall(rf"(?<![\w\[])(\[*)-{re.escape(name)}(\]? <|\]| |$)", syntax or "", re.IGNORECASE)
    if len(set(written)) != 1:
        return None
    opening, behind = written[0]
    is_positional = behind == "] <"
    return Place(mandatory=opening == ("[" if is_positional else ""), position=0 if is_positional else None)


def _load(path: Path) -> dict[str, Any]:
    with lzma.open(path) as packed:
        profile: dict[str, Any] = json.loads(packed.read().decode("utf-8-sig"))
    return profile


def _commands(modules: Mapping[str, Any]) -> Iterator[CommandProfile]:
    for module, versions in modules.items():
        for content in versions.values():
            for kind in ("Cmdlets", "Functions"):
                for name, entry in (content.get(kind) or {}).items():
                    yield _command(name, module, entry or {})


def _command(name: str, module: str, entry: Mapping[str, Any]) -> CommandProfile:
    parameters = [_parameter(own, data) for own, data in (entry.get("Parameters") or {}).items()]
    named = [_VARIANT.sub("", one) for one in entry.get("ParameterSets") or ()]
    places = [one for parameter in parameters for one in parameter.places if one != ALL]
    # A page may call the only parameter set as it likes ("All"): a name counts where parameters have sets at all.
    others = tuple(one for one in dict.fromkeys([*named, *places]) if one != ALL) if places else ()
    aliases = (entry.get("ParameterAliases") or {}).items()
    return CommandProfile(
        name,
        module,
        others or (ALL,),
        _VARIANT.sub("", entry.get("DefaultParameterSet") or "") or None,
        {parameter.name.casefold(): parameter for parameter in parameters},
        {alias.casefold(): own.casefold() for alias, own in aliases},
    )


def _parameter(name: str, data: Mapping[str, Any]) -> ParameterProfile:
    places = {_VARIANT.sub("", own): _place(place) for own, place in (data.get("ParameterSets") or {}).items()}
    return ParameterProfile(
        name, data.get("Type", ""), places or {ALL: UNCERTAIN}, tuple(data.get("AcceptedValues") or ())
    )


def _place(place: Mapping[str, Any]) -> Place:
    flags = place.get("Flags") or ()
    position = place.get("Position", 0)
    return Place(
        mandatory="Mandatory" in flags,
        position=None if position == _BY_NAME_ONLY else position,
        by_value="ValueFromPipeline" in flags,
        by_name="ValueFromPipelineByPropertyName" in flags,
    )
