"""What a machine of the lab consists of, to be held against itself before and after a change and its undo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from runner.lab.exchange import Kind
from runner.lab.files import Folder, Node
from runner.lab.machine import Machine
from runner.lab.registry import HIVES, RegistryKey
from runner.lab.repositories import Repository


def picture(machine: Machine) -> dict[str, object]:
    """All of a machine that a module could have changed, by its path; times and processes change by themselves.

    The spelling of a repository's name is not part of it: PowerShellGet finds it in any case.
    """
    registry = (machine.registry.find(hive) for hive in HIVES.values())
    return {
        **{path: content for hive in registry if hive for path, content in _keys(hive.name, hive)},
        **dict(_files("C:", machine.files.find("C:"))),
        **{
            f"service {one.name}": (one.status, one.start_mode, one.display_name, one.description)
            for one in machine.services.all()
        },
        **{f"repository {name}": replace(one, name=name) for name, one in _repositories(machine)},
        **{f"Exchange {kind}": machine.exchange.all(kind) for kind in Kind},
    }


def _repositories(machine: Machine) -> Iterator[tuple[str, Repository]]:
    return ((one.name.casefold(), one) for one in machine.gallery.repositories())


def _keys(path: str, key: RegistryKey) -> Iterator[tuple[str, object]]:
    yield path, key.deny
    for value in key.values.values():
        yield f"{path}::{value.name}", (value.kind, value.data)
    for subkey in key.subkeys.values():
        yield from _keys(f"{path}\\{subkey.name}", subkey)


def _files(path: str, node: Node | None) -> Iterator[tuple[str, object]]:
    if isinstance(node, Folder):
        yield path, "folder"
        for entry in node.entries.values():
            yield from _files(f"{path}\\{entry.name}", entry)
    elif node is not None:
        yield path, node.data
