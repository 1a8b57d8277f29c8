"""No address that a task names may hold an account, and none that a host has is shown."""

from __future__ import annotations

from typing import Any

import pytest

from runner.model.errors import InputError
from runner.model.secret import has_account, without_accounts
from runner.model.source import MapNode, Origin
from runner.modules.arguments import validate
from runner.modules.loader import load_modules

NOWHERE = MapNode((), Origin("site.yml", 1, 1))


@pytest.mark.parametrize(
    ("module", "data"),
    [
        ("win_psmodule", {"name": "A", "proxy": "http://u:PW-7@proxy:8080"}),
        ("win_package_provider", {"proxy": "http://u:PW-7@proxy:8080"}),
        ("win_psrepository", {"name": "A", "source_location": "https://pat:PW-7@feed.example.com/v2"}),
        ("win_psrepository", {"name": "A", "proxy": "u:PW-7@proxy:8080"}),
        ("win_uri", {"url": "https://u:PW-7@site.example/"}),
        ("win_uri", {"url": "https://site.example/", "proxy_url": "http://u:PW-7@proxy:8080"}),
    ],
)
def test_an_account_is_refused_without_repeating_it(module: str, data: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        validate(load_modules()[module], data, NOWHERE)
    assert "an address without user and password in it is wanted" in str(caught.value)
    assert "PW-7" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize(
    ("location", "masked"),
    [
        ("https://pat:PW@feed.example.com/v2", "https://********@feed.example.com/v2"),
        ("https://p@t:P@W@feed.example.com", "https://********@feed.example.com"),
        ("http://u@proxy:8080", "http://********@proxy:8080"),
        ("//u:p@proxy", "//********@proxy"),
    ],
)
def test_accounts_are_masked(location: str, masked: str) -> None:
    assert has_account(location)
    assert without_accounts(f"no answer of {location} and {location}.") == f"no answer of {masked} and {masked}."


@pytest.mark.parametrize(
    "location",
    [
        "https://feed.example.com/v2/a@b",
        "https://feed.example.com?user=a@b",
        "\\\\server\\share\\a@b",
        "\\\\server@SSL@8443\\DavWWWRoot",
        "C:\\packages\\a@b",
        "",
    ],
)
def test_an_at_sign_elsewhere_is_none(location: str) -> None:
    assert not has_account(location)
    assert without_accounts(location) == location
