"""Characters in CLIXML that XML 1.0 forbids."""

from __future__ import annotations

import re

_REFERENCE = re.compile(rb"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));")
_NONCHARACTERS = ((b"\xef\xbf\xbe", b"_xFFFE_"), (b"\xef\xbf\xbf", b"_xFFFF_"))
_WHITE = frozenset({0x9, 0xA, 0xD})


def mend(message: bytes) -> bytes:
    """A message's XML with every forbidden character written as CLIXML's own escape, which keeps it.

    PowerShell sends U+FFFE and U+FFFF as character references, which no strict parser takes
    (../shared/groundtruth/pwsh76/README.md X1).
    """
    if b"&#" in message:
        message = _REFERENCE.sub(_escape, message)
    for raw, escaped in _NONCHARACTERS:
        message = message.replace(raw, escaped)
    return message


def _escape(found: re.Match[bytes]) -> bytes:
    number = int(found[1], 16) if found[1] else int(found[2])
    control = number < 0x20 and number not in _WHITE
    forbidden = control or 0xD800 <= number <= 0xDFFF or number in (0xFFFE, 0xFFFF)
    return b"_x%04X_" % number if forbidden else found[0]
