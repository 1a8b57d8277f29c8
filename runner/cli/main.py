"""The command group. Commands are imported when they are used, so that `--version` stays fast."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

import click

from runner import __version__
from runner.model.errors import ExitCode, InputError, Interrupted, Problem, RunnerError

COMMANDS = {
    "validate": "validate:validate",
    "check": "check:check",
    "plan": "check:plan",
    "show": "show:show",
    "apply": "apply:apply",
    "inventory": "inventory:inventory",
    "attest": "attest:attest",
    "runs": "runs:runs",
    "report": "report:report",
    "backup": "backup:backup",
    "doc": "doc:doc",
    "doctor": "doctor:doctor",
    "lab": "lab:lab",
    "demo": "demo:demo",
}


class LazyGroup(click.Group):
    """Finds a command in the table above and imports only its module."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"runner.cli.{module}"), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ce-runner")
def cli() -> None:
    """Playbooks for Windows fleets over PSRP.

    Shows exactly what it will change, changes exactly that or refuses, and proves that it worked.
    Begin with `ce-runner demo`: it needs no Windows host.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Every error is told in words, on stderr or as JSON."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a host name that the terminal cannot show is no failure
    try:
        result = cli.main(list(arguments), prog_name="ce-runner", standalone_mode=False)
        return int(result) if isinstance(result, int) else ExitCode.OK
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        if "--json" in arguments:
            _tell(InputError(Problem(error.format_message())), as_json=True)
        else:
            error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that nothing more is said at the end
        return ExitCode.OK
    except RunnerError as error:
        _tell(error, as_json="--json" in arguments)
        return error.exit_code
    except Exception as error:  # the last resort: a fault of ours must not look like a fault of the host
        if os.environ.get("CE_RUNNER_DEBUG"):
            raise
        click.echo(
            f"internal error: {type(error).__name__}. This is a fault of ce-runner; "
            "set CE_RUNNER_DEBUG=1 to see where, and report it.",
            err=True,
        )
        return ExitCode.INTERNAL


def _tell(error: RunnerError, as_json: bool) -> None:
    from runner.cli.files import with_lines
    from runner.cli.output import error_document, print_json, tell

    if isinstance(error, InputError):
        error = with_lines(error)
    if as_json:
        print_json(error_document(error))
    elif isinstance(error, InputError):
        count = len(error.problems)
        tell(f"{error}\n{count} problem{'s' if count != 1 else ''}")
    elif isinstance(error, Interrupted):
        tell(str(error))
    else:
        advice = getattr(error, "advice", "")
        tell(f"error: {error}" + (f"\n{advice}" if advice else ""))
