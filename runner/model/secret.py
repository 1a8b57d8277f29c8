"""A value that must never be shown, and what takes known ones, and accounts in URLs, out of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn

MASK = "********"
_ACCOUNT = re.compile(r"(?<=//)[^/\\?#\s]*@")  # user and password of a URL (RFC 3986, section 3.2.1)
_WITH_ACCOUNT = re.compile(r"([^/\\?#@]*//)?[^/\\?#]*@")


class Secret:
    """Holds a text that shows itself as a mask everywhere; `reveal` is the only way to it.

    Equality and hash are those of the real text, so that two values that differ only in a secret differ.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere")


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """The text with every secret in it replaced by the mask, the longest first; an empty secret hides nothing."""
    for known in sorted({secret.reveal() for secret in secrets if secret.reveal()}, key=len, reverse=True):
        text = text.replace(known, MASK)
    return text


def without_accounts(text: str) -> str:
    """The text with user and password of every URL in it replaced by the mask."""
    return _ACCOUNT.sub(f"{MASK}@", text)


def has_account(location: str) -> bool:
    """Whether a URL, with or without its scheme, holds a user or a password."""
    return _WITH_ACCOUNT.match(location) is not None
