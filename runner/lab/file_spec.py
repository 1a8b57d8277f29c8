r"""Files in a machine's spec.

`{'C:\lab\a.txt': 'text', 'C:\lab\b.bin': {binary: '01 02'}, 'C:\lab\empty\': null, 'C:\lab\mine\': {access: none}}`:
a path that ends with "\" is a folder; without access it is closed to the account.
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
        if path.endswith("\\") is not (content in (None, _NO_ACCESS)):
            raise ValueError(f"{path}: a path ending with \\ is a folder, with null or {{access: none}} as its content")
        if (
            isinstance(content, dict)
            and content != _NO_ACCESS
            and (set(content) != {"binary"} or not _is_hex(content["binary"]))
        ):
            raise ValueError(f"{path}: a text, or {{binary: hexadecimal bytes}}")


def make_files(files: Mapping[str, FileContent], now: datetime) -> FileTree:
    """The files of a new machine."""
    tree = _windows().copy()
    for path, content in files.items():
        if content is None or content == _NO_ACCESS:
            tree.put(path.rstrip("\\"), Folder("", now, closed=content is not None), now)
        else:
            tree.put(path, File("", _data(content), now), now)
    return tree


@functools.cache
def _windows() -> FileTree:
    """What all machines share: copied before it is changed."""
    tree = FileTree({"c": Folder("C:", _INSTALLED)})
    for path in _FOLDERS:
        tree.put(f"C:\\{path}", Folder("", _INSTALLED), _INSTALLED)
    return tree


def _data(content: str | dict[str, str]) -> bytes:
    return content.encode() if isinstance(content, str) else bytes.fromhex(content["binary"])


def _is_hex(text: str) -> bool:
    return re.fullmatch(r"(?:[0-9a-fA-F]{2} ?)*", text) is not None
