"""Who works with this program, for the record."""

from __future__ import annotations

import getpass
import platform


def operator() -> str:
    """The account and the controller: `kiyohime@tok-admin-01`. What the system does not tell is said to be unknown."""
    try:
        account = getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        account = "unknown"
    return f"{account}@{platform.node() or 'unknown'}"
