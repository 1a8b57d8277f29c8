"""Where-Object in its simple form: -Property NAME -OPERATOR -Value VALUE (finding O3, cases object.where-*).

The negated operators and the case-sensitive forms are the same comparisons. A script block can never be filled over
PSRP (finding P6), so that form always ends in a binding error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.compare import COMPARISONS, NEGATIONS, BadPattern, NotComparable
from runner.lab.cmdlets.objects import CORE
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.members import MISSING, get_property
from runner.lab.signature import Traits
from runner.lab.values import ClrList, is_true

_SET_NAMES = {
    "EQ": "Equal",
    "NE": "NotEqual",
    "GT": "GreaterThan",
    "GE": "GreaterOrEqual",
    "LT": "LessThan",
    "LE": "LessOrEqual",
    "Like": "Like",
    "NotLike": "NotLike",
    "Match": "Match",
    "NotMatch": "NotMatch",
    "Contains": "Contains",
    "NotContains": "NotContains",
    "In": "In",
    "NotIn": "NotIn",
}
_OPERANDS = "[-Property] <String> [[-Value] <PSObject>] [-InputObject <PSObject>]"


def _syntax() -> dict[str, str]:
    sets = {
        "EqualSet": f"{_OPERANDS} [-EQ]",
        "ScriptBlockSet": "[-FilterScript] <ScriptBlock> [-InputObject <PSObject>]",
    }
    for operator, words in _SET_NAMES.items():
        if operator != "EQ":
            sets[f"{words}Set"] = f"{_OPERANDS} -{operator}"
        sets[f"CaseSensitive{words}Set"] = f"{_OPERANDS} -C{operator}"
    sets["Not@6.1"] = "[-Property] <String> [-InputObject <PSObject>] -Not"
    sets["IsSet"] = f"{_OPERANDS} -Is"
    sets["IsNotSet"] = f"{_OPERANDS} -IsNot"
    return sets


class WhereObject(Cmdlet):
    name = "Where-Object"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.WhereObjectCommand"
    aliases = ("where", "?")
    syntax: ClassVar = _syntax()
    traits: ClassVar = {
        "InputObject": Traits(pipeline="value"),
        **{operator: Traits(aliases=(f"I{operator}",)) for operator in _SET_NAMES},
    }
    default_set = "EqualSet"
    unsimulated = frozenset({"Is", "IsNot"})

    def begin(self) -> Iterator[Event]:
        operator = self._operator()
        if operator is None and "Value" in self.arguments:
            message = self.session.say("OperatorNotSpecified")
            raise Terminating(
                Failure("OperatorNotSpecified", ErrorCategory.InvalidArgument, "PSArgumentException", message)
            )
        return iter(())

    def process(self) -> Iterator[Event]:
        item = self.arguments.get("InputObject")
        if item is None:
            return
        found = get_property(item, self.arguments.text("Property"))
        value = None if found is MISSING else found
        operator = self._operator()
        try:
            passes = is_true(value) if operator is None else self._compare(operator, value)
        except BadPattern as error:
            reason = error.sentence(self.session.version)
            message = f"The argument to operator '{self._dotnet_name(operator)}' is not valid: {reason}."
            yield self._report(
                "BadOperatorArgument", ErrorCategory.InvalidArgument, "PSArgumentException", message, item
            )
            return
        except NotComparable as error:
            message = f"The '{self._dotnet_name(operator)}' operator failed: {error}."
            category = ErrorCategory.InvalidOperation
            yield self._report("OperatorFailed", category, "PSInvalidOperationException", message, item)
            return
        if passes is not self.arguments.flag("Not"):
            yield Emit(item)

    def _report(self, error_id: str, category: ErrorCategory, exception: str, message: str, item: object) -> Report:
        return Report(Failure(error_id, category, exception, message, item, target_type="PSObject"))

    def _dotnet_name(self, operator: str | None) -> str:
        sensitive = operator is not None and self.arguments.flag(f"C{operator}")
        return f"{'C' if sensitive else 'I'}{(operator or '').lower()}"

    def _operator(self) -> str | None:
        for operator in _SET_NAMES:
            if self.arguments.flag(operator) or self.arguments.flag(f"C{operator}"):
                return operator
        return None

    def _compare(self, operator: str, value: object) -> bool:
        positive = NEGATIONS.get(operator, operator)
        comparison = COMPARISONS[positive]
        if isinstance(value, ClrList) and positive not in ("Contains", "In"):
            raise Terminating(not_simulated("Where-Object on a property that is a list"))
        passes = comparison(value, self.arguments.get("Value"), self.arguments.flag(f"C{operator}"))
        return passes is not (operator in NEGATIONS)


COMMANDS: tuple[type[Cmdlet], ...] = (WhereObject,)
