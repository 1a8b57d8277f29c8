"""Script text as data: the nodes of the part of PowerShell's language that the lab executes.

That are sequences of simple commands: pipes of calls with values as arguments, variables, `throw`, `try`/`finally`,
and functions made of the same. `script.py` reads them from text, `interpreter.py` executes them.
"""

from __future__ import annotations

from dataclasses import dataclass


class Unsupported(Exception):
    """The text uses a part of the language that the lab does not execute; the text of the error names it."""


class ParseError(Exception):
    """The text is no PowerShell. `incomplete`: it ends where more is needed."""

    def __init__(self, error_id: str, message: str, *, incomplete: bool = False) -> None:
        super().__init__(message)
        self.error_id = error_id
        self.incomplete = incomplete


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it stands: a text, a number, or $null, $true and $false."""

    value: object


@dataclass(frozen=True, slots=True)
class Variable:
    """$name; a drive or scope is part of the name ("env:TEMP")."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text in double quotes: its pieces, joined as texts."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """Values with commas between them."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """@( ): always a list of what the statements write."""

    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class ResultOf:
    """$( ) or a pipe in parentheses: what the statements write; one object is itself."""

    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """@{ }."""

    pairs: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """[type]value."""

    type_name: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Negated:
    """-value."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Added:
    """left + right."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class TypeName:
    """[type] on its own, as the target of a static member."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """target.name or [type]::name; with `arguments` a call of a method."""

    target: Expression
    name: str
    static: bool
    arguments: tuple[Expression, ...] | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """{ }: a script block as a value."""

    body: FunctionBody | Refused


Expression = (
    Literal | Variable | Text | Items | ArrayOf | ResultOf | Table | Cast | Negated | Added | TypeName | Member | Block
)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call. A name without value is a switch, or takes the next positional argument as its value."""

    name: str | None
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Call:
    """One command of a pipe. `merges_errors`: it has 2>&1."""

    name: Expression
    arguments: tuple[Argument, ...] = ()
    merges_errors: bool = False


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands joined by |; the first may be a value."""

    elements: tuple[Call | Expression, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """$name = pipe."""

    name: str
    value: Pipe


@dataclass(frozen=True, slots=True)
class Throw:
    value: Pipe | None


@dataclass(frozen=True, slots=True)
class Return:
    value: Pipe | None


@dataclass(frozen=True, slots=True)
class Break:
    """break outside of every loop."""


@dataclass(frozen=True, slots=True)
class Exit:
    value: Pipe | None


@dataclass(frozen=True, slots=True)
class Try:
    body: tuple[Statement, ...]
    catch: tuple[Statement, ...] | None
    finally_: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """An attribute of a parameter: `Alias`, `ValidateSet`, `Parameter`, ...; a named argument without value is true."""

    name: str
    positional: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionParameter:
    """One parameter of a function: its .NET type ("" where none is written), attributes and default."""

    name: str
    type_name: str
    attributes: tuple[Validation, ...] = ()
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class FunctionBody:
    """What a function or script block consists of. A body without named blocks is its `end` block.

    `attributes` are those before `param`: with CmdletBinding it is an advanced function.
    """

    parameters: tuple[FunctionParameter, ...] = ()
    attributes: tuple[Validation, ...] = ()
    begin: tuple[Statement, ...] = ()
    process: tuple[Statement, ...] | None = None
    end: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """function NAME { }. A body that the lab does not execute is refused when it is called, not where it stands."""

    name: str
    body: FunctionBody | Refused


@dataclass(frozen=True, slots=True)
class Refused:
    """A function's parameters (where they can be read) and why its body is not executed."""

    parameters: tuple[FunctionParameter, ...] | None
    attributes: tuple[Validation, ...]
    reason: str


Statement = Pipe | Assignment | Throw | Return | Break | Exit | Try | Function
