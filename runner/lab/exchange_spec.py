"""The Exchange part of a scenario, and how an organisation is made from it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, model_validator

from runner.lab.exchange import PROPERTIES, Data, Kind, Organization

Written = None | bool | str | tuple[str, ...]
Objects = dict[str, dict[str, Written]]


class ExchangeSpec(BaseModel):
    r"""Objects by identity with the properties that differ from the defaults of the lab (exchange.py).

    `mapi: {'EX01\mapi (Default Web Site)': {IISAuthenticationMethods: [Ntlm, OAuth, Negotiate]}}`
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    organization: dict[str, Written] = {}
    auth_servers: Objects = {}
    servers: Objects = {}
    mapi: Objects = {}
    web_services: Objects = {}
    oab: Objects = {}
    autodiscover: Objects = {}
    active_sync: Objects = {}

    @model_validator(mode="after")
    def _knows_its_properties(self) -> ExchangeSpec:
        for kind, objects in self.objects().items():
            for identity, properties in objects.items():
                if unknown := sorted(properties.keys() - PROPERTIES[kind].keys()):
                    known = ", ".join(PROPERTIES[kind])
                    raise ValueError(f"{kind} {identity} of the lab has no {unknown[0]}; it has {known}")
        return self

    def objects(self) -> Mapping[Kind, Mapping[str, Mapping[str, Data]]]:
        """All objects by kind; the organisation is called as Exchange names it by default."""
        return {
            Kind.ORGANIZATION: {"First Organization": self.organization},
            Kind.AUTH_SERVER: self.auth_servers,
            Kind.SERVER: self.servers,
            Kind.MAPI: self.mapi,
            Kind.WEB_SERVICES: self.web_services,
            Kind.OAB: self.oab,
            Kind.AUTODISCOVER: self.autodiscover,
            Kind.ACTIVE_SYNC: self.active_sync,
        }


def made_organization(spec: ExchangeSpec | None) -> Organization:
    """The organisation of a machine; without Exchange an empty one."""
    return Organization(spec.objects() if spec else {})
