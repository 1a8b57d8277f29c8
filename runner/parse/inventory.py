"""Inventory files and the variables beside them -> hosts, ready to be used."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.model.errors import InputError
from runner.model.inventory import Host, Inventory
from runner.model.secret import Secret
from runner.model.source import ListNode, MapNode, Node, Origin, ScalarNode, node_of
from runner.parse.connection import SECRET_VARIABLES, ConnectionReader
from runner.parse.draft import ALL, Draft, HostDraft, Lineage, members
from runner.parse.fields import RESERVED
from runner.parse.inventory_ini import read_ini
from runner.parse.inventory_yaml import read_yaml
from runner.parse.sources import Findings
from runner.parse.variable_files import load_folder
from runner.template import Templates

_YAML = (".yml", ".yaml", ".json")
_NO_INVENTORY = (".pyc", ".pyo", ".swp", ".bak", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry")
_FOLDERS = ("group_vars", "host_vars")

Variables = Mapping[str, Node]


def parse_inventory(
    paths: Sequence[Path],
    *,
    playbook_folder: Path | None = None,
    extra: Variables | None = None,
    password: Secret | None = None,
    environment: Mapping[str, str] = os.environ,
    templates: Templates | None = None,
) -> Inventory:
    """Reads inventory files (YAML by their suffix, else INI) or folders of them, later ones over earlier ones.

    `playbook_folder` has further group_vars and host_vars; `extra` are the variables of `-e`; `password` is for hosts
    without one (a variable wins over `-k`, as in Ansible); `environment` is what `lookup('env', NAME)` sees.
    Errors: InputError with every Problem of all files.
    """
    found, ignored = Findings(), Findings()
    if playbook_folder is not None and not playbook_folder.is_dir():
        message = "the playbook's folder is not there: no group_vars and host_vars beside the playbook are read"
        ignored.add(message, Origin(str(playbook_folder)))
    draft = Draft(found)
    read: list[str] = []
    for path in paths:
        for file in _files(path, found):
            _read_file(file, draft, read)
    beside = dict.fromkeys(path if path.is_dir() else path.parent for path in paths)
    merger = _Merger.of(draft, [*beside], playbook_folder, extra or {}, read)
    ignored.sources = found.sources
    connections = ConnectionReader(templates or Templates(), found, ignored, password, environment)
    hosts = {name: _host(host, merger, connections) for name, host in draft.hosts.items()}
    if not hosts and not found.problems:
        found.add("the inventory has no hosts", Origin(str(paths[0])) if paths else None)
    found.raise_if_any()
    groups = dict(members(draft, merger.lineage))
    return Inventory(hosts, groups, tuple(read), _visible(extra or {}, hosts), tuple(ignored.problems))


def _files(path: Path, found: Findings) -> Sequence[Path]:
    if not path.is_dir():
        return (path,)
    inside = sorted(entry for entry in path.iterdir() if not entry.name.startswith(".") and entry.name not in _FOLDERS)
    files = [file for entry in inside for file in (_files(entry, found) if entry.is_dir() else (entry,))]
    return [file for file in files if file.suffix not in _NO_INVENTORY and not file.name.endswith("~")]


def _read_file(path: Path, draft: Draft, read: list[str]) -> None:
    try:
        source = draft.found.read(path)
        read.append(source.file)
        if path.suffix in _YAML:
            read_yaml(source, draft)
        else:
            read_ini(source, draft)
    except InputError as error:
        draft.found.extend(error.problems)


def _host(draft: HostDraft, merger: _Merger, connections: ConnectionReader) -> Host:
    groups = merger.lineage.groups_of(draft)
    variables = merger.variables(draft, groups)
    names = tuple(sorted(groups))
    own = (draft.name, draft.name.split(".")[0], names)
    variables = {**variables, **{name: node_of(value, draft.origin) for name, value in zip(RESERVED, own, strict=True)}}
    connection = connections.read(draft.name, variables)
    return Host(draft.name, names, connections.visible(variables), draft.origin, connection)


def _visible(extra: Variables, hosts: Mapping[str, Host]) -> Mapping[str, object]:
    """The variables of `-e` without passwords.

    Of one that a password is made of, the Secret that the hosts have; if theirs differ, each host's own has to do.
    """
    visible: dict[str, object] = {}
    for name in extra.keys() - SECRET_VARIABLES:
        values = [host.variables[name] for host in hosts.values()]
        hidden = [value for value in values if not isinstance(value, (ScalarNode, ListNode, MapNode))]
        if all(value == hidden[0] for value in hidden):
            visible[name] = hidden[0] if hidden else extra[name]
    return visible


@dataclass(slots=True)
class _Merger:
    """Merges variables in Ansible's order (docs.ansible.com, "Understanding variable precedence"), weakest first:

    the inventory's groups; group_vars/all; group_vars of the other groups; the inventory's host; host_vars; `-e`. Of
    group_vars and host_vars, those beside the playbook are stronger than those beside the inventory.
    """

    lineage: Lineage
    own: Mapping[str, Variables]
    group_folders: Sequence[Mapping[str, Variables]]
    host_folders: Sequence[Mapping[str, Variables]]
    extra: Variables
    _merged: dict[tuple[str, ...], Variables] = field(default_factory=dict)

    @classmethod
    def of(
        cls, draft: Draft, beside: Sequence[Path], playbook_folder: Path | None, extra: Variables, read: list[str]
    ) -> _Merger:
        lineage = Lineage(draft)
        folders = dict.fromkeys([*beside, *([playbook_folder] if playbook_folder else [])])
        groups = [ALL, *(name for name in draft.groups if name != ALL)]
        return cls(
            lineage,
            {name: group.variables for name, group in draft.groups.items()},
            [load_folder(folder / "group_vars", groups, draft.found, read) for folder in folders],
            [load_folder(folder / "host_vars", draft.hosts, draft.found, read) for folder in folders],
            extra,
        )

    def variables(self, host: HostDraft, groups: tuple[str, ...]) -> Variables:
        if groups not in self._merged:
            self._merged[groups] = self._of_groups(groups)
        merged = {**self._merged[groups], **host.variables}
        for folder in self.host_folders:
            merged.update(folder.get(host.name, {}))
        return {**merged, **self.extra}

    def _of_groups(self, groups: tuple[str, ...]) -> Variables:
        merged: dict[str, Node] = {}
        for name in (ALL, *groups):
            merged.update(self.own.get(name, {}))
        for names in ((ALL,), groups):
            for folder in self.group_folders:
                for name in names:
                    merged.update(folder.get(name, {}))
        return merged
