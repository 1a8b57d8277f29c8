"""CLIXML in a form that can be compared: references resolved, and without what no simulation can know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

Node = tuple[object, ...]

_ASSEMBLY = re.compile(
    r", (?:[\w.]+, )?Version=[\d.]+, Culture=\w+, PublicKeyToken=\w+"
    r"|, System\.Management\.Automation(?=\]\])"
)
_CONTAINERS = ("LST", "IE", "STK", "QUE")
# The texts, stack traces and sources of an exception come from the .NET build; its types and its message count.
_EXCEPTION_MEMBERS = ("Message",)
# When and by which process an information record was written; how full a disk is.
_UNKNOWABLE = ("TimeGenerated", "User", "Computer", "ProcessId", "NativeThreadId", "ManagedThreadId")
_DISK = ("Used", "Free")
_RECORD_MEMBERS = (
    "FullyQualifiedErrorId",
    "ErrorCategory_Category",
    "ErrorCategory_Activity",
    "ErrorCategory_Reason",
    "ErrorCategory_TargetName",
    "ErrorCategory_TargetType",
    "TargetObject",
    "Exception",
)


def normalised(element: ElementTree.Element) -> Node:
    """The comparable form of one CLIXML element."""
    return _Reader(element).read(element)


class _Reader:
    def __init__(self, root: ElementTree.Element) -> None:
        self._objects = {e.get("RefId"): e for e in root.iter("Obj") if e.get("RefId")}
        self._types = {e.get("RefId"): tuple(_plain(t.text) for t in e) for e in root.iter("TN")}
        self._open: list[ElementTree.Element] = []

    def read(self, element: ElementTree.Element) -> Node:
        if element.tag == "Ref":
            element = self._objects[element.get("RefId")]
        if element.tag in ("Db", "Sg"):
            return (element.tag, float(element.text or "nan"))
        if element.tag != "Obj":
            return (element.tag, _text(element))
        if element in self._open:
            return ("cycle",)
        self._open.append(element)
        try:
            return self._object(element)
        finally:
            self._open.pop()

    def _object(self, element: ElementTree.Element) -> Node:
        types = self._type_names(element)
        if types and types[0].endswith("Management.Automation.ErrorRecord"):
            return self._record(element)
        if "System.Exception" in types:
            return self._exception(types, element)
        inner = next((child for child in element if child.tag == "Obj"), None)
        if inner is not None:
            return self._wrapped(element, self._object(inner))
        value = next((self._value(child) for child in self._values(element)), None)
        members = self._members(element, "Props"), self._members(element, "MS")
        text = _text(element.find("ToString")) if element.find("ToString") is not None else None
        if value is not None and not any(members) and not types:
            return value
        return ("object", types, text, *members, value)

    def _wrapped(self, outer: ElementTree.Element, base: Node) -> Node:
        """A PSObject around a PSObject, as the engine sends some: the inner one with the outer one's text."""
        text = outer.find("ToString")
        return (*base[:2], _text(text), *base[3:]) if base[0] == "object" and text is not None else base

    def _value(self, child: ElementTree.Element) -> Node:
        if child.tag in _CONTAINERS:
            return ("list", *(self.read(item) for item in child))
        if child.tag == "DCT":
            pairs = [(self.read(entry[0]), self.read(entry[1])) for entry in child]
            return ("dictionary", *sorted(pairs, key=repr))
        return (child.tag, _text(child))

    def _values(self, element: ElementTree.Element) -> Iterator[ElementTree.Element]:
        return (child for child in element if child.tag not in ("TN", "TNRef", "ToString", "Props", "MS", "Obj"))

    def _members(self, element: ElementTree.Element, kind: str) -> tuple[tuple[str, Node], ...]:
        found = element.find(kind)
        if found is None:
            return ()
        members = {_unescaped(m.get("N") or ""): m for m in found}
        unknowable = _UNKNOWABLE if "MessageData" in members else _DISK
        return tuple(
            (
                n,
                ("any", m.tag)
                if n in unknowable and (m.tag not in ("Obj", "S", "Ref") or n in ("User", "Computer"))
                else self.read(m),
            )
            for n, m in members.items()
        )

    def _type_names(self, element: ElementTree.Element) -> tuple[str, ...]:
        names = element.find("TN")
        if names is not None:
            return tuple(_plain(t.text) for t in names)
        reference = element.find("TNRef")
        return () if reference is None else self._types[reference.get("RefId")]

    def _record(self, element: ElementTree.Element) -> Node:
        members = dict(self._members(element, "MS"))
        invocation = members.get("InvocationInfo")
        named = invocation is not None and invocation[0] == "object"
        return ("error", *((name, members.get(name)) for name in _RECORD_MEMBERS), ("invocation", named))

    def _exception(self, types: tuple[str, ...], element: ElementTree.Element) -> Node:
        members = dict(self._members(element, "Props"))
        return ("exception", types, *((name, members.get(name)) for name in _EXCEPTION_MEMBERS))


def _plain(text: str | None) -> str:
    return _ASSEMBLY.sub("", text or "")


def _text(element: ElementTree.Element) -> str:
    return _unescaped(element.text or "").replace("\r\n", "\n")


def _unescaped(text: str) -> str:
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)
