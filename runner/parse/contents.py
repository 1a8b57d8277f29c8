"""Files of the controller that a play sends: a file, a folder, a .nupkg; what is in them, and the bytes of a part.

Nothing is unpacked on the controller. A package is judged before anything of it is used: names that lead out of it or
that Windows cannot hold, names that Windows takes for one, encrypted members, more bytes than a module has.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO

from runner.model.content import Content, Member, Slice
from runner.model.errors import InputError, Problem
from runner.model.source import Origin
from runner.modules.file_names import is_file_name

_BLOCK = 1024 * 1024
_MOST_BYTES = 512 * 1024 * 1024  # of all members of a package, as it declares them
_MOST_MEMBERS = 20_000
_ENCRYPTED = 0x1  # of a zip member's flags
_ONLY_NUGET = re.compile(r"(_rels|package)/.*|\[content_types\]\.xml|[^/]*\.nuspec", re.IGNORECASE)


class FilesHere:
    """Contents of the files of this machine; a relative source is below `base`, the playbook's folder.

    What is in a source is looked at once, for all hosts; what is sent is held against that. Keeps the bytes of one
    member: the pieces of a file are asked for one after the other. Safe for many threads.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._lock = Lock()
        self._seen: dict[tuple[Callable[[Path], Content], str], Content] = {}
        self._kept: tuple[tuple[str, str, str], bytes] | None = None

    def is_folder(self, source: str) -> bool:
        return self._found(source).is_dir()

    def file(self, source: str) -> Content:
        return self._once(_file, source)

    def folder(self, source: str) -> Content:
        return self._once(_folder, source)

    def package(self, source: str) -> Content:
        return self._once(_package, source)

    def bytes_of(self, part: Slice) -> bytes:
        key = (part.source, part.member, part.sha256)
        with self._lock:
            if self._kept is None or self._kept[0] != key:
                self._kept = None  # two at a time are never kept
                self._kept = (key, self._read(part))
            return self._kept[1][part.offset : part.offset + part.length]

    def _once(self, look: Callable[[Path], Content], source: str) -> Content:
        with self._lock:
            key = (look, source)
            if key not in self._seen:
                self._seen[key] = look(self._found(source))
            return self._seen[key]

    def _read(self, part: Slice) -> bytes:
        path = self._found(part.source)
        if part.member and not path.is_dir():
            with _opened_package(path) as package:
                data = _unpacked(path, package, part.member)
        else:
            file = path / part.member if part.member else path
            with _readable(file):
                data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != part.sha256:
            name = f"{path}: {part.member}" if part.member else str(path)
            raise InputError(
                Problem("has changed since the plan was made", Origin(name), "make a new plan, or put the file back")
            )
        return data

    def _found(self, source: str) -> Path:
        path = Path(os.path.abspath(self._base / source))
        if not path.exists():
            raise _wrong(path, "does not exist", "a relative path is meant from the playbook's folder")
        return path


def _file(path: Path) -> Content:
    if not path.is_file():
        raise _wrong(path, "is no file", "name a file, or end the source with a file's name")
    member = _member("", path)
    return Content(str(path), member.sha256, (member,))


def _folder(path: Path) -> Content:
    if not path.is_dir():
        raise _wrong(path, "is no folder", "name a folder")
    names = sorted(_names_in(path))
    _check_names(path, names)
    members = tuple(_member(name, path / name) for name in names)
    listing = "".join(f"{member.sha256}  {member.path}\n" for member in members)
    return Content(str(path), hashlib.sha256(listing.encode()).hexdigest(), members)


def _package(path: Path) -> Content:
    with _opened_package(path) as package:
        wanted = sorted(_members_of(path, package), key=lambda info: info.filename)
        members = tuple(_packed(package, info) for info in wanted)
    return Content(str(path), _member("", path).sha256, members)


def _wrong(path: Path, message: str, hint: str) -> InputError:
    return InputError(Problem(message, Origin(str(path)), hint))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the system has against reading a file is an InputError that names it."""
    try:
        yield
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror or error}", "see to its rights") from None


def _member(name: str, path: Path) -> Member:
    with _readable(path), path.open("rb") as stream:
        return _hashed(name, stream)


def _hashed(name: str, stream: IO[bytes]) -> Member:
    digest, size = hashlib.sha256(), 0
    while block := stream.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return Member(name, size, digest.hexdigest())


def _names_in(folder: Path) -> Iterator[str]:
    """The files below a folder, with "/". Errors: InputError for what cannot be sent as it is."""
    root = folder.resolve()

    def refuse(error: OSError) -> None:
        raise _wrong(Path(error.filename or folder), f"cannot be read: {error.strerror}", "see to its rights")

    for at, folders, files in os.walk(folder, onerror=refuse):
        here = Path(at)
        if not folders and not files:
            raise _wrong(here, "is empty, and an empty folder is not sent", "remove it, or put a file in it")
        for name in folders:
            if (here / name).is_symlink():
                raise _wrong(here / name, "is a link to a folder", "put the folder itself there")
        for name in files:
            path = here / name
            if not path.resolve().is_relative_to(root):
                raise _wrong(path, f"is a link that leaves {folder}", "put the file itself there")
            if not path.is_file():
                raise _wrong(path, "is no file", "remove it")
            yield path.relative_to(folder).as_posix()


def _check_names(source: Path, names: Sequence[str]) -> None:
    """Names that Windows can hold, and no two for one file. Errors: InputError."""
    spellings: dict[str, str] = {}
    for name in names:
        if not all(map(is_file_name, name.split("/"))):
            raise _wrong(source, f"holds {name!r}, which is no path of a file on Windows", "rename it")
        for place in _places(name):
            if (known := spellings.setdefault(place.casefold(), place)) != place:
                raise _wrong(source, f"holds both {known!r} and {place!r}, which are one on Windows", "rename one")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _wrong(source, f"holds {twice!r} twice", "remove one")
    folders = {place for name in names for place in _places(name)[:-1]}
    if both := sorted(folders.intersection(names)):
        raise _wrong(source, f"holds {both[0]!r} as a file and as a folder", "rename one")


def _places(name: str) -> list[str]:
    """A path and the folders above it, the topmost first: a, a/b, a/b/c."""
    parts = name.split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


@contextmanager
def _opened_package(path: Path) -> Iterator[zipfile.ZipFile]:
    """A package, whose damages are InputErrors that name it."""
    try:
        with _readable(path), zipfile.ZipFile(path) as package:
            yield package
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _wrong(path, f"is no package that can be read: {error}", "download it again") from None


def _members_of(path: Path, package: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """What of a package is sent: all files but those that only NuGet needs (domain.md 4.6). Errors: InputError."""
    infos = [info for info in package.infolist() if not info.is_dir()]
    if len(infos) > _MOST_MEMBERS or sum(info.file_size for info in infos) > _MOST_BYTES:
        raise _wrong(path, "declares more files or bytes than a module has", "look at what it is")
    for info in infos:
        if info.flag_bits & _ENCRYPTED:
            raise _wrong(path, f"holds {info.filename!r}, which is encrypted", "make it without a password")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise _wrong(path, f"holds {info.filename!r}, which is a link", "make it with the file itself")
    _check_names(path, [info.orig_filename for info in infos])
    wanted = [info for info in infos if not _ONLY_NUGET.fullmatch(info.filename)]
    if not wanted:
        raise _wrong(path, "holds no files of a module", "name a .nupkg as a gallery hands it out")
    return wanted


def _packed(package: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    with package.open(info) as stream:
        return _hashed(info.filename, stream)


def _unpacked(path: Path, package: zipfile.ZipFile, member: str) -> bytes:
    info = next((info for info in _members_of(path, package) if info.filename == member), None)
    if info is None:
        raise _wrong(path, f"no longer holds {member!r}", "make a new plan")
    return package.read(info)
