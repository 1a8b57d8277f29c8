"""Which names a file or a folder can have on Windows: the one table of it.

Characters, reserved names with or without an extension, a dot or a space at the end: learn.microsoft.com, "Naming
Files, Paths, and Namespaces"; CONIN$ and CONOUT$: "RtlIsDosDeviceName_U"; the length of a name: "Maximum Path Length
Limitation" (NTFS gives 255 for lpMaximumComponentLength).
"""

from __future__ import annotations

import re

_LONGEST = 255  # UTF-16 code units
_NO_NAME = re.compile(
    r'.*[<>:"/\\|?*\x00-\x1f].*|.*[. ]|(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\..*)?|',
    re.IGNORECASE | re.DOTALL,
)


def is_file_name(name: str) -> bool:
    """Whether a file or a folder on Windows can have this name, which is one part of a path."""
    return _NO_NAME.fullmatch(name) is None and len(name.encode("utf-16-le", "surrogatepass")) // 2 <= _LONGEST
