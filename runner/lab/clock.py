"""Moments as a machine shows them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from psrpcore.types import PSDateTime

from runner.lab.machine import Machine


def local_time(machine: Machine, moment: datetime) -> PSDateTime:
    """A moment in the machine's time zone."""
    local = moment.astimezone(timezone(timedelta(minutes=machine.facts.time_zone_bias)))
    return PSDateTime(
        local.year, local.month, local.day, local.hour, local.minute, local.second, local.microsecond, local.tzinfo
    )
