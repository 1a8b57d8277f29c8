"""A native program with its arguments: `win_command`.

Argument names are Ansible's (ansible.windows, plugins/modules/win_command.py) where it has them. What becomes of a
program in a pipeline of commands: groundtruth/pwsh76, native.* and oth-cmd-*. What Windows PowerShell does to arguments
on their way to a program: groundtruth/docs/ps7.6.about_Parsing.md (`Legacy`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, ReplyState, Statement
from runner.model.state import Desired, State, Unreadable
from runner.modules.base import Answered, Irreversible, Round, Shown, StateModule, errors_of
from runner.modules.guards import Guarded, need_not_run, questions
from runner.modules.native import EXIT_CODE, NO_EXIT_CODE, exit_code, failures, lost_on_the_way, program, told

_PROGRAMS = (".exe", ".com")


class CommandArguments(Guarded):
    unsupported = frozenset({"_raw_params", "chdir", "cmd", "free_form", "output_encoding_override", "stdin"})

    argv: list[str] = Field(
        min_length=1, description="The program and its arguments, each as the program is to get it; no shell is between"
    )
    success_exit_codes: list[int] = Field([0], min_length=1, description="The exit codes that mean success")

    @field_validator("argv")
    @classmethod
    def _reaches_the_program(cls, argv: list[str]) -> list[str]:
        """A name without its extension may be one of PowerShell's commands; a batch file is cmd.exe's affair."""
        if not argv[0].casefold().endswith(_PROGRAMS):
            raise PydanticCustomError(
                "program", "the program is wanted with its extension, .exe or .com (a batch file: cmd.exe, /c, FILE)"
            )
        if any(map(lost_on_the_way, argv[1:])):
            raise PydanticCustomError(
                "argument", "Windows PowerShell passes on no empty argument, no --%, and none with a double quote in it"
            )
        return argv


class WinCommand(StateModule[CommandArguments]):
    name = "win_command"
    aliases = ("ansible.windows.win_command",)
    summary = "Runs a program with its arguments, and judges it by its exit code"
    notes = (
        "Without creates or removes the program runs at every apply. What it does is not known and cannot be undone.",
        "Ansible's command line as one text (free form, cmd) is not taken: give a list, argv. Nothing is quoted, "
        "expanded or split.",
        "It is waited for, with a window or without (msiexec.exe); a window is seen by nobody, so it must need none.",
        "Its exit code is the proof. Where the answer is lost, the outcome is unknown, and it is not run again.",
        "What it writes is shown shortened, and never judged: it is in the language of the host.",
    )
    examples = """\
- name: The certificate is in the store
  win_command:
    argv: [certutil.exe, -addstore, Root, 'C:\\Install\\root.cer']
    creates: C:\\Install\\root.done
"""
    arguments = CommandArguments
    timeout = 600.0
    answer_proves = True

    def key(self, arguments: CommandArguments) -> str:
        return json.dumps([arguments.argv, arguments.creates, arguments.removes], ensure_ascii=False)

    def shown(self, arguments: CommandArguments) -> Shown:
        return Shown("program", " ".join(arguments.argv))

    def read(self, wanted: Sequence[CommandArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        """The guards' questions, behind what has to go in front of a program: where that is refused, none is run."""
        return () if rounds else (NO_EXIT_CODE, *(question for one in wanted for question in questions(one)))

    def observe(self, wanted: Sequence[CommandArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        refusal, *replies = rounds[0].replies
        found: list[State | Unreadable] = []
        for one in wanted:
            own = [replies.pop(0) for _ in questions(one)]
            done = need_not_run(one, own)
            if done is False and (refusal.state is not ReplyState.DONE or refusal.errors):
                done = Unreadable(f"its exit code could not be told from an older one: {errors_of(refusal)}")
            found.append(done if isinstance(done, Unreadable) else State(True, {"done": done}))
        return tuple(found)

    def desired(self, arguments: CommandArguments, before: State) -> Desired:
        return Desired(True, {"done": True})

    def over(
        self, arguments: CommandArguments, before: State, earlier: Sequence[tuple[CommandArguments, State]]
    ) -> State:
        """Each task runs its program; only creates and removes may tell that an earlier one has done it."""
        return super().over(arguments, before, earlier) if arguments.is_guarded else before

    def write(self, arguments: CommandArguments, before: State) -> tuple[Statement, ...]:
        return (program(*arguments.argv),)

    def asked_in_front(self, statement: Statement) -> tuple[Statement, ...]:
        return (NO_EXIT_CODE,)

    def asked_behind(self, statement: Statement) -> tuple[Statement, ...]:
        return (EXIT_CODE,)

    def answered(
        self, arguments: CommandArguments, statement: Statement, reply: Reply, behind: Sequence[Reply]
    ) -> Answered:
        if reply.state is ReplyState.FAILED or failures(reply):
            return Answered(complaint=errors_of(reply) or "the host ended it without a reason")
        code, said = exit_code(behind), told(reply)
        if code is None:
            return Answered(unclear="its exit code did not come", told=said)
        ended = f"exit code {code}{f': {said}' if said else ''}"
        return Answered(told=ended) if code in arguments.success_exit_codes else Answered(complaint=ended)

    def undo(self, arguments: CommandArguments, before: State, after: State) -> Irreversible:
        return Irreversible("what a program has done is not known")
