"""One TCP connection to the lab: which host is meant, who calls, sealed or plain; the SOAP goes to the service."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from runner.lab.answers import Answer
from runner.lab.auth import Authenticator, Caller
from runner.lab.host import LabHost
from runner.lab.http import Delivery, HttpReply, HttpRequest
from runner.lab.ntlm import UserFiles
from runner.lab.orders import CONTROL_PATH
from runner.lab.sealing import SealError
from runner.lab.wsman import Service

Control = Callable[[HttpRequest], HttpReply]
_SOAP_TYPE = "application/soap+xml;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Site:
    """One host with its service."""

    host: LabHost
    service: Service


class LabConnection:
    """The handler of one TCP connection. `sites` is keyed by the host's name, case-folded.

    `end_point` is the tls-server-end-point of the certificate that we showed (RFC 5929), None without TLS.
    """

    def __init__(
        self,
        sites: Mapping[str, Site],
        users: UserFiles,
        transport: asyncio.Transport,
        control: Control | None = None,
        end_point: bytes | None = None,
    ) -> None:
        self._sites = sites
        self._transport = transport
        self._control = control
        self._secure = end_point is not None
        certificate = _certificate_hash(transport.get_extra_info("ssl_object"))
        self._authenticator = Authenticator(users, end_point, certificate)
        self._client_ip = str(transport.get_extra_info("peername")[0])
        self._host: LabHost | None = None
        self._first = True

    def count(self, received: int, sent: int) -> None:
        """See `http.Handler`."""
        if self._host is not None:
            self._host.traffic.requests += 1
            self._host.traffic.received += received
            self._host.traffic.sent += sent

    async def respond(self, request: HttpRequest) -> HttpReply:
        """See `http.Handler`."""
        if self._control is not None and request.target == CONTROL_PATH:
            return self._control(request)
        site = self._sites.get(_host_name(request.target))
        self._host = None if site is None else site.host
        if site is None:
            return HttpReply(404)
        if request.method != "POST":
            return HttpReply(405, headers=(("Allow", "POST"),))
        first, self._first = self._first, False
        if not site.service.admit(self._transport):
            return HttpReply(0, delivery=Delivery.DROPPED)
        answer = site.service.at_connect() if first else None
        if answer is not None:
            return self._bare(answer, site.host)
        sealed = request.headers.get("content-type", "").startswith("multipart/encrypted")
        if sealed and not (self._authenticator.has_context or "authorization" in request.headers):
            return HttpReply(400)  # as after an idle drop of the connection that the client logged on with
        caller = self._authenticator.authenticate(request, site.host)
        if isinstance(caller, HttpReply):
            return caller
        return await self._soap(request, caller, site, sealed=sealed)

    async def _soap(self, request: HttpRequest, caller: Caller, site: Site, *, sealed: bool) -> HttpReply:
        if sealed:
            if caller.sealing is None:
                return HttpReply(400)
            try:
                soap = caller.sealing.unseal(request.body)
            except SealError:
                return HttpReply(400)
        else:
            refused = self._refuse_plain(request, site.host)
            if refused is not None:
                return refused
            soap = request.body
        if len(soap) > site.host.max_envelope_kb * 1024:
            return HttpReply(413)
        answer = await site.service.answer(soap, caller, self._client_ip)
        if not answer.soap:
            return self._bare(answer, site.host)
        if sealed and caller.sealing is not None:
            return self._reply(answer, caller.sealing.seal(answer.soap), caller.sealing.content_type)
        return self._reply(answer, answer.soap, _SOAP_TYPE)

    def _refuse_plain(self, request: HttpRequest, host: LabHost) -> HttpReply | None:
        """A bare 500 where AllowUnencrypted=false forbids plain SOAP (diyan/pywinrm issue 208)."""
        if not self._secure and not host.allow_unencrypted:
            return HttpReply(500)
        if not request.headers.get("content-type", "").startswith("application/soap+xml"):
            return HttpReply(415)
        return None

    def _bare(self, answer: Answer, host: LabHost) -> HttpReply:
        if not answer.keeps_context:
            self._authenticator.forget()
        if answer.status == 401:
            return self._authenticator.challenge(host)
        return HttpReply(answer.status, delivery=answer.delivery)

    def _reply(self, answer: Answer, body: bytes, content_type: str) -> HttpReply:
        return HttpReply(answer.status, body, (("Content-Type", content_type),), answer.delivery)


def _host_name(target: str) -> str:
    """The host in `/HOST/wsman` or, for Exchange, `/HOST/PowerShell/`, case-folded; empty for any other path."""
    parts = target.partition("?")[0].removesuffix("/").split("/")
    if len(parts) != 3 or parts[2].casefold() not in ("wsman", "powershell"):
        return ""
    return unquote(parts[1]).casefold()


def _certificate_hash(tls: ssl.SSLObject | None) -> bytes | None:
    certificate = None if tls is None else tls.getpeercert(binary_form=True)
    return None if certificate is None else hashlib.sha256(certificate).digest()
