"""One TCP connection to the lab: which host is meant, who calls, sealed or plain; the SOAP goes to the service."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from runner.lab.auth import SEALED_TYPE, Authenticator, Caller, SealError, UserFiles, seal, unseal
from runner.lab.faults import When
from runner.lab.host import LabHost
from runner.lab.http import HttpReply, HttpRequest
from runner.lab.wsman import Answer, Service, http_fault

_SOAP_TYPE = "application/soap+xml;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Site:
    """One host with its service."""

    host: LabHost
    service: Service


class LabConnection:
    """The handler of one TCP connection. `sites` is keyed by the host's name, case-folded."""

    def __init__(self, sites: Mapping[str, Site], users: UserFiles, transport: asyncio.Transport) -> None:
        self._sites = sites
        tls = transport.get_extra_info("ssl_object")
        self._secure = tls is not None
        self._authenticator = Authenticator(users, self._secure, _certificate_hash(tls))
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
        site = self._sites.get(_host_name(request.target))
        self._host = None if site is None else site.host
        if site is None:
            return HttpReply(404)
        if request.method != "POST":
            return HttpReply(405, headers=(("Allow", "POST"),))
        first, self._first = self._first, False
        fault = site.host.faults.at(When.CONNECT) if first else None
        answer = None if fault is None else http_fault(fault)
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
            if caller.context is None:
                return HttpReply(400)
            try:
                soap = unseal(caller.context, request.body)
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
        if sealed and caller.context is not None:
            return self._reply(answer, seal(caller.context, answer.soap), SEALED_TYPE)
        return self._reply(answer, answer.soap, _SOAP_TYPE)

    def _refuse_plain(self, request: HttpRequest, host: LabHost) -> HttpReply | None:
        """A bare 500 where AllowUnencrypted=false forbids plain SOAP (not recorded: groundtruth/README.md, 3)."""
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
    """The host in `/HOST/wsman`, case-folded; empty for any other path."""
    parts = target.partition("?")[0].split("/")
    if len(parts) != 3 or parts[2].casefold() != "wsman":
        return ""
    return unquote(parts[1]).casefold()


def _certificate_hash(tls: ssl.SSLObject | None) -> bytes | None:
    certificate = None if tls is None else tls.getpeercert(binary_form=True)
    return None if certificate is None else hashlib.sha256(certificate).digest()
