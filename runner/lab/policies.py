"""Registry values that a Group Policy owns: what else is written there is put back.

How soon is the scenario's choice. (On Windows it depends on the kind of policy, on what has changed in it, and on the
refresh interval; the lab does not simulate that.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runner.lab.registry import Registry, RegistryValue


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """One owned value, and the seconds of machine time after which it is put back; None: at a refresh only."""

    path: str
    value: RegistryValue
    seconds: float | None


@dataclass(slots=True)
class GroupPolicy:
    """The owned values of one machine, and those that somebody has changed, with the moment of their return."""

    values: tuple[PolicyValue, ...] = ()
    _due: dict[PolicyValue, datetime] = field(default_factory=dict)

    @property
    def disturbed(self) -> bool:
        """Whether a value is to be put back at some moment."""
        return bool(self._due)

    def look(self, registry: Registry, now: datetime) -> None:
        """The registry was written: note which owned values are no longer as the policy has them."""
        for owned in self.values:
            if _holds(registry, owned):
                self._due.pop(owned, None)
            elif owned.seconds is not None and owned not in self._due:
                self._due[owned] = now + timedelta(seconds=owned.seconds)

    def take_due(self, now: datetime) -> Iterator[PolicyValue]:
        """The values that are to be put back by now; each is given once."""
        yield from self._taken([owned for owned, moment in self._due.items() if moment <= now])

    def take_all(self, registry: Registry) -> Iterator[PolicyValue]:
        """All values that are not as the policy has them, as at a refresh."""
        yield from self._taken([owned for owned in self.values if not _holds(registry, owned)])

    def move(self, by: timedelta) -> None:
        """The clock was set: what was due in an hour still is."""
        self._due = {owned: moment + by for owned, moment in self._due.items()}

    def _taken(self, owned: Iterable[PolicyValue]) -> Iterator[PolicyValue]:
        for one in owned:
            self._due.pop(one, None)
            yield one


def _holds(registry: Registry, owned: PolicyValue) -> bool:
    key = registry.find(owned.path)
    value = key.value(owned.value.name) if key else None
    return value is not None and (value.kind, value.data) == (owned.value.kind, owned.value.data)
