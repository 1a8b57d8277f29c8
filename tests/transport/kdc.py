"""A Kerberos domain of the tests' own on loopback: MIT's krb5kdc as a child process, all of its files in one folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

REALM = "LAB.TEST"
HOST = "localhost"
SERVICES = (f"host/{HOST}", f"HTTP/{HOST}")
_START_SECONDS = 20
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))  # where Debian keeps the daemons

_CLIENT = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 clockskew = {skew}
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 {host} = {realm}
"""
_SERVER = """\
[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {realm} = {{
  database_name = {folder}/principals
  key_stash_file = {folder}/stash
  supported_enctypes = aes256-cts:normal
  master_key_type = aes256-cts
 }}
[logging]
 kdc = FILE:{folder}/kdc.log
"""


def missing() -> str:
    """What a machine lacks for Kerberos tests; "" if nothing."""
    packages = [name for name in ("gssapi", "krb5") if find_spec(name) is None]
    programs = [name for name in ("krb5kdc", "kdb5_util", "kadmin.local") if shutil.which(name, path=_PATH) is None]
    return ", ".join(packages + programs)


def require() -> None:
    """Skip where Kerberos is not at hand; CI says by CE_RUNNER_REQUIRE_KERBEROS=1 that it is."""
    if lacking := missing():
        reason = f"no Kerberos on this machine, it lacks: {lacking}"
        if os.environ.get("CE_RUNNER_REQUIRE_KERBEROS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@dataclass(frozen=True)
class Domain:
    """A running KDC."""

    folder: Path
    port: int

    @property
    def keytab(self) -> Path:
        return self.folder / "keytab"

    def environment(self, skew: int = 300) -> dict[str, str]:
        """Where libkrb5 looks, and nothing of the machine's own; `skew`: seconds that two clocks may differ."""
        client = self.folder / f"krb5-{skew}.conf"
        client.write_text(_CLIENT.format(realm=REALM, host=HOST, port=self.port, skew=skew), encoding="ascii")
        return {
            "KRB5_CONFIG": str(client),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "KRB5_KTNAME": str(self.keytab),
            "KRB5_CLIENT_KTNAME": str(self.folder / "none"),
            "KRB5CCNAME": f"FILE:{self.folder / 'none'}",
            "KRB5RCACHENAME": "none:",
        }

    def administer(self, *commands: str) -> None:
        """Run commands of kadmin.local."""
        text = "".join(f"{command}\n" for command in commands)
        _run(["kadmin.local", "-r", REALM], self.environment(), text)

    def requests(self) -> list[str]:
        """The requests that the KDC has logged."""
        log = (self.folder / "kdc.log").read_text(encoding="utf-8")
        return [line for line in log.splitlines() if "AS_REQ" in line or "TGS_REQ" in line]


@contextmanager
def running(folder: Path, passwords: Mapping[str, str], skew: int = 300) -> Iterator[Domain]:
    """A domain with these users; its KDC ends with the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        domain = Domain(folder, free.getsockname()[1])
    (folder / "kdc.conf").write_text(_SERVER.format(realm=REALM, port=domain.port, folder=folder), encoding="ascii")
    environment = domain.environment(skew)
    _run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "master"], environment)
    domain.administer(
        *(f"addprinc -pw {password} +requires_preauth {user}" for user, password in passwords.items()),
        *(f"addprinc -randkey {service}" for service in SERVICES),
        *(f"ktadd -k {domain.keytab} {service}" for service in SERVICES),
    )
    command = [_program("krb5kdc"), "-n", "-r", REALM]
    kdc = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(_START_SECONDS, kdc.kill)
    watchdog.start()
    try:
        assert kdc.stderr is not None
        assert "starting" in kdc.stderr.readline()
        watchdog.cancel()
        yield domain
    finally:
        watchdog.cancel()
        kdc.kill()
        kdc.communicate()


def _run(command: list[str], environment: Mapping[str, str], text: str = "") -> None:
    command = [_program(command[0]), *command[1:]]
    subprocess.run(command, env={**os.environ, **environment}, input=text, text=True, check=True, capture_output=True)


def _program(name: str) -> str:
    path = shutil.which(name, path=_PATH)
    assert path is not None
    return path
