"""Secrets stay secret, nothing reaches out of the sandbox, nothing runs without end."""

from __future__ import annotations

import pytest

from runner.model.secret import Secret
from runner.model.source import Origin, node_of
from runner.template import Incomplete, TemplateError, Templates

CANARY = "kanarienvogel-77"
VARIABLES = {"password": Secret(CANARY), "facts": {"password": Secret(CANARY)}, "result": {"changed": True}}


def render(text: str) -> object:
    return Templates().render(node_of(text, Origin("p.yml", 1, 1)), VARIABLES)


def test_a_secret_alone_stays_itself() -> None:
    assert render("{{ password }}") is VARIABLES["password"]
    assert render("{{ password | default('x') }}") is VARIABLES["password"]
    assert render("{{ facts }}") is VARIABLES["facts"]
    assert render("{{ password is defined }}") is True
    assert render("{{ password == password }}") is True


@pytest.mark.parametrize(
    "template",
    [
        "x{{ password }}",
        "{{ password }}{{ password }}",
        "{{ password }}\n",
        "x {{ [password] }}",
        "x {{ facts }}",
        "x {{ {password: 1} }}",
        "{{ {password: 1} | to_json }}",
        "{{ {password: 1} }}",
        "{{ password ~ 'x' }}",
        "{{ 'x' + password }}",
        "{{ '%s' % password }}",
        "{{ '%s' % [password] }}",
        "{{ '{}'.format(password) }}",
        "{{ 'x'.join([password]) }}",
        "{{ [password] | join }}",
        "{{ [[password]] | map('join') }}",
        "{{ [password] | map('string') }}",
        "{{ password | upper }}",
        "{{ password | string }}",
        "{{ password | length }}",
        "{{ password | bool }}",
        "{{ facts | to_json }}",
        "{{ 'x' | replace('x', password) }}",
        "{{ 'x' | regex_replace('x', password) }}",
        "{{ 'kanarienvogel-77' is search(password) }}",
        "{{ password is match('k') }}",
        "{{ password in 'kanarienvogel-77' }}",
        "{{ password.reveal() }}",
        "{{ password['_text'] }}",
        "{{ password._text }}",
        "{% for c in password %}{{ c }}{% endfor %}",
        "{% set x %}{{ password }}{% endset %}{{ x }}",
        "{% macro m() %}{{ password }}{% endmacro %}{{ m() }}",
    ],
)
def test_a_secret_never_becomes_text(template: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(template)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ result.__class__ }}",
        "{{ result['__class__'] }}",
        "{{ result.update({'changed': false}) }}",
        "{{ [].append(1) }}",
        "{{ range.__init__ }}",
        "{{ self }}",
        "{{ cycler('a') }}",
        "{{ lipsum() }}",
        "{{ dict.__base__.__subclasses__() }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ 'x'.upper }}",
        "{{ range }}",
    ],
)
def test_the_sandbox_holds(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template)
    assert VARIABLES["result"] == {"changed": True}


@pytest.mark.parametrize(
    "template",
    [
        "{{ range(100000000) }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 100000000 }}",
        "{{ 100000000 * [1] }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ (2 ** 4000) * (2 ** 4000) }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ 'a'.zfill(1000000000) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ (1).to_bytes(1000000000, 'big') }}",
        "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ " + "[" * 5000 + "]" * 5000 + " }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "-" * 5000 + "1 }}",
    ],
    ids=range(18),
)
@pytest.mark.timeout(10)
def test_nothing_runs_or_grows_without_end(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template)


@pytest.mark.timeout(10)
def test_no_number_grows_beyond_what_can_be_written() -> None:
    with pytest.raises(TemplateError, match="the number is too large"):
        Templates().render(node_of("{{ digits | int(0, 16) }}", Origin("p.yml", 1, 1)), {"digits": "f" * 5000})


def test_a_long_chain_of_variables_ends_in_an_answer_or_an_error() -> None:
    at = Origin("p.yml", 1, 1)
    chain: dict[str, object] = {f"v{n}": node_of(f"{{{{ v{n + 1} }}}}", at) for n in range(2000)}
    chain["v2000"] = "end"
    assert Templates().render(node_of("{{ v1965 }}", at), chain) == "end"
    with pytest.raises(TemplateError, match="in too long a chain"):
        Templates().render(node_of("{{ v0 }}", at), chain)


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("{{ {(1, 2): 3} }}", "a value of type tuple"),
        ("{{ [{'a': {(1,): 3}}] }}", "a value of type tuple"),
        ("x {{ {(1, 2): 3} }}", "a value of type tuple"),
        ("{{ dict([[range(2), 1]]) }}", "a value of type range"),
        ("{{ {password: 3} }}", "a secret"),
    ],
)
def test_a_key_that_is_no_text_number_truth_or_null_is_refused_with_its_place(template: str, kind: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(template)
    assert f"a mapping's key is a text, a number, true, false or null, not {kind}" in str(caught.value)
    assert str(caught.value).startswith("p.yml:1:1")


def test_other_keys_stay_as_they_are() -> None:
    assert render("{{ {1: 'a', 2.5: 'b', true: 'c', none: 'd', 'x': 'e'} }}") == {
        1: "c", 2.5: "b", None: "d", "x": "e",
    }  # fmt: skip


RESULT = {"failed": True, "msg": "no such service", "before": {"exists": False}}


@pytest.mark.parametrize(
    "template",
    [
        "{{ r.after }}", "{{ r.after.name }}", "{{ r.before.name }}", "{{ r['before']['name'] }}", "x {{ r.after }}",
        "{{ r.after.name | default('x') }}", "{{ r.before.name is defined }}", "{{ r.get('after', 1) }}",
    ],
)  # fmt: skip
def test_what_is_incomplete_fails_where_a_part_that_it_lacks_is_used(template: str) -> None:
    incomplete = Incomplete(RESULT, "is not known, because the task 'A' failed")
    with pytest.raises(TemplateError, match=r"^(after|name) is not known, because the task 'A' failed$"):
        Templates().render(node_of(template, Origin("p.yml", 1, 1)), {"r": incomplete})


def test_the_parts_of_what_is_incomplete_are_usable() -> None:
    incomplete = Incomplete(RESULT, "is not known")
    used = "{{ [r.failed, r is failed, r.msg, r.before.exists, r.get('msg')] }}"
    assert Templates().render(node_of(used, Origin("p.yml", 1, 1)), {"r": incomplete}) == [
        True, True, "no such service", False, "no such service",
    ]  # fmt: skip
    assert Templates().render(node_of("{{ r }}", Origin("p.yml", 1, 1)), {"r": incomplete}) == RESULT
