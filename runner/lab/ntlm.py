"""NTLM for the lab: the accounts in the form that pyspnego's acceptor reads, and what a client claims to be.

The acceptor takes accounts only from the file that the environment variable NTLM_USER_FILE names and reads it at
each log-on (groundtruth/README.md section 3); so each host has a small file of its own, and the variable names it
during one step. Hence the same account name may have another password on each host. The file holds NT hashes: a
colon in a password would make a line in the plain form vanish in silence.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spnego._ntlm_raw.crypto import ntowfv1  # the library has no public names for the NT hash and the messages
from spnego._ntlm_raw.messages import Authenticate, AvId, NTClientChallengeV2

from runner.lab.host import LabHost

_VARIABLE = "NTLM_USER_FILE"
_AUTHENTICATE = b"NTLMSSP\0\x03\0\0\0"
_PROOF = 16  # bytes of an NTLMv2 response before the client's challenge
_NO_LM_HASH = "0" * 32
_environment = threading.Lock()  # os.environ is one for all labs of a process


class UserFiles:
    """The accounts of the hosts, one file per host, made when first needed."""

    def __init__(self, directory: Path) -> None:
        # Clients in other threads of this process walk through the environment at every request (requests does, for
        # proxies): the variable may change its value, but must not come and go under them.
        os.environ.setdefault(_VARIABLE, "")
        self._directory = directory
        self._paths: dict[str, Path] = {}

    @contextmanager
    def selected(self, host: LabHost) -> Iterator[None]:
        """While this context is open, NTLM acceptors of this process know the accounts of `host` only."""
        path = self._paths.get(host.name) or self._write(host)
        with _environment:
            before = os.environ.get(_VARIABLE, "")
            os.environ[_VARIABLE] = str(path)
            try:
                yield
            finally:
                os.environ[_VARIABLE] = before

    def _write(self, host: LabHost) -> Path:
        path = self._directory / f"{len(self._paths)}.users"
        lines = []
        for account in host.accounts:
            nt_hash = ntowfv1(account.password.reveal()).hex().upper()
            lines += [f"{name}:0:{_NO_LM_HASH}:{nt_hash}:[U]:LCT-0\n" for name in host.logon_names(account)]
        path.touch(mode=0o600)
        path.write_text("".join(lines), encoding="utf-8")
        self._paths[host.name] = path
        return path


@dataclass(frozen=True, slots=True)
class Claim:
    """What the last message of an NTLM log-on says before anything of it is proven.

    `bound`: it is bound to a TLS channel, whichever ([MS-NLMP] MsvAvChannelBindings).
    """

    principal: str
    bound: bool


def claim_in(token: bytes) -> Claim | None:
    """The claim in a token, raw or inside SPNEGO; None if it holds no AUTHENTICATE message.

    Raises ValueError or struct.error for a damaged one.
    """
    start = token.find(_AUTHENTICATE)
    if start < 0:
        return None
    message = Authenticate.unpack(token[start:])
    user, domain, response = message.user_name or "", message.domain_name, message.nt_challenge_response or b""
    pairs = NTClientChallengeV2.unpack(response[_PROOF:]).av_pairs if len(response) > 24 else {}
    return Claim(f"{domain}\\{user}" if domain else user, AvId.channel_bindings in pairs)
