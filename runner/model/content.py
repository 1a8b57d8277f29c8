"""Files of the controller that go to hosts: what is in them, and a part of one that stands in a command.

A plan holds no file. It holds the SHA-256 of each, and apply reads the bytes when it sends them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runner.model.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a content. `path` is relative, with "/"; "" where the content is a single file. `size` in bytes."""

    path: str
    size: int
    sha256: str  # hex, lower case


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes of a member, as a value of a command's parameter: apply puts them in its place when it sends them."""

    source: str
    member: str
    sha256: str  # of the whole member
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Content:
    """A file, a folder or a .nupkg on the controller; `sha256` is the file's, or of a folder that of its listing."""

    source: str  # its path on the controller
    sha256: str
    members: tuple[Member, ...]

    @property
    def slices(self) -> tuple[Slice, ...]:
        """Each member as a whole."""
        return tuple(Slice(self.source, one.path, one.sha256, 0, one.size) for one in self.members)


class Contents(Protocol):
    """Looks into files of the controller."""

    def is_folder(self, source: str) -> bool:
        """Whether this is a folder. Errors: InputError where there is nothing."""
        ...

    def file(self, source: str) -> Content:
        """A single file, whatever is in it. Errors: InputError."""
        ...

    def folder(self, source: str) -> Content:
        """All files below a folder. Errors: InputError."""
        ...

    def package(self, source: str) -> Content:
        """A .nupkg, without what only NuGet needs of it (domain.md 4.6). Errors: InputError."""
        ...

    def bytes_of(self, part: Slice) -> bytes:
        """The bytes of a slice. Errors: InputError when the file is gone or no longer has that SHA-256."""
        ...


class NoContents:
    """Contents for where no task may name a file of the controller: every question is an InputError."""

    def is_folder(self, source: str) -> bool:
        raise _unwanted(source)

    def file(self, source: str) -> Content:
        raise _unwanted(source)

    def folder(self, source: str) -> Content:
        raise _unwanted(source)

    def package(self, source: str) -> Content:
        raise _unwanted(source)

    def bytes_of(self, part: Slice) -> bytes:
        raise _unwanted(part.source)


def _unwanted(source: str) -> InputError:
    return InputError(Problem(f"files of the controller cannot be used here: {source}"))
