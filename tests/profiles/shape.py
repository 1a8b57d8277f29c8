"""What a profile says, as values: commands, their parameters, and the part of each in every parameter set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ALL = "__AllParameterSets"  # a parameter with this one is in every set of its command


@dataclass(frozen=True, slots=True)
class Place:
    """A parameter's part in one parameter set. `certain` is False where no source tells its flags."""

    mandatory: bool = False
    position: int | None = None  # None: only by name
    by_value: bool = False
    by_name: bool = False
    certain: bool = True

    @property
    def from_pipe(self) -> bool:
        return self.by_value or self.by_name


UNCERTAIN = Place(certain=False)


@dataclass(frozen=True, slots=True)
class ParameterProfile:
    """One parameter. `type` is as its source writes it; `choices` are the accepted values, where they are known."""

    name: str
    type: str
    places: Mapping[str, Place]
    choices: tuple[str, ...] = ()

    def place(self, parameter_set: str) -> Place | None:
        """Its part in a parameter set; None if it is not in it."""
        return self.places.get(parameter_set) or self.places.get(ALL)


@dataclass(frozen=True, slots=True)
class CommandProfile:
    """One cmdlet or function. `aliases` are other names of parameters, by their folded text."""

    name: str
    module: str
    sets: tuple[str, ...]
    default_set: str | None
    parameters: Mapping[str, ParameterProfile]  # by folded name
    aliases: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> ParameterProfile | None:
        """A parameter by its name or an alias, whole: a prefix that is unique today need not be so tomorrow."""
        folded = name.casefold()
        return self.parameters.get(folded) or self.parameters.get(self.aliases.get(folded, ""))

    def in_set(self, parameter_set: str) -> dict[str, Place]:
        """The parameters of one set, by name."""
        places = ((one.name, one.place(parameter_set)) for one in self.parameters.values())
        return {name: place for name, place in places if place is not None}
