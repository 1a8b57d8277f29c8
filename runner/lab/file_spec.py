r"""Files in a machine's spec.

`{'C:\lab\a.txt': 'text', 'C:\lab\b.bin': {binary: '01 02'}, 'C:\lab\empty\': null, 'C:\lab\mine\': {access: none}}`:
a path that ends with "\" is a folder. What has `access: none` is closed to the account; a file may have it beside its
bytes. `{version: 3.0.100.0}` is a program without content that has this file version.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from runner.lab.files import File, FileTree, Folder

FileContent = str | dict[str, str] | None
FilesSpec = dict[str, FileContent]
_PATH = re.compile(r"C:\\(?:[^\\/:*?\"<>|]+\\)*(?:[^\\/:*?\"<>|]+)?", re.IGNORECASE)
_NO_ACCESS = {"access": "none"}
_CONTENT = {
    "binary": re.compile(r"(?:[0-9a-fA-F]{2} ?)*"),
    "version": re.compile(r"\d{1,5}(?:\.\d{1,5}){3}"),
    "access": re.compile("none"),
}
_INSTALLED = datetime(2025, 1, 1, tzinfo=UTC)
_FOLDERS = (
    *("Program Files", "Program Files (x86)", "ProgramData", "Users\\Administrator\\Documents", "Users\\Public"),
    *("Windows\\System32", "Windows\\Temp"),
)


def check_files(files: FilesSpec) -> None:
    """Raises ValueError for a path or content that cannot be."""
    for path, content in files.items():
        if not _PATH.fullmatch(path):
            raise ValueError(f"{path}: a full path on the drive C: is wanted")
        is_folder = path.endswith("\\")
        if (content not in (None, _NO_ACCESS)) if is_folder else content is None:
            raise ValueError(f"{path}: a path ending with \\ is a folder, with null or {{access: none}} as its content")
        if isinstance(content, dict) and not is_folder and not _is_file(content):
            known = "{binary: hexadecimal bytes}, {version: four numbers with dots}, or {access: none}"
            raise ValueError(f"{path}: a text, {known}")


def make_files(files: Mapping[str, FileContent], now: datetime) -> FileTree:
    """The files of a new machine."""
    tree = _windows().copy()
    for path, content in files.items():
        if path.endswith("\\"):
            tree.put(path.rstrip("\\"), Folder("", now, closed=content is not None), now)
        else:
            tree.put(path, _file(content, now), now)
    return tree


@functools.cache
def _windows() -> FileTree:
    """What all machines share: copied before it is changed."""
    tree = FileTree({"c": Folder("C:", _INSTALLED)})
    for path in _FOLDERS:
        tree.put(f"C:\\{path}", Folder("", _INSTALLED), _INSTALLED)
    return tree


def _file(content: FileContent, now: datetime) -> File:
    if not isinstance(content, dict):
        return File("", (content or "").encode(), now)
    data = bytes.fromhex(content.get("binary", ""))
    return File("", data, now, content.get("version", ""), closed="access" in content)


def _is_file(content: dict[str, str]) -> bool:
    known = all(name in _CONTENT and _CONTENT[name].fullmatch(text) for name, text in content.items())
    return known and bool(content) and not {"binary", "version"} <= content.keys()
