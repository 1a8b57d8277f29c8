"""Who works with this program, for the record."""

from __future__ import annotations

import getpass
import os
import platform
import sys


def account() -> str:
    """The account of this process, as the system knows it. LOGNAME and USER, which anybody can set, are not asked.

    A number that has no name, as in some containers, is told as it is.
    """
    if sys.platform == "win32":
        return _windows_account()
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _windows_account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def operator() -> str:
    """The account and the controller: `kiyohime@tok-admin-01`.

    Behind it stands who called sudo, as the variable SUDO_USER says: a hint, for whoever is root can set it.
    """
    behind = os.environ.get("SUDO_USER")
    return f"{account()}@{platform.node() or 'unknown'}" + (f" (SUDO_USER {behind})" if behind else "")
