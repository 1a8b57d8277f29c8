"""YAML text -> a tree that knows its places.

The meaning of plain scalars is PyYAML's, and so Ansible's (YAML 1.1): `yes` and `on` are true, `22:00` is 1320, `010`
is 8. `text` keeps the spelling for those who must complain about that. Dates stay texts. One document in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from runner.model.errors import InputError, Problem
from runner.model.source import ListNode, MapNode, Node, Origin, Scalar, ScalarNode
from runner.parse.sources import Findings, Source, kind

MAX_BITS = 4096  # of a number
MAX_DEPTH = 100
MAX_ALIASED = 100_000  # nodes that aliases may stand for in one file
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SHOWN = 60  # characters of a value in a message
_CORE = "tag:yaml.org,2002:"
_READERS: Mapping[str, Callable[[SafeConstructor, yaml.ScalarNode], Scalar]] = MappingProxyType(
    {
        "bool": SafeConstructor.construct_yaml_bool,
        "float": SafeConstructor.construct_yaml_float,
        "int": SafeConstructor.construct_yaml_int,
        "null": SafeConstructor.construct_yaml_null,
    }
)
_TEXTS = ("str", "timestamp", "value", "merge")  # what a plain scalar may look like and still is a text here
_HINTS = (
    ("'\\t'", "YAML is indented with spaces, never with tabs"),
    ("mapping values are not allowed", "a text that holds ': ' must be quoted; keys of one mapping are indented alike"),
    ("could not find expected ':'", "a key needs a ':' behind it"),
    ("'<stream end>'", "a quotation mark or bracket is not closed"),
    ("expected <block end>", "entries of one block are indented alike; a quoted text must end with its value"),
    ("found unexpected end of stream", "a quotation mark or bracket is not closed"),
    ("escape", "in double quotes a backslash begins an escape: use single quotes for Windows paths"),
    ("cannot start any token", "a text that begins with a special character must be quoted"),
    ("undefined alias", "`*name` stands for an anchor `&name`; a text that begins with * must be quoted"),
)


def read_tree(source: Source, found: Findings) -> Node | None:
    """The tree of a text, or None if it is empty.

    A syntax error raises InputError with that error alone. Duplicate keys, unknown tags and the like go into `found`,
    and the tree is as good as it can be then.
    """
    try:
        return _Builder(source, found, _events(source)).document()
    except yaml.YAMLError as error:
        raise InputError(_syntax_error(source, error)) from None


def _events(source: Source) -> Iterator[Any]:
    """The parser's events. The slow parser speaks up for the fast one (libyaml), whose messages say less."""
    try:
        return iter(list(_shallow(source, yaml.parse(source.text, Loader=_LOADER))))
    except yaml.YAMLError:
        return iter(list(_shallow(source, yaml.parse(source.text, Loader=yaml.SafeLoader))))


def _shallow(source: Source, events: Iterable[Any]) -> Iterator[Any]:
    """The events, up to a depth that no honest file has: the parsers need very long for thousands of levels."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise InputError(_problem(source, f"nested more than {MAX_DEPTH} levels deep", event))
        yield event


def _syntax_error(source: Source, error: yaml.YAMLError) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        before = source.text[: int(error.position)]
        origin = Origin(source.file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        message = f"the character U+{ord(source.text[len(before)]):04X} is not allowed in YAML"
        return source.problem(message, origin)
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(f"not valid YAML: {error}", Origin(source.file))
    mark = error.problem_mark or error.context_mark
    origin = Origin(source.file, mark.line + 1, mark.column + 1) if mark else Origin(source.file)
    message = error.problem or error.context or "syntax error"
    hints = [hint for part, hint in _HINTS if part in message]
    if error.context and error.context_mark and error.context_mark.line + 1 != origin.line:
        hints.append(f"{error.context} that began in line {error.context_mark.line + 1}")
    return source.problem(f"not valid YAML: {message}", origin, hints[0] if hints else "")


@dataclass(slots=True)
class _Anchors:
    nodes: dict[str, tuple[Node, int]] = field(default_factory=dict)  # with the number of nodes in it
    open: set[str] = field(default_factory=set)
    aliased: int = 0


class _Builder:
    """Builds nodes from events. Each method returns a node and how many nodes it stands for."""

    def __init__(self, source: Source, found: Findings, events: Iterator[Any]) -> None:
        self._source = source
        self._found = found
        self._events = events
        self._anchors = _Anchors()
        self._resolver: Any = Resolver()
        self._constructor = SafeConstructor()

    def document(self) -> Node | None:
        next(self._events)  # the start of the stream
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return None
        node, _ = self._node(next(self._events))
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._found.add("a second YAML document begins here; one file holds one document", self._origin(after))
        empty = isinstance(node, ScalarNode) and node.value is None and not node.text
        return None if empty else node

    def _node(self, event: Any) -> tuple[Node, int]:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        anchor = event.anchor
        if anchor:
            self._anchors.open.add(anchor)
        if isinstance(event, yaml.ScalarEvent):
            built: tuple[Node, int] = self._scalar(event), 1
        elif isinstance(event, yaml.SequenceStartEvent):
            built = self._sequence(event)
        else:
            built = self._mapping(event)
        if anchor:
            self._anchors.open.discard(anchor)
            self._anchors.nodes[anchor] = built
        return built

    def _alias(self, event: Any) -> tuple[Node, int]:
        if event.anchor in self._anchors.open:
            raise InputError(_problem(self._source, f"the anchor &{event.anchor} holds itself", event))
        if event.anchor not in self._anchors.nodes:
            raise yaml.composer.ComposerError(None, None, f"found undefined alias {event.anchor!r}", event.start_mark)
        node, size = self._anchors.nodes[event.anchor]
        self._anchors.aliased += size
        if self._anchors.aliased > MAX_ALIASED:
            message = f"the aliases stand for more than {MAX_ALIASED} values"
            raise InputError(_problem(self._source, message, event))
        return node, size

    def _scalar(self, event: Any) -> ScalarNode:
        start, end = event.start_mark, event.end_mark
        raw = self._source.text[start.index : end.index]
        origin = self._origin(event)
        if event.style in ("|", ">"):
            _, _, body = raw.partition("\n")
            indent = len(body) - len(body.lstrip(" "))
            if body.strip():
                origin = Origin(origin.file, origin.line + 1, indent + 1)
            return ScalarNode(self._value(event, origin), origin, body[indent:])
        quoted = event.style in ("'", '"')
        text = raw[1:-1] if quoted else raw
        return ScalarNode(self._value(event, origin), origin, text, quoted)

    def _value(self, event: Any, origin: Origin) -> Scalar:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        name = str(tag).removeprefix(_CORE)
        if name in _TEXTS:
            return str(event.value)
        if name not in _READERS:
            self._unknown_tag(str(tag), origin)
            return str(event.value)
        try:
            value = _READERS[name](self._constructor, yaml.ScalarNode(tag, event.value))
            if isinstance(value, int) and value.bit_length() > MAX_BITS:
                raise ValueError("hexadecimal digits, of which int() takes any number, though str() does not")
            return value
        except (ValueError, KeyError, IndexError):
            shown = event.value if len(event.value) <= _SHOWN else f"{event.value[:_SHOWN]}..."
            self._found.add(f"{shown!r} cannot be read as {name}", origin, "quote it if it is a text")
            return str(event.value)

    def _unknown_tag(self, tag: str, origin: Origin) -> None:
        shown = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
        if tag in ("!vault", "!vault-encrypted"):
            hint = "give the password with -k, or by lookup('env', NAME) in the inventory"
            self._found.add("values encrypted by ansible-vault are not supported by ce-runner yet", origin, hint)
        elif tag == "!unsafe":
            self._found.add("!unsafe is not supported by ce-runner yet", origin, "write {{ '{{' }} for two braces")
        else:
            self._found.add(f"unknown YAML tag {shown}", origin, "a text that begins with ! must be quoted")

    def _check_tag(self, event: Any, expected: str) -> None:
        if event.tag not in (None, "!", _CORE + expected):
            self._unknown_tag(event.tag, self._origin(event))

    def _sequence(self, start: Any) -> tuple[ListNode, int]:
        self._check_tag(start, "seq")
        items = []
        size = 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item, more = self._node(event)
            items.append(item)
            size += more
        return ListNode(tuple(items), self._origin(start)), size

    def _mapping(self, start: Any) -> tuple[MapNode, int]:
        self._check_tag(start, "map")
        own: dict[str, tuple[ScalarNode, Node]] = {}
        merged: dict[str, tuple[ScalarNode, Node]] = {}
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, key_size = self._node(event)
            value, value_size = self._node(next(self._events))
            size += key_size + value_size
            if not isinstance(key, ScalarNode):
                hint = "a value that begins with {{ must be quoted" if isinstance(key, MapNode) else ""
                self._found.add(f"{kind(key)} cannot be a key", key, hint)
            elif key.text == "<<" and not key.quoted:
                self._merge(merged, value)
            elif self._usable(key, own):
                own[str(key.value)] = (key, value)
        entries = [entry for name, entry in merged.items() if name not in own] + list(own.values())
        return MapNode(tuple(entries), self._origin(start)), size

    def _usable(self, key: ScalarNode, own: Mapping[str, tuple[ScalarNode, Node]]) -> bool:
        if key.value is None:
            self._found.add("a key is missing here", key)
        elif str(key.value) in own:
            first = own[str(key.value)][0].origin
            self._found.add(f"the key {str(key.value)!r} is given twice", key, f"first given in line {first.line}")
        else:
            return True
        return False

    def _merge(self, merged: dict[str, tuple[ScalarNode, Node]], value: Node) -> None:
        """The entries of `<<: *one` or `<<: [*one, *two]`; the first one wins (yaml.org/type/merge)."""
        for node in value.items if isinstance(value, ListNode) else (value,):
            if not isinstance(node, MapNode):
                self._found.add("`<<` merges mappings only", node)
                continue
            for key, item in node.entries:
                merged.setdefault(str(key.value), (key, item))

    def _origin(self, event: Any) -> Origin:
        return _origin(self._source, event)


def _origin(source: Source, event: Any) -> Origin:
    return Origin(source.file, event.start_mark.line + 1, event.start_mark.column + 1)


def _problem(source: Source, message: str, event: Any) -> Problem:
    origin = _origin(source, event)
    return source.problem(message, origin)
