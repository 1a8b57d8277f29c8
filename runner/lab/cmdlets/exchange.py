"""The cmdlets of the Exchange endpoint that domain.md 7.2 needs.

Parameters and types: Microsoft's reference pages (`groundtruth/psca-docs/docs-exchange.json.xz`). A missing object:
the error in github.com/dpaulson45/HealthChecker/issues/213, without its hash, which differs from cmdlet to cmdlet.
Not grounded: type names of the objects (they have none here), and that setting OAuthAuthentication changes the lists
of methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from psrpcore.types import ErrorCategory, PSUri

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.objects import ALL_SETS
from runner.lab.cmdlets.provider import CONFIRM_TRAITS, SHOULD_PROCESS
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.exchange import Data, ExchangeObject, Kind
from runner.lab.values import OBJECT, ClrList, ClrObject, to_text

MODULE = "ExchangePowerShell"
_TASKS = "Microsoft.Exchange.Management.SystemConfigurationTasks"
_PROTECTION = (
    "[-ExtendedProtectionFlags <MultiValuedProperty>] [-ExtendedProtectionSPNList <MultiValuedProperty>] "
    "[-ExtendedProtectionTokenChecking <ExtendedProtectionTokenCheckingMode>]"
)
_DIRECTORY = f"{SHOULD_PROCESS} [-DomainController <Fqdn>] {_PROTECTION} [-ExternalUrl <Uri>] [-InternalUrl <Uri>]"
_WINDOWS = "[-BasicAuthentication <Boolean>] [-OAuthAuthentication <Boolean>] [-WindowsAuthentication <Boolean>]"
_SIMULATED = frozenset({"Identity", "Server", "Confirm", "WhatIf"})


def _others(syntax: Mapping[str, str], settable: tuple[str, ...] = ()) -> frozenset[str]:
    """The parameters in the syntax that are not simulated."""
    names = {name for line in syntax.values() for name in re.findall(r"-(\w+)", line)}
    return frozenset(names - _SIMULATED - set(settable))


class _ExchangeCmdlet(Cmdlet):
    module = MODULE
    kind: ClassVar[Kind]

    def not_found(self, identity: str) -> Failure:
        message = (
            f"The operation couldn't be performed because object '{identity}' couldn't be found on "
            f"'{self.machine.facts.dns_host_name}'."
        )
        name = "ManagementObjectNotFoundException"
        error_id = f"[Server={self.machine.facts.computer_name}] [FailureCategory=Cmdlet-{name}]"
        return Failure(error_id, ErrorCategory.NotSpecified, name, message)

    @property
    def identity(self) -> str:
        return self.arguments.text("Identity")


class _Get(_ExchangeCmdlet):
    def process(self) -> Iterator[Event]:
        if not self.identity:
            server = self.arguments.text("Server").casefold()
            for one in self.machine.exchange.all(self.kind):
                if not server or to_text(one.shown().get("Server")).casefold() == server:
                    yield _emitted(one)
            return
        found = self.machine.exchange.find(self.kind, self.identity)
        yield Report(self.not_found(self.identity)) if found is None else _emitted(found)


def _emitted(one: ExchangeObject) -> Emit:
    values: dict[str, object] = {
        name: ClrList(list(value)) if isinstance(value, tuple) else value for name, value in one.shown().items()
    }
    return Emit(ClrObject((OBJECT,), values, {}, one.identity))


class _Set(_ExchangeCmdlet):
    settable: ClassVar[tuple[str, ...]]

    def process(self) -> Iterator[Event]:
        found = self.target()
        if found is None:
            yield Report(self.not_found(self.identity))
        elif self.should_process():
            values = {name: _data(self.arguments.get(name)) for name in self.settable if name in self.arguments}
            self.refuse_unknown_effects(found, values)
            self.machine.set_exchange(found, values)

    def target(self) -> ExchangeObject | None:
        return self.machine.exchange.find(self.kind, self.identity)

    def refuse_unknown_effects(self, found: ExchangeObject, values: Mapping[str, Data]) -> None:
        """Where nobody knows what Exchange would do."""


def _data(value: object) -> Data:
    if isinstance(value, ClrList):
        return tuple(to_text(item) for item in value.items)
    if isinstance(value, PSUri):
        return str(value)
    return value if isinstance(value, (bool, str)) else None


def _get(kind: Kind, syntax: Mapping[str, str], default: str) -> type[Cmdlet]:
    attributes = {
        "__doc__": f"Shows each {kind}.",
        "kind": kind,
        "name": f"Get-{kind}",
        "type_name": f"{_TASKS}.Get{kind}",
        "syntax": syntax,
        "default_set": default,
        "unsimulated": _others(syntax),
    }
    return type(f"Get{kind}", (_Get,), attributes)


def _get_directory(kind: Kind) -> type[Cmdlet]:
    common = "[-ADPropertiesOnly] [-DomainController <Fqdn>] [-ShowMailboxVirtualDirectories]"
    syntax = {
        "Server": f"-Server <ServerIdParameter> {common}",
        "Identity": f"[[-Identity] <VirtualDirectoryIdParameter>] {common}",
    }
    return _get(kind, syntax, "Identity")


def _set_directory(kind: Kind, own: str, *own_settable: str) -> type[Cmdlet]:
    syntax = {ALL_SETS: f"[-Identity] <VirtualDirectoryIdParameter> {_DIRECTORY} {own}"}
    settable = ("InternalUrl", "ExternalUrl", *own_settable)
    attributes = {
        "__doc__": f"Sets a {kind}.",
        "kind": kind,
        "name": f"Set-{kind}",
        "type_name": f"{_TASKS}.Set{kind}",
        "syntax": syntax,
        "traits": CONFIRM_TRAITS,
        "unsimulated": _others(syntax, settable),
        "settable": settable,
    }
    return type(f"Set{kind}", (_Set,), attributes)


class SetAuthServer(_Set):
    kind = Kind.AUTH_SERVER
    name = "Set-AuthServer"
    type_name = f"{_TASKS}.SetAuthServer"
    syntax: ClassVar = {
        set_name: f"[-Identity] <AuthServerIdParameter> {own} {SHOULD_PROCESS} [-DomainController <Fqdn>] "
        "[-DomainName <MultiValuedProperty>] [-Enabled <Boolean>] [-Name <String>]"
        for set_name, own in (
            ("AuthMetadataUrl", "[-AuthMetadataUrl <String>] [-GraphBaseUrl <String>] [-TrustAnySSLCertificate]"),
            (
                "NativeClientAuthServer",
                "[-AuthMetadataUrl <String>] [-IsDefaultAuthorizationEndpoint <Boolean>] [-TrustAnySSLCertificate]",
            ),
            ("RefreshAuthMetadata", "[-RefreshAuthMetadata]"),
            ("AppSecret", "[-ApplicationIdentifier <String>]"),
        )
    }
    traits: ClassVar = CONFIRM_TRAITS
    default_set = "AuthMetadataUrl"
    settable = ("IsDefaultAuthorizationEndpoint", "Enabled", "DomainName")
    unsimulated = _others(syntax, settable)

    def refuse_unknown_effects(self, found: ExchangeObject, values: Mapping[str, Data]) -> None:
        """There is only one default (domain.md 7.2); what becomes of the other is not known."""
        others = (one for one in self.machine.exchange.all(self.kind) if one.identity != found.identity)
        if values.get("IsDefaultAuthorizationEndpoint") is True and any(
            one.properties["IsDefaultAuthorizationEndpoint"] for one in others
        ):
            raise Terminating(not_simulated("a second AuthServer that is to be the default"))


class SetOrganizationConfig(_Set):
    """Two of its switches; the lab refuses the other parameters, which are over two hundred, by name."""

    kind = Kind.ORGANIZATION
    name = "Set-OrganizationConfig"
    type_name = f"{_TASKS}.SetOrganizationConfig"
    syntax: ClassVar = {
        "AdfsAuthenticationParameter": "[-MapiHttpEnabled <Boolean>] [-OAuth2ClientProfileEnabled <Boolean>] "
        f"{SHOULD_PROCESS}"
    }
    traits: ClassVar = CONFIRM_TRAITS
    settable = ("MapiHttpEnabled", "OAuth2ClientProfileEnabled")
    open_ended = True

    def target(self) -> ExchangeObject | None:
        return next(iter(self.machine.exchange.all(self.kind)), None)


_IDENTITY = "[[-Identity] <{}>] [-DomainController <Fqdn>]"
_SERVERS = {
    "Domain": "-Domain <Fqdn> [-DomainController <Fqdn>] [-Status]",
    "Identity": f"{_IDENTITY.format('ServerIdParameter')} [-Status]",
}
COMMANDS: tuple[type[Cmdlet], ...] = (
    _get(Kind.AUTH_SERVER, {ALL_SETS: _IDENTITY.format("AuthServerIdParameter")}, ALL_SETS),
    _get(Kind.ORGANIZATION, {ALL_SETS: "[-DomainController <Fqdn>]"}, ALL_SETS),
    _get(Kind.SERVER, _SERVERS, "Identity"),
    *(_get_directory(kind) for kind in Kind if kind.is_virtual_directory),
    SetAuthServer,
    SetOrganizationConfig,
    _set_directory(
        Kind.MAPI,
        "[-ApplyDefaults <Boolean>] [-IISAuthenticationMethods <MultiValuedProperty>]",
        "IISAuthenticationMethods",
    ),
    _set_directory(
        Kind.WEB_SERVICES,
        f"{_WINDOWS} [-CertificateAuthentication <Boolean>] [-DigestAuthentication <Boolean>] [-Force] "
        "[-GzipLevel <GzipLevel>] [-InternalNLBBypassUrl <Uri>] [-MRSProxyEnabled <Boolean>] "
        "[-MRSProxyMaxConnections <Unlimited>] [-WSSecurityAuthentication <Boolean>]",
        "OAuthAuthentication",
    ),
    _set_directory(Kind.OAB, f"{_WINDOWS} [-PollInterval <Int32>] [-RequireSSL <Boolean>]", "OAuthAuthentication"),
    _set_directory(
        Kind.AUTODISCOVER,
        f"{_WINDOWS} [-DigestAuthentication <Boolean>] [-WSSecurityAuthentication <Boolean>]",
        "OAuthAuthentication",
    ),
    _set_directory(
        Kind.ACTIVE_SYNC,
        "[-ActiveSyncServer <String>] [-BadItemReportingEnabled <Boolean>] [-BasicAuthEnabled <Boolean>] "
        "[-ClientCertAuth <ClientCertAuthTypes>] [-CompressionEnabled <Boolean>] "
        "[-ExternalAuthenticationMethods <MultiValuedProperty>] [-InstallIsapiFilter <Boolean>] "
        "[-InternalAuthenticationMethods <MultiValuedProperty>] [-MobileClientCertificateAuthorityURL <String>] "
        "[-MobileClientCertificateProvisioningEnabled <Boolean>] [-MobileClientCertTemplateName <String>] "
        "[-Name <String>] [-RemoteDocumentsActionForUnknownServers <RemoteDocumentsActions>] "
        "[-RemoteDocumentsAllowedServers <MultiValuedProperty>] "
        "[-RemoteDocumentsBlockedServers <MultiValuedProperty>] "
        "[-RemoteDocumentsInternalDomainSuffixList <MultiValuedProperty>] [-SendWatsonReport <Boolean>] "
        "[-WindowsAuthEnabled <Boolean>]",
        "InternalAuthenticationMethods",
        "ExternalAuthenticationMethods",
    ),
)
