"""Versions of PowerShell modules: what a user may write, which are one and the same, which fall into a range.

3.1, 3.1.0 and 3.1.0.0 are the same to Find-Module and Install-Module, and not to Get-InstalledModule
(groundtruth/pwsh76/gallery.md, V1): they are compared as numbers and sent as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){1,3}")
_SHORTEST = 3  # numbers that a module's version is written with


def is_version(text: str) -> bool:
    """Whether it is a System.Version: two to four numbers."""
    return _VERSION.fullmatch(text) is not None


def _checked(text: str) -> str:
    """The version that a user wrote. Errors: PydanticCustomError."""
    if is_version(text):
        return text
    if is_version(text.partition("-")[0]):
        message = (
            "{version} is a prerelease: Windows lists modules without that label, so that it could not be proven "
            "to be there"
        )
        raise PydanticCustomError("module_version", message, {"version": text})
    raise PydanticCustomError(
        "module_version", "{version} is no version: two to four numbers are, such as 3.1.0", {"version": repr(text)}
    )


Version = Annotated[str, AfterValidator(_checked)]


def numbers(version: str) -> tuple[int, ...]:
    """What sorts and compares versions: always four numbers. Errors: ValueError for what is no version."""
    found = tuple(int(part) for part in version.split("."))
    return (*found, *(0,) * (4 - len(found)))


def same(left: str, right: str) -> bool:
    return numbers(left) == numbers(right)


def canonical(version: str) -> str:
    """The one spelling of a version in a state: at least three numbers, and no fourth that is 0."""
    found = numbers(version)
    return ".".join(map(str, found if found[_SHORTEST] else found[:_SHORTEST]))


def spellings(version: str) -> tuple[str, ...]:
    """Every text of two to four numbers, without leading zeros, that is this version."""
    found = numbers(version)
    return tuple(".".join(map(str, found[:count])) for count in (2, 3, 4) if not any(found[count:]))


def newest_first(versions: Iterable[str]) -> tuple[str, ...]:
    """Canonical versions, each once."""
    return tuple(sorted(set(map(canonical, versions)), key=numbers, reverse=True))


def within(version: str, minimum: str | None, maximum: str | None) -> bool:
    """Whether a version lies in a range; both ends belong to it."""
    return (minimum is None or numbers(version) >= numbers(minimum)) and (
        maximum is None or numbers(version) <= numbers(maximum)
    )
