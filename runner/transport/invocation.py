"""A batch as the command line of one PowerShell process, and what is not sent that way.

The line is `powershell.exe -OutputFormat XML -EncodedCommand BASE64`: outputs come on stdout and every other stream on
stderr, both as CLIXML and each in the order of writing, and the first terminating error ends the script
(../shared/groundtruth/pwsh76/encodedcommand.jsonl). So each separator is written twice, once to each stream:
`Write-Output TOKEN; Write-Warning TOKEN`. No -ExecutionPolicy: it would change what Get-ExecutionPolicy answers.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

from runner.model.command import Script, Statement, command
from runner.transport.message import fingerprint
from runner.transport.text import render

_START = "powershell.exe -NoLogo -NoProfile -NonInteractive -OutputFormat XML -EncodedCommand "
# cmd.exe takes 8191 characters ("The command line is too long.", hashicorp/vagrant#3816, WinRb/WinRM#41); WinRM puts
# its own `%COMSPEC% /C "..."` around ours.
_LONGEST_LINE = 8000
_LONGEST_SCRIPT = (_LONGEST_LINE - len(_START)) // 4 * 3  # bytes that become base64


class Unsendable(Exception):
    """The first statement of a batch cannot be sent over WinRS; the text says why."""


def command_line(pipeline: Sequence[Statement], mark: str) -> str:
    """The line for a batch with its separators, or for as much of its beginning as one line holds.

    `mark` is what the tokens begin with. Errors: Unsendable, when not even one statement can be sent.
    """
    script = _separator(pipeline[0], mark)
    only_separator = script
    for statement, separator in _pairs(pipeline[1:]):
        try:
            longer = f"{script}; {_rendered(statement)}; {_separator(separator, mark)}"
            size = len(_encoded(longer))
            if size > _LONGEST_SCRIPT:
                raise Unsendable(f"the command is too long: {size // 2} of {_LONGEST_SCRIPT // 2} characters")
        except Unsendable:
            if script is only_separator:
                raise
            break
        script = longer
    return _START + base64.b64encode(_encoded(script)).decode("ascii")


def _encoded(script: str) -> bytes:
    return script.encode("utf-16-le")


def first_token(pipeline: Sequence[Statement]) -> str:
    """The token of the separator at the head of a batch."""
    return str(dict(pipeline[0][0].parameters)["InputObject"])


def _pairs(pipeline: Sequence[Statement]) -> Iterator[tuple[Statement, Statement]]:
    """Each statement with the separator behind it."""
    return zip(pipeline[::2], pipeline[1::2], strict=True)


def _separator(statement: Statement, mark: str) -> str:
    token = first_token([statement])
    if not token.startswith(mark):
        raise ValueError("a batch for WinRS stands between separators")
    return f"{render(statement)}; {render((command('Write-Warning', Message=token),))}"


def _rendered(statement: Statement) -> str:
    """The statement as text. Errors: Unsendable, for what has no text or must not become one."""
    if fingerprint((statement,)) is None:
        raise Unsendable("a secret is never put on a command line")
    if any(isinstance(entry, Script) for entry in statement):
        raise Unsendable("a script of the user's has no place in the script that WinRS needs")
    try:
        return render(statement)
    except ValueError as error:
        raise Unsendable(str(error)) from error
