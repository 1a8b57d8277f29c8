"""Arguments that compile leaves to the module, and what of them it renders all the same."""

from __future__ import annotations

from typing import Any

import pytest

from runner.compile.known import Known, Means
from runner.compile.late import render_around
from runner.compile.tasks import compile_host
from runner.model.content import NoContents
from runner.model.inventory import Connection, Host
from runner.model.playbook import Play, Task
from runner.model.source import Origin
from runner.model.task import Broken, Ready
from runner.modules.base import Late
from runner.modules.loader import load_modules
from runner.template import TemplateError, Templates
from tests.modules.trees import tree

LATE = frozenset({"item", "before", "after"})
AT = Origin("playbook.yml", 1, 1)


def rendered(text: str, **variables: object) -> object:
    return render_around(tree(text), LATE, Templates(), variables)


def test_what_names_a_late_thing_stays_and_the_rest_is_rendered() -> None:
    written = "{Set-X: {Identity: '{{ item.Identity }}', Name: '{{ name }}', List: ['{{ name }}', 1]}}"
    expected = {"Identity": Late("{{ item.Identity }}"), "Name": "n", "List": ["n", 1]}
    assert rendered(written, name="n") == {"Set-X": expected}


def test_a_value_that_looks_like_a_placeholder_is_none() -> None:
    """What a host said, or a variable holds, is data: only what the user wrote into the task is left to the module."""
    assert rendered("{P: '{{ said }}'}", said="{{ before.Secret }}") == {"P": "{{ before.Secret }}"}


def test_an_unknown_name_is_still_a_mistake() -> None:
    with pytest.raises(TemplateError, match="'nmae' is not defined"):
        rendered("{P: '{{ nmae }}'}", name="n")


def compiled(text: str, **loop: Any) -> tuple[Any, ...]:
    task = Task("t", "cmdlet", tree(text), AT, 0, **loop)
    play = Play("p", "all", AT, {}, (task,), ())
    host = Host("h", (), {}, AT, Connection("h", 5985))
    return compile_host(play, 0, host, Known(), Means(load_modules(), Templates(), {}, NoContents()))


TASK = """
read: {Get-X: {Identity: a}}
expect: {P: true}
write: {Set-X: {Identity: "%s", P: true}}
"""


def test_the_module_gets_the_placeholder() -> None:
    (task,) = compiled(TASK % "{{ before.Identity }}")
    assert isinstance(task, Ready)
    (call,) = task.arguments.write
    assert (call.parameters[0].source, call.parameters[0].value) == ("before", "Identity")


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("x {{ before.Identity }}", "is no placeholder"),
        ("{{ before.Identity | upper }}", "is no placeholder"),
        ("{{ item.Identity }}", "needs each"),
        ("{{ after.Identity }}", "expect says nothing about it"),
    ],
)
def test_what_is_no_placeholder_is_a_mistake(text: str, mistake: str) -> None:
    (task,) = compiled(TASK % text)
    assert isinstance(task, Broken)
    assert mistake in task.message


def test_in_a_loop_item_is_the_loops() -> None:
    (task,) = compiled(TASK % "{{ item }}", loop=tree("{l: [one]}").get("l"))
    assert isinstance(task, Ready)
    assert task.arguments.write[0].parameters[0].value == "one"
