"""`group_vars/` and `host_vars/` beside an inventory or a playbook.

For a name there is one file - NAME, NAME.yml, NAME.yaml or NAME.json - or one folder NAME whose files are all read, in
order of their names (docs.ansible.com, "Organizing host and group variables").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from runner.model.errors import InputError
from runner.model.source import MapNode, Node, Origin
from runner.parse import fields
from runner.parse.sources import Findings, kind
from runner.parse.yaml_tree import read_tree

_SUFFIXES = ("", ".yml", ".yaml", ".json")


def load_folder(
    folder: Path, names: Iterable[str], found: Findings, read: list[str]
) -> Mapping[str, Mapping[str, Node]]:
    """The variables of each name that has some in a group_vars or host_vars folder, which need not exist.

    Mistakes go into `found`, the paths of the files into `read`.
    """
    try:
        entries = {entry.name: entry for entry in folder.iterdir()} if folder.is_dir() else {}
    except OSError as error:
        found.add(f"cannot be read: {error.strerror}", Origin(str(folder)))
        entries = {}
    paths = {name: [entries[name + end] for end in _SUFFIXES if name + end in entries] for name in names}
    return {name: _variables(paths[name], found, read) for name in paths if paths[name]}


def _variables(paths: Sequence[Path], found: Findings, read: list[str]) -> Mapping[str, Node]:
    if len(paths) > 1:
        hint = f"Ansible reads only one of them; keep one: {', '.join(path.name for path in paths)}"
        found.add("two places give the variables of one name", Origin(str(paths[1])), hint)
    variables: dict[str, Node] = {}
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else (path,):
            if file.is_file() and (file == path or _is_variables(file)):
                variables.update(read_variables(file, found))
                read.append(str(file))
    return variables


def read_variables(path: Path, found: Findings) -> Mapping[str, Node]:
    """A file of variables: a mapping, or nothing. Its mistakes, a syntax error too, go into `found`."""
    try:
        tree = read_tree(found.read(path), found)
    except InputError as error:
        found.extend(error.problems)
        return {}
    if tree is None:
        return {}
    if not isinstance(tree, MapNode):
        found.add(f"a file of variables must be a mapping, not {kind(tree)}", tree)
        return {}
    return fields.variables(tree, "the file", found)


def _is_variables(path: Path) -> bool:
    """Whether Ansible would read it in a folder: no hidden files, no backups, no other types."""
    return not path.name.startswith(".") and path.suffix in _SUFFIXES
