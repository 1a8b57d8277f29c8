"""Whether a URL can be reached from a host, and what it answers: `win_uri`.

Argument names and choices are Ansible's (ansible.windows, plugins/modules/win_uri.py and doc_fragments/web_request.py).
What Windows PowerShell's Invoke-WebRequest raises: PowerShell/PowerShell, WebCmdlet/WebRequestPSCmdlet.cs at 69ce0e7.
Which values TLS hangs on, and that a process reads them once: domain.md 3.1 and 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Command, Reply, ReplyState, Statement, command
from runner.model.state import Desired, Property, State, Unreadable
from runner.model.value import EnumValue, PSObject, Value
from runner.modules.base import (
    Arguments,
    Impossible,
    Irreversible,
    Requires,
    Round,
    Shown,
    StateModule,
    errors_of,
    why_unread,
)
from runner.modules.locations import without_account

_RAISED = "WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand"
_PROTOCOL_ERROR = 7  # there was an answer, with a status of 400 or more
_PROXY_AUTHENTICATION = 407
_NOT_KNOWN_TO_PROXY = "proxy authentication"
_REASONS = MappingProxyType(  # System.Net.WebExceptionStatus
    {
        1: "name not resolved",
        2: "no connection",
        3: "connection closed",
        4: "connection closed",
        8: "connection closed",
        9: "certificate not trusted",
        10: "no common TLS version",
        14: "timeout",
        15: "proxy name not resolved",
    }
)
_LET_OUT = "let the host out to this address, or name the proxy in proxy_url"
_SPEAK_TLS = (
    "set SchUseStrongCrypto and SystemDefaultTlsVersions to 1 below HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\"
    "v4.0.30319, and see that TLS 1.2\\Client is not switched off below SCHANNEL\\Protocols"
)
_ADVICE = MappingProxyType(
    {
        "name not resolved": "see to the host's DNS, or name the proxy in proxy_url",
        "no connection": _LET_OUT,
        "connection closed": f"{_LET_OUT}; some sites end old TLS this way: {_SPEAK_TLS}",
        "certificate not trusted": "give the host the issuer's certificate; a proxy that opens TLS has one of its own",
        "no common TLS version": _SPEAK_TLS,
        "timeout": _LET_OUT,
        "proxy name not resolved": "correct proxy_url",
        _NOT_KNOWN_TO_PROXY: "set proxy_use_default_credential, or let this host pass the proxy without an account",
    }
)


class UriArguments(Arguments):
    aliases = MappingProxyType({"method": "url_method", "timeout": "url_timeout"})
    unsupported = frozenset(
        {
            *("body", "client_cert", "client_cert_password", "content_type", "creates", "dest", "force_basic_auth"),
            *("headers", "http_agent", "password", "proxy_password", "proxy_username", "removes", "return_content"),
            *("url_password", "url_username", "use_default_credential", "use_proxy", "user", "username"),
            "validate_certs",
        }
    )

    url: str = Field(description="The http or https URL to ask for")
    url_method: Literal["GET", "HEAD"] = Field("GET", description="The method of the request")
    status_code: tuple[int, ...] = Field((200,), description="The statuses that mean success", min_length=1)
    url_timeout: int = Field(30, ge=1, le=100, description="How many seconds the request may take")
    follow_redirects: Literal["all", "none", "safe"] = Field(
        "safe", description="all and safe follow redirections, which with GET and HEAD is the same"
    )
    maximum_redirection: int = Field(50, ge=0, description="How many redirections are followed")
    proxy_url: str | None = Field(
        None, description="The HTTP proxy to use; without it the one that the account of the runner has, if any"
    )
    proxy_use_default_credential: bool = Field(False, description="Tell the proxy the account of the runner")

    @field_validator("url", "proxy_url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme.casefold() not in ("http", "https") or not parts.hostname:
            raise PydanticCustomError("web_url", "an http or https URL is wanted")
        return without_account(url)

    @field_validator("status_code", mode="before")
    @classmethod
    def _is_list(cls, given: object) -> object:
        """One status, or several in one text, as Ansible takes them."""
        return given.split(",") if isinstance(given, str) else (given,) if isinstance(given, int) else given

    @property
    def redirections(self) -> int:
        return 0 if self.follow_redirects == "none" else self.maximum_redirection


class WinUri(StateModule[UriArguments]):
    name = "win_uri"
    aliases = ("ansible.windows.win_uri",)
    summary = "Whether a URL can be reached from the host, and whether it answers as wanted; changes nothing"
    notes = (
        "It proves what a new 64-bit process of the runner's account reaches: not what a 32-bit service of another "
        "account does, which has its own .NET values below Wow6432Node and its own proxy.",
        "GET loads the whole answer, if only to throw it away: ask for a small page, or with HEAD.",
        "Any status proves TLS and the way out: for a site that asks who you are, 401 is as good as 200.",
        "Why a request failed, it asks the same process afterwards: over WinRS, where each question is a process of "
        "its own, only the message is known, and the task is unreadable.",
        "It asks in a process that began after all earlier changes, because TLS settings act in a new process only.",
    )
    examples = """\
- name: Exchange Online can be reached
  win_uri:
    url: https://outlook.office365.com/
    method: HEAD
    status_code: [200, 401, 403]
"""
    arguments = UriArguments
    requires = Requires(powershell="3.0", below="6.0")
    timeout = 300.0  # several requests, of which each may take its time
    volatile = frozenset({"status", "reason"})
    fresh_process = True

    def key(self, arguments: UriArguments) -> str:
        way = f" by {arguments.proxy_url}" if arguments.proxy_url else ""
        return f"{arguments.url_method} {_same_url(arguments.url)}{way}, {arguments.redirections} redirections"

    def shown(self, arguments: UriArguments) -> Shown:
        return Shown("url", arguments.url)

    def read(self, wanted: Sequence[UriArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        if not rounds:
            return tuple(_request(arguments) for arguments in wanted)
        raised = any(_is_raised(reply) for reply in rounds[0].replies)
        return _what_was_raised() if raised and len(rounds) == 1 else ()

    def observe(self, wanted: Sequence[UriArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        raised = _raised(rounds[1].replies) if len(rounds) > 1 else {}
        asked = [_asked(arguments) for arguments in wanted]
        return tuple(
            # Of two requests that look alike in $Error nobody can tell whose exception it was.
            _state(arguments, reply, raised.get(one) if asked.count(one) == 1 else None)
            for arguments, one, reply in zip(wanted, asked, rounds[0].replies, strict=True)
        )

    def desired(self, arguments: UriArguments, before: State) -> Desired | Impossible:
        status, reason = before.properties.get("status"), before.properties.get("reason")
        if status in arguments.status_code:
            return Desired(True, {"status": status})
        if isinstance(reason, str):
            advice = f"; {_ADVICE[reason]}" if reason in _ADVICE else ""
            return Impossible(f"{arguments.url} was not reached: {reason}{advice}")
        wanted = " or ".join(map(str, arguments.status_code))
        return Impossible(f"{arguments.url} answered {status!s}, wanted is {wanted}")

    def write(self, arguments: UriArguments, before: State) -> tuple[Statement, ...]:
        return ()

    def undo(self, arguments: UriArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        return ()


@dataclass(frozen=True, slots=True)
class _Raised:
    """A WebException: its status, and the status of the answer, if there was one."""

    status: int
    code: int | None


def _request(arguments: UriArguments) -> Statement:
    """-UseBasicParsing: without it Windows PowerShell wants Internet Explorer."""
    request = command(
        "Invoke-WebRequest",
        Uri=arguments.url,
        UseBasicParsing=True,
        Method=arguments.url_method,
        TimeoutSec=arguments.url_timeout,
        MaximumRedirection=arguments.redirections,
    )
    if arguments.proxy_url:
        request = Command(request.name, (*request.parameters, ("Proxy", arguments.proxy_url)))
        if arguments.proxy_use_default_credential:
            request = Command(request.name, (*request.parameters, ("ProxyUseDefaultCredentials", True)))
    return (request, command("Select-Object", Property=("StatusCode", "StatusDescription")))


def _what_was_raised() -> tuple[Statement, ...]:
    """The web exceptions of $Error, the newest first: the request, the status, and the answer of those that have one.

    An error record tells none of these. Outside of a script $Error holds the exception that the engine made of a
    terminating error (batch.failed-then-error-variable), whose ErrorRecord is the cmdlet's. With Ignore, and not
    SilentlyContinue, what has no such property adds no error to the list that is being read.
    """
    raised = (
        command("Get-Variable", Name="Error"),
        command("Select-Object", ExpandProperty="Value"),
        command("Select-Object", ExpandProperty="ErrorRecord", ErrorAction="Ignore"),
        command("Where-Object", Property="FullyQualifiedErrorId", EQ=True, Value=_RAISED),
    )
    exception = command("Select-Object", ExpandProperty="Exception")
    return (
        (*raised, command("Select-Object", ExpandProperty="TargetObject"), _columns("RequestUri", "Method")),
        (*raised, exception, _columns("Status")),
        (*raised, exception, command("Select-Object", ExpandProperty="Response"), _columns("StatusCode")),
    )


def _columns(*names: str) -> Command:
    return command("Select-Object", Property=names)


def _is_raised(reply: Reply) -> bool:
    return any(error.id == _RAISED for error in reply.errors)


def _raised(replies: Sequence[Reply]) -> Mapping[tuple[str, str], _Raised]:
    """The newest exception by method and URL; nothing where the three answers do not fit together."""
    if any(reply.state is not ReplyState.DONE or reply.errors for reply in replies):
        return {}
    requests, exceptions, answers = ([one for one in reply.outputs if isinstance(one, PSObject)] for reply in replies)
    statuses = [_number(one.get("Status")) for one in exceptions]
    codes = [_number(one.get("StatusCode")) for one in answers]
    if len(requests) != len(statuses) or statuses.count(_PROTOCOL_ERROR) != len(codes):
        return {}
    found: dict[tuple[str, str], _Raised] = {}
    for request, status in zip(requests, statuses, strict=True):
        code = codes.pop(0) if status == _PROTOCOL_ERROR else None
        if status is not None:
            asked = (str(request.get("Method")), _same_url(str(request.get("RequestUri"))))
            found.setdefault(asked, _Raised(status, code))
    return found


def _state(arguments: UriArguments, reply: Reply, raised: _Raised | None) -> State | Unreadable:
    answer = reply.outputs[0] if reply.outputs else None
    if isinstance(answer, PSObject) and (status := _number(answer.get("StatusCode"))) is not None:
        return State(True, {"reachable": True, "status": status})
    if not _is_raised(reply) or raised is None:
        return Unreadable(f"{arguments.url}: {why_unread(reply)}")
    if raised.status != _PROTOCOL_ERROR:
        return _unreached(_REASONS.get(raised.status) or errors_of(reply))
    if raised.code == _PROXY_AUTHENTICATION:
        return _unreached(_NOT_KNOWN_TO_PROXY, raised.code)
    return State(True, {"reachable": True, "status": raised.code})


def _unreached(reason: str, status: int | None = None) -> State:
    properties: dict[str, Property] = {"reachable": False, "reason": reason}
    return State(True, properties if status is None else {**properties, "status": status})


def _asked(arguments: UriArguments) -> tuple[str, str]:
    return arguments.url_method, _same_url(arguments.url)


def _same_url(url: str) -> str:
    """A URL in the one spelling that System.Uri would give it, as far as it matters to tell requests apart."""
    parts = urlsplit(url)
    port = parts.port if parts.port not in (None, {"http": 80, "https": 443}.get(parts.scheme.casefold())) else None
    host = f"{parts.hostname}:{port}" if port else str(parts.hostname)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.casefold()}://{host}{unquote(parts.path or '/')}{unquote(query)}"


def _number(value: Value) -> int | None:
    if isinstance(value, EnumValue):
        return value.number
    return int(value) if isinstance(value, int) else None
