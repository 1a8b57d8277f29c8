"""How Ansible's connection plugins psrp and winrm call the settings of a connection.

docs.ansible.com, ansible.builtin.psrp and ansible.builtin.winrm connection; of several names for one thing the last one
given here wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from runner.model.inventory import Authentication, TransportName


@dataclass(frozen=True, slots=True)
class Names:
    """The variables of one plugin, by setting; () where it has none for it."""

    host: tuple[str, ...]
    user: tuple[str, ...]
    port: tuple[str, ...]
    protocol: tuple[str, ...]
    path: tuple[str, ...]
    authentication: tuple[str, ...]
    validation: tuple[str, ...]
    ca: tuple[str, ...]
    certificate: tuple[str, ...]
    certificate_key: tuple[str, ...]
    encryption: tuple[str, ...]
    proxy: tuple[str, ...]
    connect: tuple[str, ...]
    operation: tuple[str, ...]
    configuration: tuple[str, ...] = ()

    def all(self) -> frozenset[str]:
        return frozenset(name for setting in fields(self) for name in getattr(self, setting.name))


@dataclass(frozen=True, slots=True)
class Plugin:
    """One connection plugin. `no_effect`: variables that are understood and change nothing here, with what to use."""

    name: str
    transport: TransportName
    names: Names
    authentications: Mapping[str, Authentication]
    usual_authentication: str
    no_effect: Mapping[str, str]

    @property
    def prefix(self) -> str:
        return f"ansible_{self.name}_"


_NO_CREDSSP = "ce-runner does not speak CredSSP"
_NO_RETRY = "ce-runner decides itself what may be sent again"
_PSRP_NAMES = Names(
    host=("ansible_host", "ansible_psrp_host"),
    user=("ansible_user", "ansible_psrp_user"),
    port=("ansible_port", "ansible_psrp_port"),
    protocol=("ansible_psrp_protocol",),
    path=("ansible_psrp_path",),
    authentication=("ansible_psrp_auth",),
    validation=("ansible_psrp_cert_validation",),
    ca=("ansible_psrp_cert_trust_path", "ansible_psrp_ca_cert"),
    certificate=("ansible_psrp_certificate_pem",),
    certificate_key=("ansible_psrp_certificate_key_pem",),
    encryption=("ansible_psrp_message_encryption",),
    proxy=("ansible_psrp_proxy",),
    connect=("ansible_psrp_connection_timeout",),
    operation=("ansible_psrp_operation_timeout",),
    configuration=("ansible_psrp_configuration_name",),
)
PSRP = Plugin(
    "psrp",
    TransportName.PSRP,
    _PSRP_NAMES,
    MappingProxyType({kind.value: kind for kind in Authentication}),
    "negotiate",
    MappingProxyType(
        {
            "ansible_psrp_connection_backoff": _NO_RETRY,
            "ansible_psrp_credssp_auth_mechanism": _NO_CREDSSP,
            "ansible_psrp_credssp_disable_tlsv1_2": _NO_CREDSSP,
            "ansible_psrp_credssp_minimum_version": _NO_CREDSSP,
            "ansible_psrp_ignore_proxy": "the environment's proxies are never used; ansible_psrp_proxy sets one",
            "ansible_psrp_max_envelope_size": "",
            "ansible_psrp_negotiate_delegate": "tickets are never delegated",
            "ansible_psrp_negotiate_hostname_override": "Kerberos uses the name in ansible_host",
            "ansible_psrp_negotiate_send_cbt": "a log-on over TLS is always bound to its channel",
            "ansible_psrp_negotiate_service": "Kerberos asks for a ticket for host/NAME",
            "ansible_psrp_read_timeout": "ansible_psrp_operation_timeout decides how long one answer may take",
            "ansible_psrp_reconnection_backoff": _NO_RETRY,
            "ansible_psrp_reconnection_retries": _NO_RETRY,
            "ansible_winrm_ca_trust_path": "use ansible_psrp_ca_cert",
            "ansible_winrm_host": "use ansible_host",
            "ansible_winrm_path": "use ansible_psrp_path",
            "ansible_winrm_port": "use ansible_port",
            "ansible_winrm_scheme": "use ansible_psrp_protocol",
            "ansible_winrm_server_cert_validation": "use ansible_psrp_cert_validation",
            "ansible_winrm_transport": "use ansible_psrp_auth",
            "ansible_winrm_user": "use ansible_user",
        }
    ),
)
_WINRM_NAMES = Names(
    host=("ansible_host", "ansible_winrm_host"),
    user=("ansible_user", "ansible_winrm_user"),
    port=("ansible_port", "ansible_winrm_port"),
    protocol=("ansible_winrm_scheme",),
    path=("ansible_winrm_path",),
    authentication=("ansible_winrm_transport",),
    validation=("ansible_winrm_server_cert_validation",),
    ca=("ansible_winrm_ca_trust_path",),
    certificate=("ansible_winrm_cert_pem",),
    certificate_key=("ansible_winrm_cert_key_pem",),
    encryption=("ansible_winrm_message_encryption",),
    proxy=("ansible_winrm_proxy",),
    connect=(),
    operation=("ansible_winrm_connection_timeout", "ansible_winrm_operation_timeout_sec"),
)
WINRM = Plugin(
    "winrm",
    TransportName.WINRS,
    _WINRM_NAMES,
    MappingProxyType(
        {
            "basic": Authentication.BASIC,
            "plaintext": Authentication.BASIC,
            "ssl": Authentication.BASIC,
            "certificate": Authentication.CERTIFICATE,
            "ntlm": Authentication.NTLM,
            "kerberos": Authentication.KERBEROS,
        }
    ),
    "ssl",
    MappingProxyType(
        {
            "ansible_winrm_credssp_disable_tlsv1_2": _NO_CREDSSP,
            "ansible_winrm_kerberos_command": "get the ticket before",
            "ansible_winrm_kerberos_delegation": "",
            "ansible_winrm_kerberos_hostname_override": "",
            "ansible_winrm_kerberos_mode": "get the ticket before",
            "ansible_winrm_kinit_args": "get the ticket before",
            "ansible_winrm_kinit_cmd": "get the ticket before",
            "ansible_winrm_kinit_env_vars": "get the ticket before",
            "ansible_winrm_kinit_mode": "get the ticket before",
            "ansible_winrm_keytab": "get the ticket before",
            "ansible_winrm_read_timeout_sec": "ansible_winrm_operation_timeout_sec decides how long an answer may take",
            "ansible_winrm_realm": "",
            "ansible_winrm_send_cbt": "",
            "ansible_winrm_service": "",
            **{
                name: "ansible_connection is winrm, which does not read it"
                for name in sorted(_PSRP_NAMES.all())
                if name.startswith("ansible_psrp_")
            },
        }
    ),
)
PLUGINS: Mapping[str, Plugin] = MappingProxyType({plugin.name: plugin for plugin in (PSRP, WINRM)})
