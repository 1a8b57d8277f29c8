"""Host names with ranges, and with a port, as Ansible's inventories write them.

`web[01:20].example` keeps the leading zeros, `[a:f]` counts letters, a third part is the step
(docs.ansible.com, "How to build your inventory", "Adding ranges of hosts").
"""

from __future__ import annotations

import ipaddress
import re
import string
from collections.abc import Sequence

MAX_HOSTS = 100_000
_RANGE = re.compile(r"\[([^\[\]]*)\]")
_PORT = re.compile(r"(?P<name>[^:\[\]]*(?:\[[^\[\]]*\][^:\[\]]*)*):(?P<port>[0-9]{1,5})")
_IPV6_PORT = re.compile(r"\[(?P<name>[0-9A-Fa-f:.]+)\](?::(?P<port>[0-9]{1,5}))?")


def split_port(text: str) -> tuple[str, int | None]:
    """`name:port`, `[IPv6]:port` or a bare name, which may hold ranges."""
    bracketed = _IPV6_PORT.fullmatch(text)
    if bracketed and is_ipv6(bracketed["name"]):
        return bracketed["name"], int(bracketed["port"]) if bracketed["port"] else None
    found = _PORT.fullmatch(text)
    return (found["name"], int(found["port"])) if found else (text, None)


def is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def expand(pattern: str) -> tuple[str, ...]:
    """Every name that a pattern stands for, in order; ValueError says what is wrong with it."""
    pieces = _RANGE.split(pattern)
    if any("[" in piece or "]" in piece for piece in pieces[::2]):
        raise ValueError(f"the brackets in {pattern!r} do not match")
    names = [pieces[0]]
    for bounds, tail in zip(pieces[1::2], pieces[2::2], strict=True):
        values = _values(bounds)
        if len(names) * len(values) > MAX_HOSTS:
            raise ValueError(f"{pattern!r} stands for more than {MAX_HOSTS} hosts")
        names = [name + value + tail for name in names for value in values]
    return tuple(names)


def _values(bounds: str) -> Sequence[str]:
    parts = bounds.split(":")
    if len(parts) not in (2, 3) or not parts[1]:
        raise ValueError(f"the range [{bounds}] must be [first:last] or [first:last:step]")
    first, last, step = parts[0] or "0", parts[1], parts[2] if len(parts) == 3 else "1"
    if not _digits(step) or int(step) < 1:
        raise ValueError(f"the step of the range [{bounds}] must be a number from 1")
    if _digits(first) and _digits(last):
        return _numbers(bounds, first, last, int(step))
    letters = string.ascii_letters
    if len(first) != 1 or len(last) != 1 or first not in letters or last not in letters:
        raise ValueError(f"the range [{bounds}] must have two numbers or two letters")
    if letters.index(first) > letters.index(last):
        raise ValueError(f"the range [{bounds}] goes backwards")
    return letters[letters.index(first) : letters.index(last) + 1 : int(step)]


def _numbers(bounds: str, first: str, last: str, step: int) -> Sequence[str]:
    padded = len(first) > 1 and first.startswith("0")
    if padded and len(first) != len(last):
        raise ValueError(f"both ends of the range [{bounds}] must have the same number of digits")
    if int(first) > int(last):
        raise ValueError(f"the range [{bounds}] goes backwards")
    numbers = range(int(first), int(last) + 1, step)
    if len(numbers) > MAX_HOSTS:
        raise ValueError(f"the range [{bounds}] stands for more than {MAX_HOSTS} hosts")
    return [str(number).zfill(len(first) if padded else 1) for number in numbers]


def _digits(text: str) -> bool:
    return re.fullmatch("[0-9]{1,9}", text) is not None
