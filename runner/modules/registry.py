"""Registry keys and values as data: paths, the twin below Wow6432Node, kinds, and what a user may write as data.

Facts: groundtruth/pwsh76/windows.md (Registry), design section 7.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TypeGuard

from runner.model.state import Desired
from runner.model.value import EnumValue, Int32, Int64, Value
from runner.modules.base import Implied

Data = int | str | bytes | tuple[str, ...]

HIVES = MappingProxyType(
    {
        "HKLM": "HKEY_LOCAL_MACHINE",
        "HKCU": "HKEY_CURRENT_USER",
        "HKU": "HKEY_USERS",
        "HKCR": "HKEY_CLASSES_ROOT",
        "HKCC": "HKEY_CURRENT_CONFIG",
    }
)
_SHORT = MappingProxyType({hive: short for short, hive in HIVES.items()})
_DRIVES = frozenset({"HKLM", "HKCU"})  # the others have no drive: HKU: is a DriveNotFound (reg-path-00..20)
_PROVIDER = "Registry::"
_PATH = re.compile(r"(?:Registry::)?(HK[A-Z_]+):?(?:\\+(.*))?", re.IGNORECASE | re.DOTALL)

MODULE = "win_regedit"  # manages keys and values; other modules that write some say so by this name
DEFAULT = "(default)"  # how the property cmdlets call the unnamed value (reg-sip-default)
_WORDS = MappingProxyType(  # our word -> word of -Type (reg-sip-badtype: REG_ words are unknown)
    {
        "none": "None",
        "string": "String",
        "expandstring": "ExpandString",
        "binary": "Binary",
        "dword": "DWord",
        "multistring": "MultiString",
        "qword": "QWord",
    }
)
TEXT_KINDS = frozenset({"string", "expandstring", "multistring"})


def fold(text: str) -> str:
    """The text as the registry compares it: without case, one character for one character."""
    upper = text.upper()
    if len(upper) == len(text):
        return upper
    return "".join(upper if len(upper := character.upper()) == 1 else character for character in text)


@dataclass(frozen=True, slots=True)
class Key:
    """A registry key: `hive` as HKEY_..., `path` below it without leading or trailing backslash ("" is the hive).

    `identity` is the same for all spellings of one key.
    """

    hive: str
    path: str
    identity: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", fold(self.full))

    @property
    def full(self) -> str:
        return f"{self.hive}\\{self.path}" if self.path else self.hive

    @property
    def has_slash(self) -> bool:
        return "/" in self.path

    @property
    def shown(self) -> str:
        """HKLM\\SOFTWARE\\..., for people."""
        return f"{_SHORT[self.hive]}\\{self.path}" if self.path else _SHORT[self.hive]

    @property
    def literal(self) -> str:
        """The path for -LiteralPath, and for -Path of New-Item, which takes it literally too (reg-ni-brackets)."""
        short = _SHORT[self.hive]
        return f"{short}:\\{self.path}" if short in _DRIVES else f"{_PROVIDER}{self.full}"

    @property
    def line(self) -> tuple[Key, ...]:
        """The key and its ancestors below the hive, the topmost first."""
        names = self.path.split("\\") if self.path else []
        return tuple(Key(self.hive, "\\".join(names[: count + 1])) for count in range(len(names)))

    def holds(self, other: Key) -> bool:
        """Whether `other` is this key or lies below it."""
        return other.identity == self.identity or other.identity.startswith(self.identity + "\\")

    def twin(self) -> Key | None:
        """The same key as 32-bit programs see it, below Wow6432Node; None where the views do not part."""
        top, _, rest = self.path.partition("\\")
        if self.hive != HIVES["HKLM"] or fold(top) != "SOFTWARE":
            return None
        if fold(rest.partition("\\")[0]) == "WOW6432NODE":
            return self
        return Key(self.hive, f"{top}\\Wow6432Node\\{rest}".rstrip("\\"))


@lru_cache(maxsize=4096)  # hosts by the thousand are asked for the same keys
def parse_key(text: str) -> Key:
    """A path as users write it: HKLM:\\..., HKLM\\..., HKEY_LOCAL_MACHINE\\..., Registry::HKEY_...

    A slash belongs to a key's name (the SCHANNEL cipher `RC4 128/128`), as in -LiteralPath (reg-gip-slash-key).
    Control characters are refused: no person sees them, and a line break would steer what a path is written into.
    Errors: ValueError.
    """
    if any(unicodedata.category(character) == "Cc" for character in text.strip()):
        raise ValueError("a registry path holds no control characters")
    return any_key(text.strip())


def any_key(text: str) -> Key:
    """A path as a host or a plan names it: as `parse_key`, whatever characters are in it. Errors: ValueError."""
    matched = _PATH.fullmatch(text)
    hive = matched and (HIVES.get(matched[1].upper()) or (matched[1].upper() if matched[1].upper() in _SHORT else None))
    if not matched or not hive:
        raise ValueError(f"not a registry path: it begins with one of {', '.join(f'{short}:' for short in HIVES)}")
    names = [name for name in (matched[2] or "").split("\\") if name]
    if any(name in (".", "..") for name in names):
        raise ValueError("a registry path is written out, without . or ..")
    return Key(hive, "\\".join(names))


def identity(key: Key, name: str | None) -> str:
    """What all spellings of a value ("" is the unnamed one), or without a name of a key, have in common."""
    return key.identity if name is None else f"{key.identity}::{fold(name or DEFAULT)}"


def is_there(*keys: Key) -> tuple[Implied, ...]:
    """That these keys exist, as a thing implies it that needs them."""
    return tuple(Implied(MODULE, key.identity, Desired(True)) for key in keys)


def key_of_ps_path(text: str) -> Key:
    """The key that a PSPath names, such as Microsoft.PowerShell.Core\\Registry::HKEY_LOCAL_MACHINE\\SOFTWARE."""
    return any_key(text.partition("::")[2])


def kind_name(kind: EnumValue) -> str:
    """Our word for a Microsoft.Win32.RegistryValueKind; a kind without a word of ours keeps .NET's."""
    return kind.text.lower()


def is_writable(data: object, kind: str) -> TypeGuard[Data]:
    """Whether such a value can be written as it is: a DWORD of three bytes cannot."""
    try:
        return data is not None and kind in _WORDS and normalised(kind, data) == data
    except ValueError:
        return False


def type_word(kind: str) -> str:
    return _WORDS[kind]


def sent(kind: str, data: Data) -> Value:
    """Data as it is sent with -Type: numbers signed, which every version takes (design section 7)."""
    if isinstance(data, int):
        width = 32 if kind == "dword" else 64
        signed = data - (1 << width) if data >= 1 << (width - 1) else data
        return Int32(signed) if kind == "dword" else Int64(signed)
    return data


def normalised(kind: str, data: object) -> Data:
    """What a user wrote as data of a kind, as the value that is compared; None is the kind's empty value.

    Numbers are unsigned. Errors: ValueError says what is wanted.
    """
    return _NORMALISERS[kind](data)


def _text(data: object) -> str:
    if data is None:
        return ""
    if isinstance(data, str):
        return data
    raise ValueError("wants text")


def _texts(data: object) -> tuple[str, ...]:
    if data is None:
        return ()
    items = list(data) if isinstance(data, (list, tuple)) else [data]
    if all(isinstance(item, str) for item in items):
        return tuple(str(item) for item in items)
    raise ValueError("wants text or a list of texts: quote numbers and yes or no")


def _number(width: int) -> Callable[[object], int]:
    def number(data: object) -> int:
        wanted = f"wants a whole number from 0 to {(1 << width) - 1:#x}, decimal or as 0x..."
        if data is None:
            return 0
        if isinstance(data, str):
            try:
                data = int(data, 16) if data.strip().lower().startswith("0x") else int(data)
            except ValueError:
                raise ValueError(wanted) from None
        if isinstance(data, bool) or not isinstance(data, int):
            raise ValueError(wanted)
        if not -(1 << (width - 1)) <= data < 1 << width:
            raise ValueError(wanted)
        return int(data) % (1 << width)

    return number


def _bytes(data: object) -> bytes:
    """`hex:be,ef`, `be,ef`, `beef` or a list of numbers from 0 to 255."""
    if data is None:
        return b""
    if isinstance(data, bytes):
        return data
    try:
        if isinstance(data, str):
            text = re.sub(r"^hex(\([0-9a-f]+\))?:", "", data.strip().lower())
            return bytes.fromhex(re.sub(r"[\s,\\]", "", text))
        if isinstance(data, (list, tuple)) and not any(isinstance(item, bool) for item in data):
            return bytes(data)
    except (ValueError, TypeError):
        pass
    raise ValueError("wants bytes as 'hex:be,ef', 'beef' or a list of numbers from 0 to 255")


_NORMALISERS: Mapping[str, Callable[[object], Data]] = MappingProxyType(
    {
        "none": _bytes,
        "string": _text,
        "expandstring": _text,
        "binary": _bytes,
        "dword": _number(32),
        "multistring": _texts,
        "qword": _number(64),
    }
)
