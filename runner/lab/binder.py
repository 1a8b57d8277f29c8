"""The parameter binder: which value of a call goes to which parameter, or the error that the engine raises.

The rules are findings P1 to P8 of `groundtruth/pwsh76/README.md` and the cases bind.*; the order of the steps is the
engine's: named parameters (names resolved, values converted in the order of the call), positional ones, then what is
left over, then the parameter set, then what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Session
from runner.lab.convert import ConversionError, ListToText, convert, is_convertible
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.members import MISSING, get_property
from runner.lab.signature import SWITCH, Parameter, Signature
from runner.lab.values import ClrList, clr_type_of, to_text

_ANY_TYPE = ("System.Object", "System.Management.Automation.PSObject")


class _NoValue(Enum):
    NO_VALUE = "a name without a value"


NO_VALUE: Final = _NoValue.NO_VALUE
# A name and a value; no name: positional. In a script a name may stand without its value (NO_VALUE): it is a switch, or
# takes the next positional argument.
GivenArgument = tuple[str | None, object]


@dataclass(slots=True)
class Binding:
    """The state of binding one call: what is bound, and the parameter sets that are still possible."""

    signature: Signature
    expects_input: bool
    values: dict[str, object] = field(default_factory=dict)
    possible: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.possible = list(self.signature.sets)

    def missing(self, set_name: str, *, before_input: bool) -> list[Parameter]:
        """The mandatory parameters of a set that are not bound; before input, without those that it may still bind."""
        return [
            p
            for p in self.signature.mandatory[set_name]
            if p.name not in self.values and not (before_input and self.expects_input and (p.by_value or p.by_name))
        ]


class Binder:
    """Binds the arguments of one command; every method raises Terminating as the engine does."""

    def __init__(self, session: Session, signature: Signature, command: str, unsimulated: frozenset[str]) -> None:
        self._session = session
        self._signature = signature
        self._command = command
        self._unsimulated = unsimulated

    def bind(self, arguments: Sequence[GivenArgument], *, expects_input: bool) -> Binding:
        """Bind a call's arguments before any pipeline object has come."""
        binding = Binding(self._signature, expects_input)
        unknown: list[str] = []
        positional: list[object] = []
        for given, value in self._paired(arguments):
            if given is None:
                positional.append(value)
                continue
            parameter = self._resolve(given)
            if parameter is None:
                unknown.append(given)
            elif parameter.name in self._unsimulated:
                raise self._unsimulated_parameter(parameter, value)
            elif parameter.name in binding.values:
                raise self._error("ParameterAlreadyBound", _bare(given))
            else:
                self._assign(binding, parameter, value)
        self._bind_positional(binding, positional)
        if unknown:
            raise self._error("NamedParameterNotFound", _bare(unknown[0]))
        self._check_mandatory(binding)
        return binding

    def bind_object(self, binding: Binding, item: object) -> Binding:
        """Bind one pipeline object in addition. Raises Terminating with InputObjectNotBound if nothing takes it."""
        bound = Binding(self._signature, True, dict(binding.values))
        bound.possible = list(binding.possible)
        taken = self._by_value(bound, item, exact=True) | self._by_property(bound, item)
        if not taken and not self._by_value(bound, item, exact=False):
            message = self._session.say("InputObjectNotBound")
            category = ErrorCategory.InvalidArgument
            exception = "ParameterBindingException"
            raise Terminating(
                Failure("InputObjectNotBound", category, exception, message, item, target_type="PSObject")
            )
        set_name = self.choose_set(bound)
        missing = bound.missing(set_name, before_input=False)
        if missing:
            raise self._missing(missing)
        return bound

    def choose_set(self, binding: Binding) -> str:
        """The parameter set of a finished binding: the default one if possible, else the first that misses nothing."""
        default = self._signature.default_set
        complete = [s for s in binding.possible if not binding.missing(s, before_input=False)]
        candidates = complete or binding.possible
        return default if default in candidates else candidates[0]

    def _unsimulated_parameter(self, parameter: Parameter, value: object) -> Terminating:
        """The refusal of a parameter; a value that does not even bind fails as it does everywhere."""
        if is_convertible(parameter.type_name):
            self._converted(parameter, value)
        return Terminating(not_simulated(f"the parameter -{parameter.name} of {self._command}"))

    def _paired(self, arguments: Sequence[GivenArgument]) -> list[GivenArgument]:
        """The arguments with a value for each name: switches are on, other names take what follows them."""
        paired: list[GivenArgument] = []
        rest = list(arguments)
        while rest:
            name, value = rest.pop(0)
            if name is None or value is not NO_VALUE:
                paired.append((name, value))
                continue
            parameter = self._resolve(name)
            if parameter is not None and parameter.type_name == SWITCH:
                paired.append((name, True))
            elif rest and rest[0][0] is None:
                paired.append((name, rest.pop(0)[1]))
            elif parameter is None:
                paired.append((name, True))
            else:
                raise self._error("MissingArgument", parameter.name, parameter.type_name)
        return paired

    def _resolve(self, given: str) -> Parameter | None:
        """The parameter of this name, alias or unambiguous prefix; the command's own win over common ones (P2)."""
        wanted = _bare(given).casefold()
        if wanted in self._signature.by_name:
            return self._signature.by_name[wanted]
        found = [
            p for p in self._signature.parameters if any(n.casefold().startswith(wanted) for n in p.names()) and wanted
        ]
        own = [p for p in found if not p.common] or found
        if len(own) > 1:
            matches = "".join(f" -{p.name}" for p in sorted(own, key=lambda p: p.name))
            raise self._error("AmbiguousParameter", _bare(given), matches)
        return own[0] if own else None

    def _assign(self, binding: Binding, parameter: Parameter, value: object) -> None:
        mandatory = any(place.mandatory for place in parameter.sets.values())
        if mandatory and not parameter.accepts_null and parameter.type_name != SWITCH:
            self._refuse_empty(parameter, value)
        binding.values[parameter.name] = self._checked(parameter, self._converted(parameter, value))
        binding.possible = [s for s in binding.possible if s in parameter.sets]
        if not binding.possible:
            raise self._error("AmbiguousParameterSet")

    def _bind_positional(self, binding: Binding, arguments: list[object]) -> None:
        rest = list(arguments)
        for parameter in self._positional(binding) if rest else ():
            if not rest:
                return
            if parameter.name in binding.values or not any(s in parameter.sets for s in binding.possible):
                continue
            if parameter.remaining:
                self._assign(binding, parameter, rest[0] if len(rest) == 1 else ClrList(rest))
                return
            self._assign(binding, parameter, rest.pop(0))
        named = next((p for p in self._signature.parameters if p.remaining and p.name not in binding.values), None)
        if rest and named is not None:
            self._assign(binding, named, rest[0] if len(rest) == 1 else ClrList(rest))
        elif rest:
            raise self._error("PositionalParameterNotFound", to_text(rest[0]))

    def _positional(self, binding: Binding) -> list[Parameter]:
        """The positional parameters in order; at one position the default set's comes first."""
        default = self._signature.default_set
        ranked: list[tuple[int, bool, Parameter]] = []
        for parameter in self._signature.parameters:
            positions = {s: i.position for s, i in parameter.sets.items() if i.position is not None}
            usable = [s for s in positions if s in binding.possible]
            if usable:
                best = default if default in usable else usable[0]
                ranked.append((positions[best] or 0, best != default, parameter))
        return [parameter for _, _, parameter in sorted(ranked, key=lambda entry: entry[:2])]

    def _check_mandatory(self, binding: Binding) -> None:
        satisfied = [s for s in binding.possible if not binding.missing(s, before_input=True)]
        if satisfied:
            binding.possible = satisfied
            return
        default = self._signature.default_set
        if default in binding.possible:
            raise self._missing(binding.missing(default, before_input=True))
        if len(binding.possible) == 1:
            raise self._missing(binding.missing(binding.possible[0], before_input=True))
        raise self._error("AmbiguousParameterSet")

    def _by_value(self, binding: Binding, item: object, *, exact: bool) -> bool:
        """Bind the object itself: first where it has the parameter's type, only then where it must be converted."""
        candidates = [p for p in self._open(binding) if p.by_value and (not exact or _is_of_type(item, p.type_name))]
        return any(self._try_assign(binding, parameter, item) for parameter in candidates)

    def _by_property(self, binding: Binding, item: object) -> bool:
        taken = False
        for parameter in [p for p in self._open(binding) if p.by_name]:
            for name in parameter.names():
                value = get_property(item, name)
                if value is not MISSING:
                    taken |= self._try_assign(binding, parameter, value)
                    break
        return taken

    def _open(self, binding: Binding) -> list[Parameter]:
        return [
            p
            for p in self._signature.parameters
            if p.name not in binding.values
            and p.name not in self._unsimulated
            and any(s in p.sets for s in binding.possible)
        ]

    def _try_assign(self, binding: Binding, parameter: Parameter, value: object) -> bool:
        if not any(s in parameter.sets for s in binding.possible):
            return False
        try:
            self._assign(binding, parameter, value)
        except Terminating:
            return False
        return True

    def _converted(self, parameter: Parameter, value: object) -> object:
        try:
            return convert(value, parameter.type_name)
        except ListToText as error:
            raise self._error(
                "CannotConvertArgument", to_text(value), parameter.type_name, parameter.name, str(error)
            ) from None
        except ConversionError as error:
            raise self._error("CannotConvertArgumentNoMessage", parameter.name, str(error)) from None

    def _checked(self, parameter: Parameter, value: object) -> object:
        """Findings P7 and E3: each element of a list is held against a ValidateSet or ValidatePattern, in any case."""
        for item in value.items if isinstance(value, ClrList) else (value,):
            text = to_text(item)
            if parameter.choices and text.casefold() not in (choice.casefold() for choice in parameter.choices):
                message = ("ValidateSetFailure", parameter.name, text, ",".join(parameter.choices))
                raise self._validation("ParameterArgumentValidationError", *message)
            if parameter.pattern and not re.search(parameter.pattern, text, re.IGNORECASE):
                message = ("ValidatePatternFailure", parameter.name, text, parameter.pattern)
                raise self._validation("ParameterArgumentValidationError", *message)
        return value

    def _refuse_empty(self, parameter: Parameter, value: object) -> None:
        if isinstance(value, ClrList) and not value.items:
            kind = "EmptyArray"
        else:
            parts = value.items if isinstance(value, ClrList) else [value]
            if any(part is None for part in parts):
                kind = "Null"
            elif "System.String" in parameter.type_name and any(part == "" for part in parts):
                kind = "EmptyString"
            else:
                return
        key = f"ParameterArgumentValidationError{kind}NotAllowed"
        raise self._validation(key, key, parameter.name)

    def _missing(self, parameters: list[Parameter]) -> Terminating:
        return self._error("MissingMandatoryParameter", "".join(f" {p.name}" for p in parameters))

    def _error(self, error_id: str, *arguments: str) -> Terminating:
        message = self._session.say(error_id, *arguments)
        category = ErrorCategory.InvalidArgument
        return Terminating(Failure(error_id, category, "ParameterBindingException", message, wrapped=True))

    def _validation(self, error_id: str, text_key: str, *arguments: str) -> Terminating:
        message = self._session.say(text_key, *arguments)
        exception = "ParameterBindingValidationException"
        return Terminating(Failure(error_id, ErrorCategory.InvalidData, exception, message, wrapped=True))


def _bare(given: str) -> str:
    """The name without the dash, and without the colon after a dashed one, that the engine tolerates (P2)."""
    return given[1:].removesuffix(":") if given.startswith("-") else given


def _is_of_type(item: object, type_name: str) -> bool:
    wanted = type_name.removesuffix("[]")
    return wanted in _ANY_TYPE or clr_type_of(item) == wanted
