"""Text files as the user gave them, and the mistakes found in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.model.errors import InputError, Problem
from runner.model.secret import MASK
from runner.model.source import ListNode, Node, Origin, ScalarNode

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # where YAML 1.1 ends a line
_KEY = r"(?:pass|pwd|secret|token)\w*[\"']?"
_SECRET = re.compile(
    # After the key `:` or `=`; one that was forgotten shows where a key would stand, or by Ansible's own names.
    rf"""(?:{_KEY}\s*[:=]\s*|(?:^\s*[\w"']*|ansible_\w*){_KEY}\s+(?![\s:=]))"""
    r"""(?P<value>"[^"]*"|'[^']*'|(?P<open>\S.*))""",
    re.IGNORECASE,
)
_SECRET_BELOW = re.compile(rf"{_KEY}\s*:\s*(?:[|>][-+0-9]*)?\s*(?:#.*)?$", re.IGNORECASE)
_EXPRESSION = re.compile(r"\{\{.*?\}\}")
_LOOKUP = re.compile(r"""lookup\(\s*\\?["']env\\?["']\s*,\s*\\?["']\w*\\?["']\s*\)""")
_LITERAL = re.compile(r"""'[^']*'|"[^"]*"|[0-9]{3,}""")
_WORD = re.compile(r"[^\s'\"]{3,}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """A text with the name that its origins carry. `digest` is the SHA-256 of the file's bytes, in hex."""

    file: str
    text: str
    digest: str = ""
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, file: str, text: str, digest: str = "") -> Source:
        return cls(file, text, digest, tuple(_LINE_END.split(text)))

    @classmethod
    def read(cls, path: Path) -> Source:
        """Reads a UTF-8 file, with or without a byte order mark; InputError if it cannot be read or is no UTF-8."""
        file = str(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(Problem(f"cannot be read: {error.strerror or error}", Origin(file))) from None
        return cls.of(file, _decoded(file, data), hashlib.sha256(data).hexdigest())

    def problem(self, message: str, origin: Origin, hint: str = "") -> Problem:
        """A problem with its source line. What looks like a password's value is in neither line nor message."""
        line = self.lines[origin.line - 1] if 1 <= origin.line <= len(self.lines) else ""
        secrets = [(0, len(line))] if self._is_below_secret(origin.line) else list(_secrets(line))
        secrets = [(start, end) for start, end in secrets if _written(line[start:end])]
        if any(word in _written(line[start:end]) for start, end in secrets for word in _WORD.findall(message)):
            message, hint = "this value is not valid as it is written", "a password stands in single quotes"
        if secrets:
            start, end = secrets[0]
            line = line[:start] + MASK if origin.column <= end else ""  # a mask would shift what follows it
        return Problem(message, origin, hint, line)

    def _is_below_secret(self, number: int) -> bool:
        """Whether the nearest line that is indented less begins, or holds, the value of a password."""
        if not 1 <= number <= len(self.lines):
            return False
        indent = _indent(self.lines[number - 1])
        above = (line for line in reversed(self.lines[: number - 1]) if line.strip() and _indent(line) < indent)
        parent = next(above, "")
        return _SECRET_BELOW.search(parent) is not None or any(True for _ in _secrets(parent))


@dataclass(slots=True)
class Findings:
    """Collects the mistakes of one reading, so that all are told at once; one mistake is told once."""

    sources: dict[str, Source] = field(default_factory=dict)
    problems: dict[Problem, None] = field(default_factory=dict)

    def read(self, path: Path) -> Source:
        """The file as a Source whose lines later problems show; InputError as Source.read."""
        return self.add_source(Source.read(path))

    def add_source(self, source: Source) -> Source:
        self.sources[source.file] = source
        return source

    def add(self, message: str, at: Node | Origin | None = None, hint: str = "") -> None:
        origin = at if at is None or isinstance(at, Origin) else at.origin
        self.extend([Problem(message, origin, hint)])

    def extend(self, problems: Iterable[Problem]) -> None:
        self.problems.update((self._with_line(problem), None) for problem in problems)

    def raise_if_any(self) -> None:
        """Raises InputError with every problem, by file (in the order of reading), line and column."""
        if self.problems:
            order = {file: number for number, file in enumerate(self.sources)}
            raise InputError(*sorted(self.problems, key=lambda problem: _position(problem, order)))

    def _with_line(self, problem: Problem) -> Problem:
        origin = problem.origin
        if problem.line or origin is None or origin.file not in self.sources:
            return problem
        return self.sources[origin.file].problem(problem.message, origin, problem.hint)


def _position(problem: Problem, order: dict[str, int]) -> tuple[int, int, int]:
    origin = problem.origin
    return (order.get(origin.file, len(order)), origin.line, origin.column) if origin else (-1, 0, 0)


def _secrets(line: str) -> Iterator[tuple[int, int]]:
    """Where the values of keys that sound like passwords begin and end."""
    position = 0
    while found := _SECRET.search(line, position):
        start, end = found.span("value")
        if found["open"] and "{" in line[: found.start()]:  # inside a mapping in braces
            end = start + len(re.split("[,}]", found["open"], maxsplit=1)[0])
        yield start, end
        position = max(end, start + 1)


def _written(value: str) -> str:
    """What a value says by itself: without the names in its templates, and without `lookup('env', NAME)`."""
    said = _EXPRESSION.sub(lambda found: " ".join(_LITERAL.findall(_LOOKUP.sub("", found[0]))), value)
    return said.strip(" \t'\"")


def _indent(line: str) -> int:
    """A dash of a list counts as indentation: the keys behind it are siblings of those below them."""
    return len(line) - len(line.lstrip(" -"))


def _decoded(file: str, data: bytes) -> str:
    hint = "save the file as UTF-8"
    if data.startswith(_UTF16):
        raise InputError(Problem("the file is UTF-16, not UTF-8", Origin(file), hint))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        message = f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise InputError(Problem(message, Origin(file, line, column), hint)) from None


def text_of(node: Node | None) -> str | None:
    """The text of a scalar that is a string; None for anything else."""
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else None


def kind(node: Node) -> str:
    """What a node is, in the words of an error message."""
    if isinstance(node, ScalarNode):
        names = {str: "a text", bool: "a boolean", int: "a number", float: "a number"}
        return names.get(type(node.value), "nothing")
    return "a list" if isinstance(node, ListNode) else "a mapping"
