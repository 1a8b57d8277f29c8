"""From a host's variables to its connection.

Names, defaults and precedence (of several names for one thing the last one wins; a variable wins over `-k`) are those
of Ansible's connection plugins psrp and winrm (`connection_names.py`). Two are our own: ce_runner_endpoint and
ce_runner_fallback.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runner.model.errors import did_you_mean
from runner.model.inventory import Authentication, Connection, Deadlines, Endpoint, TransportName
from runner.model.secret import MASK, Secret
from runner.model.source import Node, ScalarNode
from runner.parse.connection_names import PLUGINS, PSRP, Names, Plugin
from runner.parse.fields import RESERVED
from runner.parse.ranges import is_ipv6
from runner.parse.sources import Findings
from runner.template import TemplateError, Templates

_PASSWORDS = ("ansible_password", "ansible_winrm_pass", "ansible_winrm_password")
_WRONG_PASSWORDS = ("ansible_ssh_pass", "ansible_pass", "ansible_psrp_password", "ansible_psrp_pass")
SECRET_VARIABLES = frozenset((*_PASSWORDS, *_WRONG_PASSWORDS, "ansible_become_password", "ansible_become_pass"))
ENDPOINT = "ce_runner_endpoint"
FALLBACK = "ce_runner_fallback"  # the transport for a host without a PSRP endpoint

_CONNECTION_NAMES = frozenset(name for plugin in PLUGINS.values() for name in plugin.names.all())
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
        values = _Values(self.templates, self.found, variables, self.environment)
        plugin = PLUGINS[values.choice(("ansible_connection",), tuple(PLUGINS), PSRP.name)]
        self._names(plugin, variables)
        names = plugin.names
        protocol, port = _endpoint(values, names)
        method = values.choice(names.authentication, tuple(plugin.authentications), plugin.usual_authentication)
        encryption = values.choice(names.encryption, ("auto", "always", "never"), "auto")
        configuration = values.text(names.configuration) or "Microsoft.PowerShell"
        fallback = values.choice((FALLBACK,), ("none", TransportName.WINRS), "none")
        connection = Connection(
            address=values.address(names.host, name),
            port=port,
            user=values.text(names.user),
            password=values.password() or self.password,
            tls=protocol == "https",
            verify=values.choice(names.validation, ("validate", "ignore"), "validate") == "validate",
            ca_file=values.path(names.ca),
            path=(values.text(names.path) or "wsman").lstrip("/"),
            authentication=plugin.authentications[method],
            encrypt=encryption != "never" and method != "plaintext",
            certificate_pem=values.path(names.certificate),
            certificate_key_pem=values.path(names.certificate_key),
            configuration=configuration,
            endpoint=Endpoint(values.choice((ENDPOINT,), tuple(Endpoint), _usual_endpoint(configuration))),
            proxy=values.text(names.proxy),
            transport=plugin.transport,
            fallback=TransportName.WINRS if fallback == TransportName.WINRS else None,
            deadlines=Deadlines(
                connect=values.seconds(names.connect, Deadlines().connect),
                operation=values.seconds(names.operation, Deadlines().operation),
            ),
        )
        self._agreement(plugin, connection, variables)
        return connection

    def visible(self, variables: Mapping[str, Node]) -> Mapping[str, object]:
        """The variables that templates may see: no password, and a Secret for each one that a password is made of.

        How a host is reached (`ansible_user` and the like) is no secret, even if a password is made of it too.
        """
        seen: dict[str, object] = {name: node for name, node in variables.items() if name not in SECRET_VARIABLES}
        secrets = [variables[name] for name in SECRET_VARIABLES & variables.keys()]
        may_be_secret = {name: value for name, value in seen.items() if name not in (*_CONNECTION_NAMES, *RESERVED)}
        values = _Values(self.templates, self.found, variables, self.environment)
        for secret in secrets:
            for name in values.ingredients(secret, may_be_secret):
                seen[name] = values.concealed(variables[name])
        return seen

    def _names(self, plugin: Plugin, variables: Mapping[str, Node]) -> None:
        """Unknown variables of the plugin are mistakes: `cert_validaton: ignore` must not pass for a wish heard."""
        known = plugin.names.all()
        for name, node in variables.items():
            if name in plugin.no_effect:
                self.ignored.add(f"{name} has no effect in ce-runner", node, plugin.no_effect[name])
            elif name in _WRONG_PASSWORDS:
                self.found.add(f"{name} is not read by the connection {plugin.name}", node, "use ansible_password")
            elif name.startswith(plugin.prefix) and name not in known and name not in _PASSWORDS:
                hint = did_you_mean(name, (*known, *plugin.no_effect))
                self.found.add(f"there is no connection variable {name}", node, hint)

    def _agreement(self, plugin: Plugin, connection: Connection, variables: Mapping[str, Node]) -> None:
        names = plugin.names
        node = next((variables[name] for name in names.authentication if name in variables), None)
        if connection.authentication is Authentication.CERTIFICATE:
            if not (connection.certificate_pem and connection.certificate_key_pem):
                hint = f"set {names.certificate[0]} and {names.certificate_key[0]}"
                self.found.add("authentication by certificate needs a certificate and its key", node, hint)
            if not connection.tls:
                self.found.add("authentication by certificate works only over https", node)
        elif connection.authentication is Authentication.BASIC and not connection.tls and connection.encrypt:
            hint = f"use https or ntlm; {names.encryption[0]}: never sends everything readable"
            self.found.add("basic authentication cannot encrypt over http", node, hint)


def _usual_endpoint(configuration: str) -> Endpoint:
    """A configuration of another name may be any; what it understands shows when it is used."""
    return Endpoint.EXCHANGE if configuration.casefold() == "microsoft.exchange" else Endpoint.FULL


def _endpoint(values: _Values, names: Names) -> tuple[str, int]:
    """Protocol and port; each follows from the other if only one is given."""
    port = values.port(names.port)
    protocol = values.choice(names.protocol, ("http", "https"), "http" if port == 5985 else "https")
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

    def seconds(self, names: Sequence[str], default: float) -> float:
        node, value = self._value(names)
        number = self._number(value, float)
        if value is not None and not (number and 0 < number <= 86400):
            self.found.add(f"{self._name(node)} must be a number of seconds", node)
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
