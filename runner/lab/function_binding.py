"""What a function accepts, and how its arguments are bound: like a cmdlet's, but for what findings P1, P4 and P7 say.

The wording of a failed conversion is known for numbers only; other failures are refused by name, and so are attributes
that the lab does not check.
"""

from __future__ import annotations

from collections.abc import Sequence

from psrpcore.types import ErrorCategory

from runner.lab.binder import Binder, Binding, GivenArgument
from runner.lab.cmdlet import Session
from runner.lab.convert import INTEGER_TYPES, ConversionError, convert, is_convertible
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.signature import SWITCH, InSet, Parameter, Signature, Version, common_parameters, make_signature
from runner.lab.syntax import FunctionParameter, Literal, Validation
from runner.lab.type_names import full_type_name
from runner.lab.values import ClrList, to_text

_ASKING = (("WhatIf", "wi"), ("Confirm", "cf"))
_EVERYWHERE = "__AllParameterSets"
_NEVER_NULL = frozenset({*INTEGER_TYPES, "System.String", SWITCH})
_CHECKED = frozenset({"parameter", "alias", "validateset", "allownull", "allowemptystring", "allowemptycollection"})


def function_signature(
    parameters: tuple[FunctionParameter, ...], attributes: tuple[Validation, ...], version: Version
) -> Signature:
    """The signature that a function's parameters and attributes describe."""
    binding = _attribute("cmdletbinding", attributes)
    named = [set_name for p in parameters for set_name in _places(p, 0) if set_name != _EVERYWHERE]
    sets = tuple(dict.fromkeys(named)) or (_EVERYWHERE,)
    ordered = not any(_option(a, "Position") is not None for p in parameters for a in p.attributes)
    own = tuple(_parameter(p, index if ordered else None, sets) for index, p in enumerate(parameters))
    advanced = binding is not None or any(_attribute("parameter", p.attributes) for p in parameters)
    default = _option(binding, "DefaultParameterSetName") if binding is not None else None
    common = common_parameters(version, sets) if advanced else ()
    if binding is not None and _option(binding, "SupportsShouldProcess") is True:
        everywhere = dict.fromkeys(sets, InSet(mandatory=False, position=None))
        common += tuple(Parameter(name, SWITCH, everywhere, (alias,), common=True) for name, alias in _ASKING)
    return make_signature((*own, *common), sets, str(default) if default else None)


def _attribute(name: str, attributes: tuple[Validation, ...]) -> Validation | None:
    return next((a for a in attributes if a.name.casefold() == name), None)


def _option(attribute: Validation, name: str) -> object:
    """A named argument of an attribute, None where it is not given. Raises Terminating for one that is no literal."""
    for given, value in attribute.named:
        if given.casefold() == name.casefold():
            if not isinstance(value, Literal):
                raise Terminating(not_simulated(f"the attribute {attribute.name} with an expression"))
            return value.value
    return None


def _places(parameter: FunctionParameter, position: int | None) -> dict[str, InSet]:
    """The parameter sets that a parameter names, with its part in each."""
    places: dict[str, InSet] = {}
    for attribute in parameter.attributes:
        if attribute.name.casefold() == "parameter":
            given = _option(attribute, "Position")
            at = int(given) if isinstance(given, int) else position
            name = str(_option(attribute, "ParameterSetName") or _EVERYWHERE)
            places[name] = InSet(mandatory=_option(attribute, "Mandatory") is True, position=at)
    return places or {_EVERYWHERE: InSet(mandatory=False, position=position)}


def _parameter(parameter: FunctionParameter, position: int | None, sets: tuple[str, ...]) -> Parameter:
    type_name = full_type_name(parameter.type_name or "object") or parameter.type_name
    places = _places(parameter, None if type_name == SWITCH else position)
    if _EVERYWHERE in places:
        places = dict.fromkeys(sets, places[_EVERYWHERE])
    marks = [a for a in parameter.attributes if a.name.casefold() == "parameter"]
    choices = _attribute("validateset", parameter.attributes)
    return Parameter(
        parameter.name,
        type_name,
        places,
        aliases=_texts(_attribute("alias", parameter.attributes)),
        by_value=any(_option(a, "ValueFromPipeline") is True for a in marks),
        by_name=any(_option(a, "ValueFromPipelineByPropertyName") is True for a in marks),
        remaining=any(_option(a, "ValueFromRemainingArguments") is True for a in marks),
        accepts_null=any(a.name.casefold().startswith("allow") for a in parameter.attributes),
        choices=_texts(choices),
    )


def _texts(attribute: Validation | None) -> tuple[str, ...]:
    given = attribute.positional if attribute else ()
    return tuple(to_text(value.value) for value in given if isinstance(value, Literal))


class FunctionBinder(Binder):
    """Binds the arguments of one function."""

    def __init__(
        self, session: Session, signature: Signature, name: str, parameters: tuple[FunctionParameter, ...]
    ) -> None:
        unchecked = frozenset(
            p.name for p in parameters if any(a.name.casefold() not in _CHECKED for a in p.attributes)
        )
        super().__init__(session, signature, name, unchecked | {name for name, _ in _ASKING})

    @property
    def is_advanced(self) -> bool:
        """Whether it has the common parameters."""
        return any(parameter.common for parameter in self._signature.parameters)

    def bind(self, arguments: Sequence[GivenArgument], *, expects_input: bool) -> Binding:
        """Like a cmdlet's; without a default set, several that are still possible are an error (bind.ambiguous-set)."""
        binding = super().bind(arguments, expects_input=expects_input)
        if len(binding.possible) > 1 and self._signature.default_set is None and not expects_input:
            raise self._error("AmbiguousParameterSet")
        return binding

    def value_of(self, binding: Binding, name: str) -> object:
        """What the parameter's variable holds: unbound ones of a value type or text are 0, false or empty."""
        if name in binding.values:
            return binding.values[name]
        type_name = self._signature.by_name[name.casefold()].type_name
        return convert(None, type_name) if type_name in _NEVER_NULL else None

    def convert(self, name: str, value: object) -> object:
        """A default value as its parameter's type has it. Raises Terminating."""
        return self._converted(self._signature.by_name[name.casefold()], value)

    def _refuse_empty(self, parameter: Parameter, value: object) -> None:
        super()._refuse_empty(parameter, "" if value is None and parameter.type_name == "System.String" else value)

    def _converted(self, parameter: Parameter, value: object) -> object:
        if parameter.type_name == "System.String" and isinstance(value, (ClrList, bytes)):
            return to_text(value)
        if not is_convertible(parameter.type_name):
            raise Terminating(not_simulated(f"parameters of the type {parameter.type_name}"))
        try:
            return convert(value, parameter.type_name)
        except ConversionError as error:
            if parameter.type_name not in INTEGER_TYPES or isinstance(value, ClrList):
                raise Terminating(not_simulated(f"this error: {error}")) from None
            message = self._session.say("ParameterArgumentTransformationError", parameter.name, str(error))
            exception = "ParameterBindingArgumentTransformationException"
            error_id = "ParameterArgumentTransformationError"
            failure = Failure(error_id, ErrorCategory.InvalidData, exception, message, wrapped=True)
            raise Terminating(failure) from None
