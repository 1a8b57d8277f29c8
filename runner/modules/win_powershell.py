"""A script that the user wrote: `win_powershell`. The one exception from commands as data (design section 3).

Argument names are Ansible's (ansible.windows, plugins/modules/win_powershell.py) where it has them. Its text goes to
the host as it stands and is opaque; what it needs goes in as parameters (groundtruth/pwsh76, script.param). How its
errors come back: script.* there, and B12 in README.md: most of them do not end it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, ReplyState, Script, Statement
from runner.model.secret import Secret
from runner.model.state import Desired, State, Unreadable
from runner.modules.base import Answered, Irreversible, Round, Shown, StateModule, errors_of
from runner.modules.guards import Guarded, need_not_run, questions
from runner.modules.native import failures, told

_REFUSED = "ScriptsNotAllowed"  # a session without language (endpoint.restricted-script)
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class PowershellArguments(Guarded):
    unsupported = frozenset(
        {
            *("arguments", "chdir", "depth", "error_action", "executable", "path", "remote_src"),
            "sensitive_parameters",
        }
    )

    script: str = Field(min_length=1, description="The text of the script, sent as it stands")
    parameters: dict[str, Any] = Field({}, description="What its param() takes, by name; check is given the same")
    check: str | None = Field(
        None,
        min_length=1,
        description="A script that changes nothing; where the last thing it writes is true, all is done",
    )

    @field_validator("parameters")
    @classmethod
    def _can_be_sent(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        for name, value in parameters.items():
            if not _PARAMETER.fullmatch(name):
                raise PydanticCustomError("name", "{name} is not the name of a parameter", {"name": repr(name)})
            items = value if isinstance(value, list) else [value]
            if any(isinstance(item, Secret) for item in items):
                raise PydanticCustomError("secret", "a secret cannot be a parameter yet: a plan does not keep it")
            if not all(item is None or isinstance(item, (bool, int, str)) for item in items):
                wanted = "{name} wants a text, a whole number, true, false, null or a list of them; quote a fraction"
                raise PydanticCustomError("value", wanted, {"name": name})
        return parameters


class WinPowershell(StateModule[PowershellArguments]):
    name = "win_powershell"
    aliases = ("ansible.windows.win_powershell",)
    summary = "Runs a PowerShell script of the user's, which nobody but its author knows"
    notes = (
        "What it does is not known: it cannot be shown before, nor undone. Where a module can do it, take that.",
        "With check, the task is compared and proven like any other: check runs whenever the host is read, and once "
        "more behind the script. Without check, creates and removes the script runs at every apply.",
        "Any error record fails the task, since most errors do not end a script, and so does exit with another number "
        "than 0. What the script expects it silences itself (-ErrorAction SilentlyContinue); what a program writes to "
        "stderr is no error.",
        "Not on endpoints without a language (JEA, Exchange), and not over WinRS: check finds that out by a script of "
        "its own that only says true.",
    )
    examples = """\
- name: The event source exists
  win_powershell:
    script: |
      param($Source)
      New-EventLog -LogName Application -Source $Source
    check: |
      param($Source)
      [System.Diagnostics.EventLog]::SourceExists($Source)
    parameters: {Source: CloudExtender}
"""
    arguments = PowershellArguments
    constant = frozenset({"script", "check"})
    timeout = 600.0
    answer_proves = True

    def proven_by_answer(self, arguments: PowershellArguments) -> bool:
        return arguments.check is None

    def key(self, arguments: PowershellArguments) -> str:
        return json.dumps(arguments.model_dump(), ensure_ascii=False, sort_keys=True)

    def shown(self, arguments: PowershellArguments) -> Shown:
        return Shown("script", _script(arguments, arguments.script).summary.removeprefix("script "))

    def read(self, wanted: Sequence[PowershellArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else tuple(question for one in wanted for question in _questions(one))

    def observe(self, wanted: Sequence[PowershellArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        replies = list(rounds[0].replies) if rounds else []
        return tuple(_state(one, [replies.pop(0) for _ in _questions(one)]) for one in wanted)

    def desired(self, arguments: PowershellArguments, before: State) -> Desired:
        return Desired(True, {"done": True})

    def over(
        self, arguments: PowershellArguments, before: State, earlier: Sequence[tuple[PowershellArguments, State]]
    ) -> State:
        """Each task runs its script, unless something tells that an earlier one has done it."""
        tells = arguments.is_guarded or arguments.check is not None
        return super().over(arguments, before, earlier) if tells else before

    def write(self, arguments: PowershellArguments, before: State) -> tuple[Statement, ...]:
        return ((_script(arguments, arguments.script),),)

    def answered(
        self, arguments: PowershellArguments, statement: Statement, reply: Reply, behind: Sequence[Reply]
    ) -> Answered:
        if reply.state is ReplyState.FAILED or failures(reply):
            return Answered(complaint=_why(reply))
        if reply.exit_code:
            return Answered(complaint=f"it ended by exit {reply.exit_code}{f': {told(reply)}' if told(reply) else ''}")
        return Answered(told=told(reply))

    def undo(self, arguments: PowershellArguments, before: State, after: State) -> Irreversible:
        return Irreversible("what the script has done is not known")


def _script(arguments: PowershellArguments, text: str) -> Script:
    parameters = tuple(
        (name, tuple(value) if isinstance(value, list) else value) for name, value in arguments.parameters.items()
    )
    return Script(text, parameters)


def _questions(arguments: PowershellArguments) -> tuple[Statement, ...]:
    """The guards', and a script: check, or one that only shows whether scripts are taken here at all."""
    script = Script("$true") if arguments.check is None else _script(arguments, arguments.check)
    return (*questions(arguments), (script,))


def _state(arguments: PowershellArguments, replies: Sequence[Reply]) -> State | Unreadable:
    *guards, reply = replies
    done = need_not_run(arguments, guards)
    if done is False:
        done = _taken(reply) if arguments.check is None else _checked(reply)
    return done if isinstance(done, Unreadable) else State(True, {"done": done})


def _taken(reply: Reply) -> bool | Unreadable:
    """False: the script has not run yet, but it can."""
    return False if reply.state is ReplyState.DONE and reply.outputs == (True,) else Unreadable(_why(reply))


def _checked(reply: Reply) -> bool | Unreadable:
    if reply.state is not ReplyState.DONE or failures(reply):
        return Unreadable(f"check: {_why(reply)}")
    last = reply.outputs[-1] if reply.outputs else None
    return (
        last if isinstance(last, bool) else Unreadable("check: the last thing that it wrote is neither true nor false")
    )


def _why(reply: Reply) -> str:
    if any(error.name == _REFUSED for error in reply.errors):
        return "this endpoint takes no scripts (it has no language): use a module, or another endpoint"
    return errors_of(reply) or "the host did not answer"
