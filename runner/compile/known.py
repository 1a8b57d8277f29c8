"""What is known of a host so far; it grows from level to level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FACTS = "ansible_facts"  # the name that stands for "the facts of the host" among what a task needs


@dataclass(frozen=True, slots=True)
class Known:
    """Facts (by their full names, `ansible_distribution`), why some are missing, and registered results.

    `facts` is None while they have not been read.
    """

    facts: Mapping[str, object] | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    registered: Mapping[str, object] = field(default_factory=dict)
