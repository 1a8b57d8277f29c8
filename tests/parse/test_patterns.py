"""Host patterns."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.errors import InputError
from runner.model.inventory import Connection, Host, Inventory
from runner.model.source import Origin
from runner.parse import select

HOSTS = ("web01", "web02", "web03", "db01", "db02", "サーバ", "fe80::1")
GROUPS = {
    "all": HOSTS,
    "ungrouped": ("fe80::1",),
    "web": ("web01", "web02", "web03"),
    "db": ("db01", "db02"),
    "tokyo": ("web02", "db02", "サーバ"),
}
INVENTORY = Inventory({name: Host(name, (), {}, Origin("i"), Connection(name, 5986)) for name in HOSTS}, GROUPS, ("i",))


def names(pattern: str, limit: str | None = None) -> list[str]:
    return [host.name for host in select(INVENTORY, pattern, limit)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("all", list(HOSTS)),
        ("*", list(HOSTS)),
        ("web", ["web01", "web02", "web03"]),
        ("web02", ["web02"]),
        ("サーバ", ["サーバ"]),
        ("fe80::1", ["fe80::1"]),
        ("db,web", ["web01", "web02", "web03", "db01", "db02"]),
        ("db:web01", ["web01", "db01", "db02"]),
        ("web:&tokyo", ["web02"]),
        ("&tokyo:web", ["web02"]),
        ("web:!tokyo", ["web01", "web03"]),
        ("!tokyo,web", ["web01", "web03"]),
        ("!web", ["db01", "db02", "サーバ", "fe80::1"]),
        ("web:db:&tokyo:!web02", ["db02"]),
        ("*01", ["web01", "db01"]),
        ("we?", ["web01", "web02", "web03"]),
        ("web0[12]", ["web01", "web02"]),
        ("~(web|db)0[2]", ["web02", "db02"]),
        ("~web01,~db01", ["web01", "db01"]),
        ("all:!~.*0[13]", ["web02", "db02", "サーバ", "fe80::1"]),
        ("web[0]", ["web01"]),
        ("web[-1]", ["web03"]),
        ("web[1:2]", ["web02", "web03"]),
        ("web[1:]", ["web02", "web03"]),
        (" web , db ", ["web01", "web02", "web03", "db01", "db02"]),
    ],
)
def test_patterns(pattern: str, expected: list[str]) -> None:
    assert names(pattern) == expected


def test_limits(tmp_path: Path) -> None:
    assert names("all", "tokyo") == ["web02", "db02", "サーバ"]
    assert names("web", "tokyo:!db") == ["web02"]
    file = tmp_path / "retry"
    file.write_text("# hosts\nweb01\n\ndb01\n")
    assert names("all", f"@{file}") == ["web01", "db01"]


def test_a_limit_may_leave_no_host_of_a_play() -> None:
    """Another play of the same playbook may have some."""
    assert names("web", "db") == []
    assert names("web:db", "db01") == ["db01"]


@pytest.mark.parametrize(
    ("pattern", "limit", "message"),
    [
        ("wbe", None, "play.yml:2:10: no host or group matches 'wbe'\n    did you mean 'web'?"),
        ("web:!tokio", None, "play.yml:2:10: no host or group matches 'tokio'\n    did you mean 'tokyo'?"),
        ("nothing*", None, "play.yml:2:10: no host or group matches 'nothing*'"),
        ("web[7]", None, "play.yml:2:10: no host or group matches 'web[7]'\n    did you mean 'web'?"),
        ("~(", None, "play.yml:2:10: '~(' is no regular expression: missing ), unterminated subpattern at position 0"),
        ("", None, "play.yml:2:10: the host pattern is empty"),
        ("web[", None, "play.yml:2:10: the brackets in 'web[' do not match"),
        ("web[99999999999999999999]", None, "play.yml:2:10: no host or group matches 'web[99999999999999999999]'"),
        ("web", "web01[", "--limit: the brackets in 'web01[' do not match"),
        ("web", "web01,[web", "--limit: the brackets in 'web01,[web' do not match"),
        ("web", "dbb", "--limit: no host or group matches 'dbb'\n    did you mean 'db'?"),
        ("web", "@/no/such/file", "/no/such/file: cannot be read: No such file or directory"),
    ],
)
def test_mistakes(pattern: str, limit: str | None, message: str) -> None:
    with pytest.raises(InputError) as caught:
        select(INVENTORY, pattern, limit, Origin("play.yml", 2, 10))
    assert str(caught.value) == message


@given(st.text(alphabet="web0123:,&!~*[]()@ ", max_size=20))
def test_no_pattern_brings_it_down(pattern: str) -> None:
    chosen: set[str] = set()
    with suppress(InputError):
        chosen = set(names(pattern))
    assert chosen <= set(HOSTS)


@given(st.sampled_from(sorted(GROUPS)), st.sampled_from(sorted(GROUPS)))
def test_patterns_are_set_operations(left: str, right: str) -> None:
    one, two = set(GROUPS[left]), set(GROUPS[right])
    assert set(names(f"{left}:{right}")) == one | two
    assert set(names(f"{left}:&{right}")) == one & two
    assert set(names(f"{left}:!{right}")) == one - two
