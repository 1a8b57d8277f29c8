"""Rendering: types, laziness, what is data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.source import Origin, ScalarNode, node_of
from runner.template import TemplateError, Templates, UndefinedName

AT = Origin("play.yml", 3, 7)
VARIABLES: Mapping[str, object] = {
    "number": 5,
    "user": node_of("x{{ number }}", AT),
    "over": node_of("{{ user }}", AT),
    "nested": node_of(["{{ number }}", {"key": "{{ user }}"}], AT),
    "from_host": "{{ number }}",
    "result": {"changed": True, "failed": False, "values": [1, "{{ number }}"]},
    "broken": node_of("{{ nowhere }}", AT),
    "wrong": node_of("{{ 1 / 0 }}", AT),
    "one": node_of("{{ two }}", AT),
    "two": node_of("{{ three }}", AT),
    "three": node_of("{{ one }}", AT),
}


def render(value: object, variables: Mapping[str, object] = VARIABLES) -> object:
    return Templates().render(node_of(value, AT), variables)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ number }}", 5),
        ("{{ 5 }}", 5),
        ("{{ '5' }}", "5"),
        ("{{ none }}", None),
        ("{{ [1, 'a', true] }}", [1, "a", True]),
        ("{{ {'a': 1} }}", {"a": 1}),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ [1, 2] | map('string') }}", ["1", "2"]),
        ("{{ result['values'] | first }}", 1),
        (" {{ number }}", " 5"),
        ("{{ number }}\n", "5\n"),
        ("{{ number }}{{ number }}", "55"),
        ("{% if number == 5 %}yes{% endif %}", "yes"),
        ("{% for n in [1, 2] %}{{ n }}{{ '' if loop.last else ',' }}{% endfor %}", "1,2"),
        ("[1, 2] {{ number }}", "[1, 2] 5"),
        ("{{ over }}", "x5"),
        ("{{ nested }}", [5, {"key": "x5"}]),
        ("plain", "plain"),
        ({"a": ["{{ number }}", 1.5, None, False]}, {"a": [5, 1.5, None, False]}),
        ({"{{ number }}": 1}, {"{{ number }}": 1}),
    ],
)
def test_a_lone_expression_keeps_its_type_and_mixed_text_is_a_string(template: object, value: object) -> None:
    rendered = render(template)
    assert rendered == value
    assert type(rendered) is type(value)


def test_a_lone_expression_gives_the_very_object() -> None:
    assert render("{{ result }}") is VARIABLES["result"]


def test_what_comes_from_a_host_is_never_rendered() -> None:
    assert render("{{ from_host }}") == "{{ number }}"
    assert render("a {{ from_host }}") == "a {{ number }}"
    assert render("{{ result['values'] }}") == [1, "{{ number }}"]


def test_what_a_template_gives_is_not_rendered_again() -> None:
    assert render("{{ '{{' }} number }}") == "{{ number }}"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_any_data_passes_through_a_lone_expression(data: object) -> None:
    assert render("{{ data }}", {"data": data}) is data


def test_an_unused_variable_is_not_rendered() -> None:
    assert render("{{ number if true else broken }}") == 5


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ missing | default('d') }}", "d"),
        ("{{ missing.deep.er | default('d') }}", "d"),
        ("{{ result.nothing | d('d') }}", "d"),
        ("{{ broken | default('d') }}", "d"),
        ("{{ broken is defined }}", False),
        ("{{ '' | default('d', true) }}", "d"),
        ("{{ '' | default('d') }}", ""),
        ("{{ number | default(missing) }}", 5),
    ],
)
def test_default_and_defined_forgive_what_is_undefined(template: str, value: object) -> None:
    assert render(template) == value


@pytest.mark.parametrize("template", ["{{ wrong | default(1) }}", "{{ wrong is defined }}", "{{ one | default(1) }}"])
def test_default_and_defined_do_not_forgive_other_mistakes(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template)


@pytest.mark.parametrize(
    ("template", "message", "column", "hint"),
    [
        ("{{ nunber }}", "the variable 'nunber' is not defined", 10, "did you mean 'number'?"),
        ("a {{ 1 + nowhere }}", "the variable 'nowhere' is not defined", 16, ""),
        ("{{ result.chnged }}", "the mapping has no 'chnged'", 17, "did you mean 'changed'?"),
        ("{{ number.x }}", "a value of type int has no 'x'", 17, ""),
        (
            "{{ lookup('a') }}",
            "the variable 'lookup' is not defined",
            10,
            "lookups work only in connection variables",
        ),
        ("{{ [nowhere] }}", "the variable 'nowhere' is not defined", 11, ""),
        ("{{ nowhere | upper }}", "the variable 'nowhere' is not defined", 10, ""),
        ("{{ nowhere == 1 }}", "the variable 'nowhere' is not defined", 10, ""),
        ("{{ nowhere is none }}", "the variable 'nowhere' is not defined", 10, ""),
    ],
)
def test_undefined_names_are_errors_with_a_place(template: str, message: str, column: int, hint: str) -> None:
    with pytest.raises(UndefinedName) as caught:
        render(template)
    problem = caught.value.problem
    assert (problem.message, problem.hint) == (message, hint)
    assert problem.origin == Origin("play.yml", 3, column)


def test_an_undefined_name_is_placed_where_it_is_written() -> None:
    elsewhere = Origin("group_vars/all.yml", 8, 4)
    variables = {"outer": node_of("{{ inner }}", AT), "inner": ScalarNode("{{ gone }}", elsewhere, "{{ gone }}", True)}
    with pytest.raises(UndefinedName) as caught:
        render("{{ outer }}", variables)
    assert caught.value.origin == Origin("group_vars/all.yml", 8, 8)  # behind the quotation mark


def test_a_variable_that_uses_itself_is_named_with_its_circle() -> None:
    with pytest.raises(TemplateError, match="the variable 'one' uses itself: one -> two -> three -> one"):
        render("{{ one }}")


@pytest.mark.parametrize(
    ("raw", "value", "needle", "line", "column"),
    [
        ("a {{ x y }}", "a {{ x y }}", "y", 3, 14),
        ("aa\n    bb {{ x y }}", "aa bb {{ x y }}", "y", 4, 13),
        ("aa\n\n      {{ x y }}", "aa\n{{ x y }}", "y", 5, 12),
        ("it''s {{ x y }}", "it's {{ x y }}", "y", 3, 18),
        ("\\t{{ x y }}", "\t{{ x y }}", "y", 3, 14),
    ],
)
def test_syntax_errors_are_placed_inside_the_scalar(raw: str, value: str, needle: str, line: int, column: int) -> None:
    with pytest.raises(TemplateError) as caught:
        Templates().render(ScalarNode(value, AT, raw), {})
    assert caught.value.origin == Origin("play.yml", line, column)
    rows = raw.split("\n")
    offset = column - 1 - (AT.column - 1 if line == AT.line else 0)
    assert rows[line - AT.line][offset] == needle


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ number | uper }}", "template syntax: there is no filter 'uper' (did you mean 'upper'?)"),
        (
            "{{ number is serch }}",
            "template syntax: there is no test 'serch' (did you mean 'search'?)",
        ),
        ("{{ number | .concat }}", "template syntax: expected token 'name', got '.'"),
        ("{% include 'x' %}", "template syntax: include is not available here"),
        ("{% import 'x' as x %}", "template syntax: import is not available here"),
        ("{% extends 'x' %}", "template syntax: extends is not available here"),
        ("{{ number", "template syntax: unexpected end of template, expected 'end of print statement'."),
    ],
)
def test_syntax_errors_are_told(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(template)
    assert caught.value.message == message


@pytest.mark.parametrize("template", ["{{ true.x and 1 }}", "{{ 'a'.nothing or 'b' }}", "{{ 1 // 0 }}"])
def test_constants_are_evaluated_when_rendering_not_before(template: str) -> None:
    assert Templates().problems(node_of(template, AT)) == ()
    with pytest.raises(TemplateError):
        render(template)


def test_the_syntax_problems_of_a_tree_are_all_found() -> None:
    tree = node_of({"a": "{{ 1 + }}", "b": ["{{ fine }}", "{{ x | nofilter }}"], "{{ k }}": 1}, AT)
    assert [problem.message for problem in Templates().problems(tree)] == [
        "template syntax: unexpected 'end of print statement'",
        "template syntax: there is no filter 'nofilter'",
        "templates in keys are never rendered",
    ]


def test_names() -> None:
    templates = Templates()
    assert templates.names("{{ a + range(b) }}{% for c in d.e %}{{ c }}{% endfor %}") == {"a", "b", "d"}
    assert templates.names("plain a") == frozenset()
    assert templates.expression_names("a.b is defined and 'c' in d") == {"a", "d"}


@pytest.mark.parametrize(
    ("template", "ingredients"),
    [
        ("{{ a }}", {"a"}),
        ("x{{ a ~ b | upper }}", {"a", "b"}),
        ("{{ table[key].part[0] }}", {"table"}),
        ("{{ a if key == 'x' and flag else b }}", {"a", "b"}),
        ("{% if flag %}{{ a }}{% else %}{{ b }}{% endif %}", {"a", "b"}),
        ("{% for one in many if flag %}{{ one }}{% endfor %}", {"many"}),
        ("{{ (flag is defined) | ternary(a, b) }}", {"a", "b"}),
        ("{{ chained }}", {"chained", "a", "b", "table"}),
        ("{{ itself }}", {"itself"}),
        ("{{ not_there }} {{ range(3) }}", set()),
        ("no template: a", set()),
    ],
)
def test_ingredients(template: str, ingredients: set[str]) -> None:
    own = {"chained": ["{{ a }}", {"k": "{{ table[b].x }}{{ b }}"}], "itself": "{{ itself }}", "table": {}}
    names = ("a", "b", "table", "key", "flag", "many")
    variables = {name: node_of(own.get(name, "text"), AT) for name in (*names, *own)}
    assert Templates().ingredients(node_of(template, AT), variables) == ingredients


def test_expressions() -> None:
    templates = Templates()
    assert templates.evaluate("number > 4 and 'x' in user", VARIABLES) is True
    assert templates.evaluate("result", VARIABLES) is VARIABLES["result"]
    assert templates.evaluate(ScalarNode(False, AT, "no"), VARIABLES) is False
    with pytest.raises(TemplateError, match="an expression is written without"):
        templates.evaluate("{{ number }}", VARIABLES)
    with pytest.raises(UndefinedName) as caught:
        templates.evaluate(ScalarNode("5 > nmber", AT, "5 > nmber"), VARIABLES)
    assert caught.value.origin == Origin("play.yml", 3, 11)


@given(st.text(alphabet="{}%#|.()[]'\"ab1 +-=~\\\n", max_size=40))
def test_no_text_brings_the_templates_down(text: str) -> None:
    templates = Templates()
    node = ScalarNode(text, AT, text)
    for attempt in (templates.render, templates.evaluate):
        with suppress(TemplateError):
            attempt(node, {"a": 1})
    for problem in (*templates.problems(node), *templates.expression_problems(node)):
        assert problem.message
        assert problem.origin is not None
        assert problem.origin.line >= AT.line
