"""YAML into a tree: values as PyYAML reads them, places, and the mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.model.errors import InputError, Problem
from runner.model.source import ListNode, MapNode, Node, Origin, ScalarNode, plain
from runner.parse.sources import Findings, Source
from runner.parse.yaml_tree import read_tree

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


def tree(text: str) -> Node | None:
    found = Findings()
    node = read_tree(found.add_source(Source.of("f.yml", text)), found)
    found.raise_if_any()
    return node


def mistakes(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        tree(text)
    return [str(problem) for problem in caught.value.problems]


@given(DATA, st.sampled_from([None, True, False]), st.sampled_from([None, "'", '"', "|", ">"]), st.booleans())
def test_values_are_those_of_safe_load(data: object, flow: bool | None, style: str | None, unicode: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, default_style=style, allow_unicode=unicode, width=20)
    node = tree(text)
    assert (plain(node) if node else None) == yaml.safe_load(text)


@given(DATA)
def test_every_node_stands_where_its_origin_says(data: object) -> None:
    text = yaml.safe_dump(data, allow_unicode=True)
    lines = Source.of("f.yml", text).lines
    for scalar in scalars(tree(text)):
        if scalar.text:
            rest = lines[scalar.origin.line - 1][scalar.origin.column - 1 + scalar.quoted :]
            first = Source.of("f.yml", scalar.text).lines[0]
            assert rest.startswith(first)


def scalars(node: Node | None) -> list[ScalarNode]:
    if isinstance(node, ScalarNode):
        return [node]
    if isinstance(node, MapNode):
        return [found for pair in node.entries for part in pair for found in scalars(part)]
    return [found for item in node.items for found in scalars(item)] if isinstance(node, ListNode) else []


@pytest.mark.parametrize(
    ("text", "value", "spelled", "quoted", "line", "column"),
    [
        ("a: 22:00", 1320, "22:00", False, 1, 4),
        ("a: 3.10", 3.1, "3.10", False, 1, 4),
        ("a: 0755", 493, "0755", False, 1, 4),
        ("a: on", True, "on", False, 1, 4),
        ("a: No", False, "No", False, 1, 4),
        ("a: 2024-01-01", "2024-01-01", "2024-01-01", False, 1, 4),
        ("a: '3.10'", "3.10", "3.10", True, 1, 4),
        ('a: "x\\ty"', "x\ty", "x\\ty", True, 1, 4),
        ("a: |\n   one\n    two\n", "one\n two\n", "one\n    two\n", False, 2, 4),
        ("a: >-\n  one\n  two\n", "one two", "one\n  two\n", False, 2, 3),
        ("サーバ: 値", "値", "値", False, 1, 6),
        ("a: =", "=", "=", False, 1, 4),
        ("a: !!str 5", "5", "5", False, 1, 4),
        ("\r\na: 1\r\n", 1, "1", False, 2, 4),
    ],
)
def test_scalars(text: str, value: object, spelled: str, quoted: bool, line: int, column: int) -> None:
    node = tree(text)
    assert isinstance(node, MapNode)
    scalar = node.entries[0][1]
    assert isinstance(scalar, ScalarNode)
    assert (scalar.value, type(scalar.value)) == (value, type(value))
    if not text.startswith("a: !!"):
        assert (scalar.text, scalar.quoted) == (spelled, quoted)
        assert scalar.origin == Origin("f.yml", line, column)


def test_anchors_and_merges() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, y: 9}\nboth: {<<: [*b, *m]}\nlist: [*b]\n"
    node = tree(text)
    assert node is not None
    assert plain(node) == yaml.safe_load(text)
    merged = node.get("one") if isinstance(node, MapNode) else None
    assert isinstance(merged, MapNode)
    assert [key.origin.line for key, _ in merged.entries] == [1, 3]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\n\n", "--- # c\n...\n"])
def test_an_empty_file_has_no_tree(text: str) -> None:
    assert tree(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: 1\n\tb: 2\n",
            "f.yml:2:1: not valid YAML: found character '\\t' that cannot start any token\n    \tb: 2\n    ^\n"
            "    YAML is indented with spaces, never with tabs",
        ),
        (
            "a: b: c\n",
            "f.yml:1:5: not valid YAML: mapping values are not allowed here\n    a: b: c\n        ^\n"
            "    a text that holds ': ' must be quoted; keys of one mapping are indented alike",
        ),
        (
            'path: "C:\\Users"\n',
            "f.yml:1:12: not valid YAML: expected escape sequence of 8 hexadecimal numbers, but found 's'\n"
            '    path: "C:\\Users"\n               ^\n'
            "    in double quotes a backslash begins an escape: use single quotes for Windows paths",
        ),
        (
            "a: [1, 2\n",
            "f.yml:2:1: not valid YAML: expected ',' or ']', but got '<stream end>'\n"
            "    a quotation mark or bracket is not closed",
        ),
        (
            "a: *b\n",
            "f.yml:1:4: not valid YAML: found undefined alias 'b'\n    a: *b\n       ^\n"
            "    `*name` stands for an anchor `&name`; a text that begins with * must be quoted",
        ),
        ("a: x\x07\n", "f.yml:1:5: the character U+0007 is not allowed in YAML\n    a: x\x07\n        ^"),
        ("a: &x [*x]\n", "f.yml:1:8: the anchor &x holds itself\n    a: &x [*x]\n           ^"),
    ],
)
def test_a_syntax_error_comes_alone_with_line_and_caret(text: str, message: str) -> None:
    assert mistakes(text) == [message]


def test_all_other_mistakes_come_together() -> None:
    text = "a: 1\na: 2\nb: {{ x }}\nc: !vault |\n  $ANSIBLE\nd: !odd 1\n? [e]\n: 1\nf: {<<: 5}\ng: 0b_\n"
    assert [line.split("\n")[0] for line in mistakes(text)] == [
        "f.yml:2:1: the key 'a' is given twice",
        "f.yml:3:5: a mapping cannot be a key",
        "f.yml:5:3: values encrypted by ansible-vault are not supported by ce-runner yet",
        "f.yml:6:4: unknown YAML tag !odd",
        "f.yml:7:3: a list cannot be a key",
        "f.yml:9:9: `<<` merges mappings only",
        "f.yml:10:4: '0b_' cannot be read as int",
    ]


def test_one_document_in_a_file() -> None:
    assert mistakes("a: 1\n---\nb: 2\n")[0].startswith("f.yml:2:1: a second YAML document begins here")


@pytest.mark.timeout(10)
def test_bombs_are_refused() -> None:
    rows = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 20)]
    assert "the aliases stand for more than 100000 values" in mistakes("\n".join(rows))[0]
    assert "nested more than 100 levels deep" in mistakes("[" * 100_000)[0]
    assert "nested more than 100 levels deep" in mistakes("[" * 100_000 + "]" * 100_000)[0]
    assert "nested more than 100 levels deep" in mistakes("- " * 100_000)[0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: ok\nb: \x93\xfa\x96{\n", "{}:2:4: not UTF-8: byte 0x93 at offset 9\n    save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "{}: the file is UTF-16, not UTF-8\n    save the file as UTF-8"),
        (None, "{}: cannot be read: No such file or directory"),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, data: bytes | None, message: str) -> None:
    path = tmp_path / "f.yml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        Source.read(path)
    assert str(caught.value) == message.format(path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert Source.read(path).text == "a: 1\n"


@pytest.mark.parametrize(
    "line",
    [
        "ansible_password: *kanarie77",
        "ansible_password: !kanarie77",
        "ansible_password: @kanarie77",
        "ansible_password: kanarie: 77",
        "{user: a: b, ansible_password: 'kanarie77'}",
        "x_secret: 'kanarie77",
        "api_token: \tkanarie77: [",
    ],
)
def test_a_password_on_a_wrong_line_is_not_shown(line: str) -> None:
    assert "kanarie" not in "\n".join(mistakes(line))


@given(st.text(alphabet="ab:- \n[]{},&*!|>'\"%@#?~<=\t1", max_size=60))
def test_no_text_brings_the_reader_down(text: str) -> None:
    found = Findings()
    syntax: tuple[Problem, ...] = ()
    try:
        read_tree(found.add_source(Source.of("f.yml", text)), found)
    except InputError as error:
        syntax = error.problems
    assert len(syntax) <= 1
    assert all(problem.origin for problem in (*syntax, *found.problems))
