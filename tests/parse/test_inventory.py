"""Inventories: YAML and INI, group_vars and host_vars, precedence, mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.errors import InputError
from runner.model.inventory import Host, Inventory
from runner.model.secret import Secret
from runner.model.source import plain
from runner.parse import parse_extra_vars, parse_inventory

YAML = """\
all:
  vars: {level: all, domain: corp}
  children:
    web:
      vars: {level: web}
      hosts:
        web[01:03].corp:
        サーバ: {level: host}
      children:
        inner:
          hosts: {web02.corp: {size: 5}}
          vars: {level: inner}
    db:
      hosts: db1
    empty:
"""
INI = """\
; comment
solo:5985 user='CORP\\x' number=5 text=yes list="[1, 'b']"  # comment
[web]
web[01:03].corp
サーバ level=host
[inner]
web02.corp size=5
[web:children]
inner
[all:vars]
level = all
domain=corp
[web:vars]
level=web
note = # not a comment
flag=True
[inner:vars]
level=inner
"""


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def values(host: Host) -> dict[str, object]:
    return {name: plain(node) for name, node in host.variables.items()}


def mistakes(folder: Path, name: str, text: str) -> list[str]:
    write(folder, {name: text})
    with pytest.raises(InputError) as caught:
        parse_inventory([folder / name])
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


@pytest.fixture
def from_yaml(tmp_path: Path) -> Inventory:
    write(tmp_path, {"hosts.yml": YAML})
    return parse_inventory([tmp_path / "hosts.yml"])


@pytest.fixture
def from_ini(tmp_path: Path) -> Inventory:
    write(tmp_path, {"hosts": INI})
    return parse_inventory([tmp_path / "hosts"])


def test_hosts_and_groups_of_yaml(from_yaml: Inventory) -> None:
    assert list(from_yaml.hosts) == ["web01.corp", "web02.corp", "web03.corp", "サーバ", "db1"]
    assert from_yaml.groups["web"] == ("web01.corp", "web02.corp", "web03.corp", "サーバ")
    assert from_yaml.groups["inner"] == ("web02.corp",)
    assert from_yaml.groups["all"] == tuple(from_yaml.hosts)
    assert (from_yaml.groups["empty"], from_yaml.groups["ungrouped"]) == ((), ())
    assert from_yaml.hosts["web02.corp"].groups == ("inner", "web")
    assert from_yaml.hosts["web02.corp"].origin.line == 7


def test_hosts_and_groups_of_ini(from_ini: Inventory) -> None:
    assert list(from_ini.hosts) == ["solo", "web01.corp", "web02.corp", "web03.corp", "サーバ"]
    assert from_ini.groups["web"] == ("web01.corp", "web02.corp", "web03.corp", "サーバ")
    assert from_ini.groups["ungrouped"] == ("solo",)
    assert from_ini.hosts["web02.corp"].groups == ("inner", "web")


@pytest.mark.parametrize("kind", ["from_yaml", "from_ini"])
def test_the_nearer_group_wins_and_the_host_over_all(kind: str, request: pytest.FixtureRequest) -> None:
    hosts = request.getfixturevalue(kind).hosts
    levels = {name: plain(hosts[name].variables["level"]) for name in ("web01.corp", "web02.corp", "サーバ")}
    assert levels == {"web01.corp": "web", "web02.corp": "inner", "サーバ": "host"}
    assert plain(hosts["web02.corp"].variables["domain"]) == "corp"


def test_ini_values_are_typed_as_ansible_does(from_ini: Inventory) -> None:
    solo = values(from_ini.hosts["solo"])
    assert {name: solo[name] for name in ("user", "number", "text", "list", "ansible_port")} == {
        "user": "CORP\\x",
        "number": 5,
        "text": "yes",
        "list": [1, "b"],
        "ansible_port": 5985,
    }
    web = values(from_ini.hosts["web01.corp"])
    assert (web["flag"], web["note"]) == (True, "# not a comment")


def test_ini_values_know_their_places(from_ini: Inventory) -> None:
    for name, column in (("number", 32), ("user", 16)):
        origin = from_ini.hosts["solo"].variables[name].origin
        assert (origin.line, origin.column) == (2, column)
    note = from_ini.hosts["web01.corp"].variables["note"].origin
    assert (note.line, note.column) == (15, 8)


def test_names_that_every_host_has(from_yaml: Inventory) -> None:
    found = values(from_yaml.hosts["web02.corp"])
    assert found["inventory_hostname"] == "web02.corp"
    assert found["inventory_hostname_short"] == "web02"
    assert found["group_names"] == ["inner", "web"]


LAYERS = (  # docs.ansible.com, "Understanding variable precedence", the weakest first
    "the inventory's all",
    "the inventory's group",
    "inv/group_vars/all.yml",
    "play/group_vars/all.yaml",
    "inv/group_vars/g/a.yml",
    "play/group_vars/g.json",
    "the inventory's host",
    "inv/host_vars/h",
    "play/host_vars/h.yml",
)


@pytest.mark.parametrize("count", range(1, len(LAYERS) + 1))
def test_precedence_is_ansibles(tmp_path: Path, count: int) -> None:
    """Of the first layers, all of which set x, the last one must win."""
    used = LAYERS[:count]
    all_, group, host = (f'{{x: "{name}"}}' if name in used else "{}" for name in (LAYERS[0], LAYERS[1], LAYERS[6]))
    hosts = f"all:\n  vars: {all_}\n  children:\n    g:\n      vars: {group}\n      hosts:\n        h: {host}\n"
    files = {name: f'{{"x": "{name}"}}' for name in used if "/" in name}
    write(tmp_path, {"inv/hosts.yml": hosts, **files})
    inventory = parse_inventory([tmp_path / "inv/hosts.yml"], playbook_folder=tmp_path / "play")
    assert plain(inventory.hosts["h"].variables["x"]) == used[-1]
    assert set(inventory.files) == {str(tmp_path / name) for name in ("inv/hosts.yml", *files)}


def test_equal_groups_are_merged_by_priority_then_name(tmp_path: Path) -> None:
    text = "all: {children: {a: {hosts: h, vars: {x: a, ansible_group_priority: 5}}, b: {hosts: h, vars: {x: b, y: b}},"
    write(tmp_path, {"i.yml": text + " c: {hosts: h, vars: {y: c}}}}\n"})
    found = values(parse_inventory([tmp_path / "i.yml"]).hosts["h"])
    assert (found["x"], found["y"]) == ("a", "c")


def test_extra_variables_win_and_are_kept_apart(tmp_path: Path) -> None:
    write(tmp_path, {"hosts": "h level=host\n", "more.yml": "b: 2\nlevel: file\n"})
    extra = parse_extra_vars([f"@{tmp_path}/more.yml", "level=extra c='x y'", '{"d": [1], "ansible_password": "p"}'])
    inventory = parse_inventory([tmp_path / "hosts"], extra=extra)
    found = values(inventory.hosts["h"])
    assert {name: found[name] for name in ("level", "b", "c", "d")} == {"level": "extra", "b": 2, "c": "x y", "d": [1]}
    assert set(inventory.extra) == {"level", "b", "c", "d"}
    assert inventory.hosts["h"].connection.password == Secret("p")


def test_mistakes_in_extra_variables_come_together() -> None:
    with pytest.raises(InputError) as caught:
        parse_extra_vars(["novalue", "{a: 1, a: 2}", "@/nowhere/at/all.yml", "x='"])
    assert len(caught.value.problems) == 4


RESERVED = "is what the inventory says of a host and cannot be set"


@pytest.mark.parametrize("text", ["inventory_hostname=x", "{group_names: [a]}"])
def test_nobody_else_says_what_a_host_is_called(text: str) -> None:
    with pytest.raises(InputError, match=RESERVED):
        parse_extra_vars([text])


def test_an_inventory_does_not_rename_its_hosts(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "hosts", "h inventory_hostname=g\n")[0].startswith(
        f"hosts:1:3: inventory_hostname {RESERVED}"
    )
    assert mistakes(tmp_path, "i.yml", "all: {hosts: {h: {group_names: []}}}\n")[0].startswith(
        f"i.yml:1:19: group_names {RESERVED}"
    )


def test_a_playbook_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"hosts": "h\n", "play/group_vars/all.yml": "x: 1\n"})
    there = parse_inventory([tmp_path / "hosts"], playbook_folder=tmp_path / "play")
    assert (plain(there.hosts["h"].variables["x"]), there.warnings) == (1, ())
    gone = parse_inventory([tmp_path / "hosts"], playbook_folder=tmp_path / "gone")
    assert [str(warning) for warning in gone.warnings] == [
        f"{tmp_path}/gone: the playbook's folder is not there: no group_vars and host_vars beside the playbook are read"
    ]


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000, "1:" * 3000 + "1"])
def test_numbers_without_measure_are_mistakes(tmp_path: Path, number: str) -> None:
    text = f"all: {{hosts: {{h: {{x: {number}}}}}}}\n"
    (found,) = (line.split("\n")[0] for line in mistakes(tmp_path, "i.yml", text))
    assert found.startswith("i.yml:1:")
    assert found.endswith("cannot be read as int")
    assert len(found) < 120


def test_a_priority_without_measure_is_a_mistake(tmp_path: Path) -> None:
    text = f"all: {{children: {{g: {{hosts: h, vars: {{ansible_group_priority: '{'9' * 5000}'}}}}}}}}\n"
    assert "ansible_group_priority must be a number" in mistakes(tmp_path, "i.yml", text)[0]


def test_a_folder_of_inventories(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "inv/10-hosts.yml": "all: {hosts: {a: , b: }}\n",
            "inv/20-more": "[g]\nb x=1\n",
            "inv/README.md": "no inventory",
            "inv/.hidden": "[",
            "inv/old.bak": "[",
            "inv/group_vars/g.yml": "y: 2\n",
        },
    )
    inventory = parse_inventory([tmp_path / "inv"])
    assert list(inventory.hosts) == ["a", "b"]
    assert {"x": 1, "y": 2}.items() <= values(inventory.hosts["b"]).items()


def test_mistakes_of_a_yaml_inventory(tmp_path: Path) -> None:
    text = (
        "all:\n  hosts:\n    a[1:b]:\n    c: [x]\n    'd e':\n  childs: {}\n  vars: 5\nweb: [1]\n"
        "g: {children: {h: {children: {g: }}}}\n"
    )
    assert [line.split("\n")[0] for line in mistakes(tmp_path, "i.yml", text)] == [
        "i.yml:3:5: the range [1:b] must have two numbers or two letters",
        "i.yml:4:8: the variables of c must be a mapping of names to values, not a list",
        "i.yml:5:5: 'd e' is no host name",
        "i.yml:6:3: a group has no key 'childs'",
        "i.yml:7:9: vars must be a mapping of names to values, not a number",
        "i.yml:8:6: the group 'web' must be a mapping with hosts, vars, children; it is a list",
        "i.yml:9:1: groups hold each other in a circle: g -> h -> g",
    ]


def test_mistakes_of_an_ini_inventory(tmp_path: Path) -> None:
    text = (
        "h1 user=CORP\\x\nh2 note=ab#c\nh3 foo\nh4 1x=2\nh5 a='b\n[web:var]\nx=1\n[db:vars]\ny=1\nnothing\n"
        "[a:children]\nb\n[b:children]\na\nc\n[not a section]\n"
    )
    assert [line.split("\n")[0] for line in mistakes(tmp_path, "hosts", text)] == [
        "hosts:1:13: a backslash outside quotes would be lost",
        "hosts:2:11: a # in a word begins a comment; the rest would be lost",
        "hosts:3:4: after the host come name=value pairs, not 'foo'",
        "hosts:4:4: '1x' is no variable name",
        "hosts:5:1: the quotes in this line do not match (No closing quotation)",
        "hosts:6:1: a section [web:var] means nothing",
        "hosts:8:1: there is no group 'db'",
        "hosts:10:1: a line of this section must be name=value",
        "hosts:11:1: groups hold each other in a circle: a -> b -> a",
        "hosts:15:1: there is no group 'c'",
        "hosts:16:1: [not a section] is no section",
    ]


def test_mistakes_of_all_files_come_together(tmp_path: Path) -> None:
    write(tmp_path, {"group_vars/all.yml": "- a\n", "host_vars/h.yml": "x: [\n", "host_vars/h/y.yml": "a b: 1\n"})
    found = mistakes(tmp_path, "i.yml", "all: {hosts: {h: {ansible_port: x}}}\n")
    assert [line.split("\n")[0] for line in found] == [
        "i.yml:1:33: ansible_port must be a number from 1 to 65535",
        "group_vars/all.yml:1:1: a file of variables must be a mapping, not a list",
        "host_vars/h/y.yml:1:1: a name in the file must be a variable name, not 'a b'",
        "host_vars/h.yml: two places give the variables of one name",
        "host_vars/h.yml:2:1: not valid YAML: expected the node content, but found '<stream end>'",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("i.yml", "", "i.yml:1:1: the inventory is empty"),
        ("i.yml", "- a\n", "i.yml:1:1: an inventory must be a mapping of groups, not a list"),
        ("i.yml", "all: {hosts: }\n", "i.yml: the inventory has no hosts"),
        ("i.yml", "all: [\n", "i.yml:2:1: not valid YAML: expected the node content, but found '<stream end>'"),
        ("hosts", "---\nall:\n", "hosts:1:1: this looks like YAML"),
    ],
)
def test_inventories_that_are_none(tmp_path: Path, name: str, text: str, message: str) -> None:
    assert mistakes(tmp_path, name, text)[0].split("\n")[0] == message


@given(st.text(alphabet="ab1[]:=,{} \n'\"#-\\%&*!", max_size=60), st.sampled_from(["hosts", "i.yml"]))
@settings(max_examples=200)
def test_no_inventory_brings_the_parser_down(tmp_path_factory: pytest.TempPathFactory, text: str, name: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    write(folder, {name: text})
    try:
        found = len(parse_inventory([folder / name]).hosts)
    except InputError as error:
        found = len(error.problems)
    assert found
