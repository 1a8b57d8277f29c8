"""The message that starts a pipeline: built small, serialised once per distinct batch.

Its body holds no ids, so that the same bytes serve every host and session. psrpcore's own message names the .NET type
of every list and enum; PowerShell needs none of it. What may be left out was measured:
../shared/groundtruth/pwsh76/README.md T1 and T2, cases tolerance.all-plain and tolerance.list-tags.
What occurs again, first of all the separators, is a reference to the first of its kind: PowerShell reads a `<Ref>`
wherever it reads an object (object.where-on-null-value: in a list; every recorded request: as a member).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Lock
from xml.etree import ElementTree

import psrpcore.types as ps

from runner.model.command import Command, Script, Statement
from runner.model.secret import Secret
from runner.model.value import Credential, PSObject, Value
from runner.transport.clixml import mend
from runner.transport.values import to_wire

_KEPT_BODIES = 256
_KEPT_BYTES = 64 * 1024  # a larger one holds a piece of a file, which would fill the memory and is made in 4 ms
_NEEDLESS = frozenset({"System.Object", "System.Collections.ArrayList", "System.Collections.Hashtable"})
_NONE = ps.PSInt(0)  # of PipelineResultTypes and of RemoteStreamOptions


def serialise(statements: Sequence[Statement], cipher: ps.PSCryptoProvider) -> bytes:
    """The body of a pipeline of these statements. With a Secret in them the cipher must hold the exchanged key."""
    once = _Once()
    shell: dict[str, object] = {
        "Cmds": once.commands(statements[0]),
        "IsNested": False,
        "History": None,
        "RedirectShellErrorOutputPipe": True,
    }
    if len(statements) > 1:  # T3: with one statement in it the pipeline would never end
        shell["ExtraCmds"] = [once.object(Cmds=once.commands(statement)) for statement in statements]
    host = _object(_isHostNull=True, _isHostUINull=True, _isHostRawUINull=True, _useRunspaceHost=True)
    message = _object(
        NoInput=True,  # T4
        ApartmentState=ps.PSInt(ps.ApartmentState.Unknown.value),
        RemoteStreamOptions=_NONE,
        AddToHistory=False,
        HostInfo=host,
        PowerShell=_object(**shell),
        IsNested=False,
    )
    element = ps.serialize(message, cipher)
    _shorten(element)
    return mend(ElementTree.tostring(element, encoding="utf-8", method="xml"))


class _Once:
    """Makes the objects of one message, each once: what psrpcore meets again it refers to."""

    def __init__(self) -> None:
        self._made: dict[Hashable, ps.PSObject] = {}

    def commands(self, statement: Statement) -> list[ps.PSObject]:
        return [self._command(entry) for entry in statement]

    def _command(self, entry: Command) -> ps.PSObject:
        named = [self.object(N=name, V=to_wire(value)) for name, value in entry.parameters]
        is_script = isinstance(entry, Script)
        return self.object(
            Cmd=entry.name,
            Args=[*named, *(self.object(N=None, V=to_wire(value)) for value in entry.arguments)],
            IsScript=is_script,
            UseLocalScope=True if is_script else None,  # what a script sets must not stay (script.eap-stop-localscope)
            MergeMyResult=_NONE,
            MergeToResult=_NONE,
            MergePreviousResults=_NONE,
        )

    def object(self, **members: object) -> ps.PSObject:
        """An object with these members, the same one if it was made before."""
        key = tuple((name, _likeness(value)) for name, value in members.items())
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = _object(**members)
        return made


def _likeness(value: object) -> Hashable:
    """What two equal values of one type have in common; an object is like itself only."""
    if isinstance(value, list):
        return tuple(map(_likeness, value))
    return (type(value), value) if value is None or isinstance(value, str | int) else id(value)


def _object(**members: object) -> ps.PSObject:
    made = ps.PSObject()
    made.PSObject.type_names = []
    for name, value in members.items():
        ps.add_note_property(made, name, value)
    return made


def _shorten(root: ElementTree.Element) -> None:
    """Drop the type names that PowerShell assumes anyway, and ids that nothing refers to."""
    needless = {
        names.get("RefId")
        for names in root.iter("TN")
        if (first := names.find("T")) is not None and first.text in _NEEDLESS
    }
    referred = {reference.get("RefId") for reference in root.iter("Ref")}
    for element in list(root.iter("Obj")):
        if element.get("RefId") not in referred:
            element.attrib.pop("RefId", None)
        for names in [*element.findall("TN"), *element.findall("TNRef")]:
            if names.get("RefId") in needless:
                element.remove(names)


class Bodies:
    """The message bodies of the last distinct batches, shared by all sessions of a transport and their threads."""

    def __init__(self, limit: int = _KEPT_BODIES) -> None:
        self._limit = limit
        self._lock = Lock()
        self._bodies: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The body for a key; made once, if it is small. The lock is held meanwhile: a fleet makes it once."""
        with self._lock:
            body = self._bodies.pop(key, None)
            if body is None:
                body = make()
            if len(body) <= _KEPT_BYTES:
                self._bodies[key] = body
            if len(self._bodies) > self._limit:
                self._bodies.popitem(last=False)
            return body


class _HoldsSecret(Exception):
    pass


def fingerprint(statements: Sequence[Statement]) -> Hashable | None:
    """What two equal batches have in common, types included (1, True and UInt32(1) are equal to Python).

    None when a Secret or Credential is among the values: such a body is encrypted for one session and never kept.
    """
    try:
        return tuple(tuple(_command_print(entry) for entry in statement) for statement in statements)
    except _HoldsSecret:
        return None


def _command_print(entry: Command) -> Hashable:
    named = tuple((name, _value_print(value)) for name, value in entry.parameters)
    return type(entry), entry.name, named, tuple(_value_print(value) for value in entry.arguments)


def _value_print(value: Value) -> Hashable:
    if isinstance(value, Secret | Credential):
        raise _HoldsSecret
    if isinstance(value, tuple):
        return tuple(_value_print(item) for item in value)
    if isinstance(value, PSObject):
        return PSObject, _value_print(value.properties)
    if isinstance(value, Mapping):
        return dict, tuple((key, _value_print(item)) for key, item in value.items())
    return type(value), value
