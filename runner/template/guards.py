"""What keeps a template from showing a secret, from using what is undefined, and from running without end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import wraps
from itertools import islice
from typing import Any

from jinja2 import StrictUndefined, TemplateRuntimeError, UndefinedError
from jinja2.runtime import Context
from jinja2.utils import missing

from runner.model.secret import Secret
from runner.template.errors import TemplateError, UndefinedName

MAX_STEPS = 100_000  # loop iterations of one rendering, and items of one list that a generator yields
MAX_TEXT = 1_000_000  # characters of one text
MAX_BITS = 4096  # of one number

_WIDE_FORMAT = re.compile(r"%[^a-zA-Z%]*(\d{5}|\*)")


class UndefinedUse(UndefinedError):
    """Something undefined was used; `name` and `of` say what."""

    def __init__(self, message: str, name: object, of: object) -> None:
        super().__init__(message)
        self.name = name
        self.of = of


class Missing(StrictUndefined):
    """An undefined value. A part of it is undefined too, so that `a.b.c | default(1)` works as in Ansible.

    A variable whose own template failed is a Missing with `error`; only UndefinedName counts as undefined then.
    """

    __slots__ = ("error",)

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Callable[[str], Exception] = UndefinedError,
        error: TemplateError | None = None,
    ) -> None:
        self.error = error
        if error is not None:
            raised: Callable[[str], Exception] = lambda _: error  # noqa: E731
        elif exc is UndefinedError:
            raised = lambda message: UndefinedUse(message, name, obj)  # noqa: E731
        else:
            raised = exc
        super().__init__(hint, obj, name, raised)  # type: ignore[arg-type]  # only called with the message, then raised

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Any:
        return self

    def fail(self) -> None:
        self._fail_with_undefined_error()


def unusable(name: str, reason: str) -> object:
    """A value that cannot be had: whatever uses it fails with the reason, `default` and `defined` included."""
    return Missing(name=name, error=TemplateError(f"{name} {reason}"))


class Incomplete(dict[str, object]):
    """What is known of something, where the rest cannot be had: whatever uses a part that it lacks fails, and why."""

    def __init__(self, known: Mapping[str, object], reason: str) -> None:
        super().__init__(
            {name: Incomplete(value, reason) if isinstance(value, Mapping) else value for name, value in known.items()}
        )
        self._reason = reason

    def __missing__(self, name: str) -> object:
        return unusable(name, self._reason)

    def get(self, name: str, default: object = None) -> object:
        return self[name]


def undefined(value: object) -> bool:
    """Whether a value is undefined; raises what is wrong when its own template is broken in another way."""
    if not isinstance(value, Missing):
        return False
    if value.error is not None and not isinstance(value.error, UndefinedName):
        raise value.error
    return True


def holds_secret(value: object) -> bool:
    if isinstance(value, Secret):
        return True
    if isinstance(value, Mapping) and not isinstance(value, Context):  # what filters are called with, not a value
        return any(holds_secret(item) for pair in value.items() for item in pair)
    return isinstance(value, (list, tuple)) and any(holds_secret(item) for item in value)


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter or test, which now refuses undefined values."""

    @wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        for value in (*args, *options.values()):
            if isinstance(value, Missing):
                value.fail()
        return function(*args, **options)

    return checked


def guarded(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """The filter or test, which now refuses undefined values and secrets."""

    @wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        if any(holds_secret(value) for value in (*args, *options.values())):
            raise TemplateRuntimeError(f"a secret must not go through the {what}")
        return function(*args, **options)

    return strict(checked)


def as_text(pieces: Iterable[object]) -> str:
    """The pieces of a mixed text, joined."""
    texts = []
    size = 0
    for piece in pieces:
        if holds_secret(piece):
            raise TemplateRuntimeError("a secret must not become part of a text; use it alone")
        text = piece if isinstance(piece, str) else str(settled(piece))
        texts.append(text)
        size += len(text)
        if size > MAX_TEXT:
            raise TemplateRuntimeError(f"the text grows beyond {MAX_TEXT} characters")
    return "".join(texts)


def settled(value: object) -> object:
    """The value as data: lazy sequences become lists; what is undefined, or no data, raises. Data stays the object."""
    if isinstance(value, Missing):
        value.fail()
    if isinstance(value, dict):
        items = {_key(key): settled(item) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in items) else value
    if isinstance(value, (list, tuple)):
        parts = [settled(item) for item in value]
        return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    if isinstance(value, (range, Iterator)) or (isinstance(value, Set) and not isinstance(value, (set, frozenset))):
        return [settled(item) for item in bounded(value)]
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise TemplateRuntimeError("the number is too large")
    if callable(value):
        raise TemplateRuntimeError("the expression gives a function, not a value: parentheses are missing")
    return value


def _key(key: object) -> object:
    """A key of a mapping, which is one in JSON and YAML alike."""
    if key is None or isinstance(key, (str, bool, int, float)):
        return settled(key)
    kind = "a secret" if isinstance(key, Secret) else f"a value of type {type(key).__name__}"
    raise TemplateRuntimeError(f"a mapping's key is a text, a number, true, false or null, not {kind}")


def bounded(values: Iterable[object]) -> list[object]:
    items = list(islice(values, MAX_STEPS + 1))
    if len(items) > MAX_STEPS:
        raise TemplateRuntimeError(f"more than {MAX_STEPS} items")
    return items


def check_operands(operator: str, left: Any, right: Any) -> None:
    """Refuses an operation whose result would be huge, or would show a secret."""
    if operator == "%" and isinstance(left, str):
        if holds_secret(right) or holds_secret([right]):
            raise TemplateRuntimeError("a secret must not become part of a text; use it alone")
        if _WIDE_FORMAT.search(left):
            raise TemplateRuntimeError("the field width is too large")
    elif operator == "+" and _size(left) + _size(right) > MAX_TEXT:
        raise TemplateRuntimeError(f"the result of + is longer than {MAX_TEXT}")
    elif operator == "*":
        for value, times in ((left, right), (right, left)):
            if isinstance(value, (str, bytes, Sequence)) and isinstance(times, int) and len(value) * times > MAX_TEXT:
                raise TemplateRuntimeError(f"the result of * is longer than {MAX_TEXT}")
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
            raise TemplateRuntimeError("the number is too large")
    elif operator == "**" and isinstance(left, int) and isinstance(right, int) and _power_bits(left, right) > MAX_BITS:
        raise TemplateRuntimeError("the number is too large")


def _power_bits(base: int, exponent: int) -> int:
    return base.bit_length() * max(exponent, 1)


def _size(value: object) -> int:
    return len(value) if isinstance(value, (str, bytes, list, tuple)) else 0
