"""What may be asked of a running lab: to look at a machine, to break it, to change it. Data only; `desk` does it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from runner.lab.registry import Denial
from runner.lab.registry_spec import ValueSpec, long_path
from runner.lab.spec import ServiceSpec

CONTROL_PATH = "/-/control"  # no host's path, which is /NAME/wsman


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hosts(_Order):
    """The names of all hosts."""

    order: Literal["hosts"] = "hosts"


class Show(_Order):
    """A machine, its log of changes, its faults and its traffic."""

    order: Literal["show"] = "show"
    host: str


class Break(_Order):
    """One more fault, in the notation of `parse_fault`; none: take all faults away."""

    order: Literal["break"] = "break"
    host: str
    fault: str | None


class _OfKey(_Order):
    host: str
    key: str

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, key: str) -> str:
        return long_path(key)


class SetRegistry(_OfKey):
    """A registry value, written as in a scenario; null: it is removed."""

    order: Literal["registry"] = "registry"
    name: str
    value: ValueSpec


class SetAccess(_OfKey):
    """What the account may not do with a key and what is below it; null: it may everything."""

    order: Literal["access"] = "access"
    denial: Denial | None


class SetService(_Order):
    """The state and habits of a service, written as in a scenario."""

    order: Literal["service"] = "service"
    host: str
    name: str
    service: ServiceSpec

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not name.strip() or "/" in name or "\\" in name:
            raise ValueError("a service has a name, without / and \\")
        return name


class SetClock(_Order):
    """The machine's clock: a moment, or so many seconds from what it shows."""

    order: Literal["clock"] = "clock"
    host: str
    to: datetime | float


class SetDisk(_Order):
    """Whether the disk is full, so that no file can be written."""

    order: Literal["disk"] = "disk"
    host: str
    full: bool


class Reboot(_Order):
    order: Literal["reboot"] = "reboot"
    host: str


class RefreshPolicy(_Order):
    """Put back every value that a policy owns, as `gpupdate /force` does."""

    order: Literal["gpupdate"] = "gpupdate"
    host: str


Order = Hosts | Show | Break | SetRegistry | SetAccess | SetService | SetClock | SetDisk | Reboot | RefreshPolicy
ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="order")])


def complaints(error: ValidationError) -> list[str]:
    """What is wrong with an order, without what was given."""
    return [
        f"{_field(item['loc'])}{item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_input=False, include_url=False)
    ]


def _field(location: tuple[int | str, ...]) -> str:
    """The name that the user wrote, if it is one of several."""
    return f"{location[-1]}: " if len(location) > 1 else ""
