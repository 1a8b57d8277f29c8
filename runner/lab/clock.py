"""Moments as a machine shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from psrpcore.types import PSDateTime

from runner.lab.machine import Machine


def local_time(machine: Machine, moment: datetime) -> PSDateTime:
    """A moment in the machine's time zone."""
    return _as_date(moment.astimezone(timezone(timedelta(minutes=machine.facts.time_zone_bias))))


def universal_time(moment: datetime) -> PSDateTime:
    """A moment in UTC."""
    return _as_date(moment.astimezone(UTC))


def _as_date(local: datetime) -> PSDateTime:
    return PSDateTime(
        local.year, local.month, local.day, local.hour, local.minute, local.second, local.microsecond, local.tzinfo
    )
