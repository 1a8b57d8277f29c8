"""From a host's variables to its connection.

Names, defaults and precedence (of several names for one thing the last one given here wins; a variable wins over `-k`)
are those of Ansible's connection plugin psrp (docs.ansible.com, ansible.builtin.psrp connection).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from runner.model.errors import did_you_mean
from runner.model.inventory import Authentication, Connection, Deadlines
from runner.model.secret import MASK, Secret
from runner.model.source import Node, ScalarNode
from runner.parse.fields import RESERVED
from runner.parse.ranges import is_ipv6
from runner.parse.sources import Findings
from runner.template import TemplateError, Templates

_PASSWORDS = ("ansible_password", "ansible_winrm_pass", "ansible_winrm_password")
_WRONG_PASSWORDS = ("ansible_ssh_pass", "ansible_pass", "ansible_psrp_password", "ansible_psrp_pass")
SECRET_VARIABLES = frozenset((*_PASSWORDS, *_WRONG_PASSWORDS, "ansible_become_password", "ansible_become_pass"))

_HOST = ("ansible_host", "ansible_psrp_host")
_USER = ("ansible_user", "ansible_psrp_user")
_PORT = ("ansible_port", "ansible_psrp_port")
_CA = ("ansible_psrp_cert_trust_path", "ansible_psrp_ca_cert")
_READ = frozenset(
    (
        *_HOST, *_USER, *_PORT, *_CA, "ansible_psrp_protocol", "ansible_psrp_path", "ansible_psrp_auth",
        "ansible_psrp_cert_validation", "ansible_psrp_connection_timeout", "ansible_psrp_operation_timeout",
        "ansible_psrp_message_encryption", "ansible_psrp_proxy", "ansible_psrp_configuration_name",
        "ansible_psrp_certificate_key_pem", "ansible_psrp_certificate_pem",
    )
)  # fmt: skip
_NO_EFFECT: Mapping[str, str] = MappingProxyType(
    {
        "ansible_psrp_connection_backoff": "ce-runner decides itself what may be sent again",
        "ansible_psrp_credssp_auth_mechanism": "ce-runner does not speak CredSSP",
        "ansible_psrp_credssp_disable_tlsv1_2": "ce-runner does not speak CredSSP",
        "ansible_psrp_credssp_minimum_version": "ce-runner does not speak CredSSP",
        "ansible_psrp_ignore_proxy": "the environment's proxies are never used; ansible_psrp_proxy sets one",
        "ansible_psrp_max_envelope_size": "",
        "ansible_psrp_negotiate_delegate": "",
        "ansible_psrp_negotiate_hostname_override": "",
        "ansible_psrp_negotiate_send_cbt": "",
        "ansible_psrp_negotiate_service": "",
        "ansible_psrp_read_timeout": "ansible_psrp_operation_timeout decides how long one answer may take",
        "ansible_psrp_reconnection_backoff": "ce-runner decides itself what may be sent again",
        "ansible_psrp_reconnection_retries": "ce-runner decides itself what may be sent again",
        "ansible_winrm_ca_trust_path": "use ansible_psrp_ca_cert",
        "ansible_winrm_host": "use ansible_host",
        "ansible_winrm_path": "use ansible_psrp_path",
        "ansible_winrm_port": "use ansible_port",
        "ansible_winrm_scheme": "use ansible_psrp_protocol",
        "ansible_winrm_server_cert_validation": "use ansible_psrp_cert_validation",
        "ansible_winrm_transport": "use ansible_psrp_auth",
        "ansible_winrm_user": "use ansible_user",
    }
)
_OUR_PREFIX = "ansible_psrp_"
_NAME = re.compile(r"\w(?:[\w.-]*[\w.])?")  # letters of all scripts: the resolver knows what to do with them


@dataclass(frozen=True, slots=True)
class ConnectionReader:
    """Makes connections. Mistakes go into `found`, settings without effect into `ignored`.

    `password` is for hosts that have none of their own; `environment` is what `lookup('env', NAME)` sees.
    """

    templates: Templates
    found: Findings
    ignored: Findings
    password: Secret | None
    environment: Mapping[str, str]

    def read(self, name: str, variables: Mapping[str, Node]) -> Connection:
        """The connection of a host; where a setting is wrong, with the default in its place."""
        self._names(variables)
        values = _Values(self.templates, self.found, variables, self.environment)
        values.choice(("ansible_connection",), ("psrp", "winrm"), "psrp")
        protocol, port = _endpoint(values)
        authentication = Authentication(values.choice(("ansible_psrp_auth",), tuple(Authentication), "negotiate"))
        encryption = values.choice(("ansible_psrp_message_encryption",), ("auto", "always", "never"), "auto")
        connection = Connection(
            address=values.address(_HOST, name),
            port=port,
            user=values.text(_USER),
            password=values.password() or self.password,
            tls=protocol == "https",
            verify=values.choice(("ansible_psrp_cert_validation",), ("validate", "ignore"), "validate") == "validate",
            ca_file=values.path(_CA),
            path=(values.text(("ansible_psrp_path",)) or "wsman").lstrip("/"),
            authentication=authentication,
            encrypt=encryption != "never",
            certificate_pem=values.path(("ansible_psrp_certificate_pem",)),
            certificate_key_pem=values.path(("ansible_psrp_certificate_key_pem",)),
            configuration=values.text(("ansible_psrp_configuration_name",)) or "Microsoft.PowerShell",
            proxy=values.text(("ansible_psrp_proxy",)),
            deadlines=Deadlines(
                connect=values.seconds("ansible_psrp_connection_timeout", Deadlines().connect),
                operation=values.seconds("ansible_psrp_operation_timeout", Deadlines().operation),
            ),
        )
        self._agreement(connection, variables)
        return connection

    def visible(self, variables: Mapping[str, Node]) -> Mapping[str, object]:
        """The variables that templates may see: no password, and a Secret for each one that a password is made of.

        How a host is reached (`ansible_user` and the like) is no secret, even if a password is made of it too.
        """
        seen: dict[str, object] = {name: node for name, node in variables.items() if name not in SECRET_VARIABLES}
        secrets = [variables[name] for name in SECRET_VARIABLES & variables.keys()]
        may_be_secret = {name: value for name, value in seen.items() if name not in (*_READ, *RESERVED)}
        values = _Values(self.templates, self.found, variables, self.environment)
        for secret in secrets:
            for name in values.ingredients(secret, may_be_secret):
                seen[name] = values.concealed(variables[name])
        return seen

    def _names(self, variables: Mapping[str, Node]) -> None:
        """Unknown `ansible_psrp_*` are mistakes: `cert_validaton: ignore` must not pass for a wish that was heard."""
        for name, node in variables.items():
            if name in _NO_EFFECT:
                self.ignored.add(f"{name} has no effect in ce-runner", node, _NO_EFFECT[name])
            elif name in _WRONG_PASSWORDS:
                self.found.add(f"{name} is not read by the connection psrp", node, "use ansible_password")
            elif name.startswith(_OUR_PREFIX) and name not in _READ:
                hint = did_you_mean(name, (*_READ, *_NO_EFFECT))
                self.found.add(f"there is no connection variable {name}", node, hint)

    def _agreement(self, connection: Connection, variables: Mapping[str, Node]) -> None:
        node = variables.get("ansible_psrp_auth")
        if connection.authentication is Authentication.CERTIFICATE:
            if not (connection.certificate_pem and connection.certificate_key_pem):
                hint = "set ansible_psrp_certificate_pem and ansible_psrp_certificate_key_pem"
                self.found.add("authentication by certificate needs a certificate and its key", node, hint)
            if not connection.tls:
                self.found.add("authentication by certificate works only over https", node)
        elif connection.authentication is Authentication.BASIC and not connection.tls and connection.encrypt:
            hint = "use https or ntlm; ansible_psrp_message_encryption: never sends everything readable"
            self.found.add("basic authentication cannot encrypt over http", node, hint)


def _endpoint(values: _Values) -> tuple[str, int]:
    """Protocol and port; each follows from the other if only one is given."""
    port = values.port(_PORT)
    protocol = values.choice(("ansible_psrp_protocol",), ("http", "https"), "http" if port == 5985 else "https")
    return protocol, port or (5986 if protocol == "https" else 5985)


@dataclass(frozen=True, slots=True)
class _Values:
    """Reads single settings, rendered, each with its own kind of check."""

    templates: Templates
    found: Findings
    variables: Mapping[str, Node]
    environment: Mapping[str, str]

    def text(self, names: Sequence[str]) -> str | None:
        node, value = self._value(names)
        if isinstance(value, Secret):
            return value.reveal()
        if value is None or isinstance(value, str):
            return value or None
        self.found.add(f"{self._name(node)} must be a text", node, "quote it")
        return None

    def address(self, names: Sequence[str], host: str) -> str:
        """A host name, an IPv4 or an IPv6 address; a port is no part of it. Without one, the host's own name."""
        text = self.text(names)
        address = text or host
        if _NAME.fullmatch(address) or is_ipv6(address):
            return address
        node = self._value(names)[0] if text else self.variables.get("inventory_hostname")
        what = self._name(node) if text else repr(host)
        hint = "the port goes into ansible_port" if text else "set ansible_host to where it is reached"
        self.found.add(f"{what} is no host name and no address", node, hint)
        return host

    def path(self, names: Sequence[str]) -> str | None:
        text = self.text(names)
        return os.path.expanduser(text) if text else None

    def password(self) -> Secret | None:
        node, value = self._value(_PASSWORDS)
        if value is None or isinstance(value, Secret):
            return value
        if isinstance(value, str):
            return Secret(value)
        self.found.add(f"{self._name(node)} must be a text", node, "quote it")
        return None

    def choice(self, names: Sequence[str], choices: Sequence[str], default: str) -> str:
        node, value = self._value(names)
        text = self.text(names)
        if text is None:
            return default
        if text.lower() in choices:
            return text.lower()
        hint = did_you_mean(text, choices) or f"one of {', '.join(choices)}"
        shown = MASK if isinstance(value, Secret) else repr(text)
        self.found.add(f"{self._name(node)} {shown} is not supported by ce-runner", node, hint)
        return default

    def port(self, names: Sequence[str]) -> int | None:
        node, value = self._value(names)
        number = self._number(value, int)
        if value is not None and not (isinstance(number, int) and 1 <= number <= 65535):
            self.found.add(f"{self._name(node)} must be a number from 1 to 65535", node)
            return None
        return number if isinstance(number, int) else None

    def seconds(self, name: str, default: float) -> float:
        node, value = self._value((name,))
        number = self._number(value, float)
        if value is not None and not (number and 0 < number <= 86400):
            self.found.add(f"{name} must be a number of seconds", node)
            return default
        return float(number) if number else default

    def _number(self, value: object, kind: Callable[[str], float]) -> float | None:
        """A number, also one that is spelled as a text (an INI file, a template, the environment)."""
        text = value.reveal() if isinstance(value, Secret) else value
        if isinstance(text, bool) or not isinstance(text, (int, float, str)):
            return None
        try:
            return kind(str(text))
        except ValueError:
            return None

    def _value(self, names: Sequence[str]) -> tuple[Node | None, object]:
        """The last of the names that has a value, rendered."""
        nodes = [self.variables[name] for name in names if name in self.variables]
        given = [node for node in nodes if not (isinstance(node, ScalarNode) and node.value is None)]
        if not given:
            return None, None
        try:
            return given[-1], self._rendered(given[-1])
        except TemplateError as error:
            self.found.extend([error.problem])
            return given[-1], None

    def ingredients(self, secret: Node, variables: Mapping[str, object]) -> frozenset[str]:
        """The variables that a password is made of; of one that cannot be compiled, which `_value` reports, none."""
        try:
            return self.templates.ingredients(secret, variables)
        except TemplateError:
            return frozenset()

    def concealed(self, node: Node) -> object:
        """A variable's value with each text in it a Secret."""
        try:
            return _concealed(self._rendered(node))
        except TemplateError:  # then it went into no password: those that are read, but do not render, are reported
            return node

    def _rendered(self, node: Node) -> object:
        return self.templates.render(node, {**self.variables, "lookup": self._lookup})

    def _lookup(self, plugin: str, name: str) -> Secret:
        """Ansible's `lookup('env', NAME)`; what it gives is treated as a secret."""
        if plugin != "env":
            raise ValueError(f"lookup {plugin!r} is not supported by ce-runner yet, only 'env'")
        if name not in self.environment:
            raise ValueError(f"the environment variable {name} is not set")
        return Secret(self.environment[name])

    def _name(self, node: Node | None) -> str:
        return next(name for name, other in self.variables.items() if other is node)


def _concealed(value: object) -> object:
    match value:
        case None | bool() | Secret():
            return value
        case Mapping():
            return {name: _concealed(item) for name, item in value.items()}
        case list() | tuple():
            return [_concealed(item) for item in value]
    return Secret(str(value))
