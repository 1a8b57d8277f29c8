"""Names that a file on Windows can have, and those that it cannot."""

from __future__ import annotations

import pytest

from runner.modules.file_names import is_file_name


@pytest.mark.parametrize(
    "name",
    [
        *("CON", "prn", "Aux.psd1", "nul.tar.gz", "nul .txt", "conin$", "CONOUT$", "COM0", "com1", "lpt9.log"),
        *("COM\u00b9", "lpt\u00b2", "com\u00b3.txt", "", ".", "..", "a.", "a ", "a:b", "a*", "a?", "a|b", 'a"b'),
        *("a<b", "a>b", "a/b", "a\\b", "a\0b", "a\nb", "a" * 256, "\U0001f600" * 128),
    ],
)
def test_what_is_none(name: str) -> None:
    assert not is_file_name(name)


@pytest.mark.parametrize(
    "name", ["a", ".gitignore", "context", "com10", "conin", "x.nul", "日本.psd1", "a[1].txt", "a" * 255]
)
def test_what_is_one(name: str) -> None:
    assert is_file_name(name)
