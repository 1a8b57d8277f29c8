"""Invoke-WebRequest of Windows PowerShell, on the machine's network (`network.py`).

As its source has it (PowerShell/PowerShell, WebCmdlet/WebRequestPSCmdlet.cs and WebResponseObject.Common.cs at
69ce0e7, the parts that are compiled for the full framework): whatever is not answered with a status below 400 is a
terminating WebException whose target is the request. Not recorded: docs/not-grounded.md.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import urljoin, urlsplit

from psrpcore.types import ErrorCategory, ErrorDetails, PSInt, PSUri

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.objects import ALL_SETS, UTILITY
from runner.lab.enums import HttpStatusCode, WebExceptionStatus, WebRequestMethod
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.messages import Wait
from runner.lab.network import Proxy, Reached, Trouble, Unreached, reach
from runner.lab.signature import Traits
from runner.lab.values import OBJECT, ClrObject, Unsimulated, to_text

_TIMEOUT = 100.0  # seconds: HttpWebRequest's own, where -TimeoutSec is 0
_REDIRECTIONS = 50  # HttpWebRequest's own
_MOVED = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND)
_TEXTS = {
    Trouble.NAME: "WebNameNotResolved",
    Trouble.CONNECT: "WebConnectFailure",
    Trouble.TLS: "WebSecureChannelFailure",
    Trouble.PROXY_NAME: "WebProxyNameNotResolved",
}
_BODY = ("BaseResponse", "Content", "Headers", "Images", "InputFields", "Links", "RawContent", "RawContentLength")


class _Failed(Exception):
    """The request ended in a WebException of this status; `status_code` is the answer's, if there was one."""

    def __init__(self, status: WebExceptionStatus, message: str, url: str = "", status_code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.url = url
        self.status_code = status_code


_OF_CORE = {  # what the command has on top in PowerShell 6 and later, where it is not simulated (the page of 7.6)
    "AllowInsecureRedirect": "[-AllowInsecureRedirect@7.4]",
    "AllowUnencryptedAuthentication": "[-AllowUnencryptedAuthentication@6.0]",
    "Authentication": "[-Authentication@6.0 <WebAuthenticationType>]",
    "ConnectionTimeoutSeconds": "[-ConnectionTimeoutSeconds@7.4 <Int32>]",
    "CustomMethod": "[-CustomMethod@6.0 <String>]",
    "Form": "[-Form@6.1 <IDictionary>]",
    "HttpVersion": "[-HttpVersion@7.3 <Version>]",
    "MaximumRetryCount": "[-MaximumRetryCount@6.1 <Int32>]",
    "NoProxy": "[-NoProxy@6.0]",
    "OperationTimeoutSeconds": "[-OperationTimeoutSeconds@7.4 <Int32>]",
    "PreserveAuthorizationOnRedirect": "[-PreserveAuthorizationOnRedirect@6.0]",
    "PreserveHttpMethodOnRedirect": "[-PreserveHttpMethodOnRedirect@7.4]",
    "Resume": "[-Resume@6.1]",
    "RetryIntervalSec": "[-RetryIntervalSec@6.1 <Int32>]",
    "SkipCertificateCheck": "[-SkipCertificateCheck@6.0]",
    "SkipHeaderValidation": "[-SkipHeaderValidation@6.0]",
    "SkipHttpErrorCheck": "[-SkipHttpErrorCheck@7.0]",
    "SslProtocol": "[-SslProtocol@6.0 <WebSslProtocol>]",
    "Token": "[-Token@6.0 <SecureString>]",
    "UnixSocket": "[-UnixSocket@7.4 <UnixDomainSocketEndPoint>]",
}


class InvokeWebRequest(Cmdlet):
    name = "Invoke-WebRequest"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.InvokeWebRequestCommand"
    aliases = ("iwr", "curl", "wget")
    syntax: ClassVar = {
        ALL_SETS: "[-Uri] <Uri> [-UseBasicParsing] [-WebSession <WebRequestSession>] [-SessionVariable <String>] "
        "[-Credential <PSCredential>] [-UseDefaultCredentials] [-CertificateThumbprint <String>] "
        "[-Certificate <X509Certificate>] [-UserAgent <String>] [-DisableKeepAlive] [-TimeoutSec@3.0-7.3 <Int32>] "
        "[-Headers <IDictionary>] [-MaximumRedirection <Int32>] [-Method <WebRequestMethod>] [-Proxy <Uri>] "
        "[-ProxyCredential <PSCredential>] [-ProxyUseDefaultCredentials] [-Body <Object>] [-ContentType <String>] "
        "[-TransferEncoding <String>] [-InFile <String>] [-OutFile <String>] [-PassThru] " + " ".join(_OF_CORE.values())
    }
    traits: ClassVar = {
        "Body": Traits(pipeline="value"),
        "ConnectionTimeoutSeconds": Traits(aliases=("TimeoutSec",)),
        "CustomMethod": Traits(aliases=("CM",)),
        "SessionVariable": Traits(aliases=("SV",)),
    }
    unsimulated = frozenset(
        {
            *("Body", "Certificate", "CertificateThumbprint", "ContentType", "Credential", "Headers", "InFile"),
            *_OF_CORE,
            *("OutFile", "PassThru", "SessionVariable", "TransferEncoding", "UseDefaultCredentials", "WebSession"),
        }
    )

    def process(self) -> Iterator[Event]:
        self._check_simulated()
        url = _absolute(to_text(self.arguments.get("Uri")))
        try:
            status = yield from self._status(url)
        except _Failed as failed:
            raise Terminating(self._failure(url, failed)) from None
        yield Emit(_response(status))
        if self._redirections() == 0 and status in _MOVED:
            yield Report(self._not_followed(url))

    def _check_simulated(self) -> None:
        if self.session.version >= (6, 0):
            raise Terminating(not_simulated("the Invoke-WebRequest of PowerShell 6 and later"))
        if not self.arguments.flag("UseBasicParsing"):
            raise Terminating(not_simulated("Invoke-WebRequest without -UseBasicParsing: Internet Explorer parses"))
        if self._method() not in ("GET", "HEAD"):
            raise Terminating(not_simulated("requests with other methods than GET and HEAD"))

    def _status(self, url: str) -> Generator[Event, None, int]:
        """A generator of the time that passes; returns the status of the last answer. Raises _Failed."""
        left = float(self.arguments.number("TimeoutSec") or _TIMEOUT)
        status = 0
        for _ in range(self._redirections() + 1):
            got = self._reach(url)
            if got.seconds:
                yield Wait(min(got.seconds, left))
            if got.seconds > left:
                raise _Failed(WebExceptionStatus.Timeout, self.session.say("WebTimeout"))
            left -= got.seconds
            if isinstance(got, Unreached):
                raise self._unreached(url, got)
            status = got.status
            if status >= 400:
                raise _protocol_error(self.session.say("WebServerError", f"({status}) {_phrase(status)}"), url, status)
            if not _leads_on(got) or self._redirections() == 0:
                return status
            url = urljoin(url, got.redirect)
        raise _protocol_error(self.session.say("WebTooManyRedirections"), url, status)

    def _reach(self, url: str) -> Reached | Unreached:
        try:
            return reach(self.machine.network, self.session.tls, url, self._proxy())
        except ValueError:
            raise Terminating(not_simulated("requests to anything else than http and https")) from None

    def _unreached(self, url: str, got: Unreached) -> _Failed:
        proxy = self._proxy()
        named = proxy.url if proxy and got.trouble is Trouble.PROXY_NAME else url
        message = self.session.say(_TEXTS[got.trouble], urlsplit(named).hostname or "")
        return _Failed(WebExceptionStatus[got.trouble.value], message)

    def _proxy(self) -> Proxy | None:
        url = to_text(self.arguments.get("Proxy"))
        known = "ProxyCredential" in self.arguments or self.arguments.flag("ProxyUseDefaultCredentials")
        return Proxy(url, authenticated=known) if url else None

    def _redirections(self) -> int:
        given = self.arguments.number("MaximumRedirection")
        return _REDIRECTIONS if given is None or given < 0 else given

    def _method(self) -> str:
        method = self.arguments.get("Method", WebRequestMethod.Default)
        return "GET" if method is WebRequestMethod.Default else to_text(method).upper()

    def _failure(self, url: str, failed: _Failed) -> Failure:
        response = None
        if failed.status_code is not None:
            names = ("System.Net.HttpWebResponse", "System.Net.WebResponse", "System.MarshalByRefObject", OBJECT)
            code = HttpStatusCode(failed.status_code)
            response = ClrObject(names, {"StatusCode": code, "ResponseUri": PSUri(failed.url)})
        return Failure(
            "WebCmdletWebResponseException",
            ErrorCategory.InvalidOperation,
            "WebException",
            str(failed),
            self._request(url),
            own={"Status": failed.status, "Response": response},
        )

    def _not_followed(self, url: str) -> Failure:
        details = ErrorDetails(Message=self.session.say("MaximumRedirectionCountExceeded"))
        message = self.session.say("InvalidState")
        category, exception = ErrorCategory.InvalidOperation, "InvalidOperationException"
        return Failure("MaximumRedirectExceeded", category, exception, message, self._request(url), details=details)

    def _request(self, url: str) -> ClrObject:
        names = ("System.Net.HttpWebRequest", "System.Net.WebRequest", "System.MarshalByRefObject", OBJECT)
        return ClrObject(names, {"RequestUri": PSUri(url), "Method": self._method()})


def _absolute(url: str) -> str:
    """A URL as System.Uri has it: http where it names no scheme, and never without a path."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return parts._replace(netloc=parts.netloc.casefold(), path=parts.path or "/").geturl()


def _leads_on(answer: Reached) -> bool:
    return bool(answer.redirect) and 300 <= answer.status < 400


def _protocol_error(message: str, url: str, status: int) -> _Failed:
    return _Failed(WebExceptionStatus.ProtocolError, message, url, status)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def _response(status: int) -> ClrObject:
    """The sites of the lab have no content: of what they answer, only the status is known."""
    name = "Microsoft.PowerShell.Commands.{}WebResponseObject"
    known: dict[str, object] = {"StatusCode": PSInt(status), "StatusDescription": _phrase(status)}
    names = (name.format("BasicHtml"), name.format(""), OBJECT)
    return ClrObject(names, {**known, **{unknown: Unsimulated(unknown) for unknown in _BODY}})


COMMANDS: tuple[type[Cmdlet], ...] = (InvokeWebRequest,)
