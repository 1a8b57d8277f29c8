"""What is left out when the lab's answers about galleries are compared with the recorded ones.

A failed cmdlet of PackageManagement is its error's target with all that .NET keeps of it (gallery.md K6): of that the
parameters count. When something was installed, and in which temporary folder, differs from run to run; the metadata of
a package come from a hash table, in any order.
"""

from __future__ import annotations

import re

from tests.lab.clixml import Node

_PARAMETERS = (
    *("Name", "RequiredVersion", "MinimumVersion", "Source", "Location", "Path", "Credential", "CredentialUsername"),
    "CredentialPassword",
)
_MOMENTS = ("InstalledDate", "installeddate", "UpdatedDate", "updateddate")
_TEMPORARY = re.compile(r"'[^']*[\\/]\d{6,}[\\/](?=[^'\\/]+')")


def simplified(node: Node) -> Node:
    """The node without what cannot be the same."""
    if node[:1] == ("object",) and len(node) == 6:
        return _object(node)
    return tuple(_part(part) for part in node)


def _part(part: object) -> object:
    if isinstance(part, tuple):
        return simplified(part)
    return _TEMPORARY.sub("'temporary\\\\", part) if isinstance(part, str) else part


def _object(node: Node) -> Node:
    kind, types, text, properties, notes, value = node
    assert isinstance(types, tuple)
    assert isinstance(properties, tuple)
    assert isinstance(notes, tuple)
    if types and "PackageManagement.Cmdlets" in str(types[0]):
        properties = tuple(sorted(pair for pair in properties if pair[0] in _PARAMETERS))
        return (kind, types, text, tuple(pair for pair in properties if pair[1] != ("Nil", "")), (), None)
    members = tuple((name, ("any",) if name in _MOMENTS and member[0] != "Nil" else member) for name, member in notes)
    if "SourceName" in {name for name, _ in members}:
        members = tuple(sorted(members))
    inner = tuple((name, simplified(member)) for name, member in members)
    return (kind, types, _part(text), simplified(properties), inner, _part(value))
