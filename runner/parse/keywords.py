"""Ansible's playbook keywords (docs.ansible.com, "Playbook Keywords"): the ones that are read, and the ones not yet."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PLAY = ("name", "hosts", "vars", "serial", "throttle", "gather_facts", "tasks", "handlers")
TASK = ("name", "when", "loop", "loop_control", "register", "notify", "tags", "vars", "ignore_errors", "after")

_BOTH = (
    "any_errors_fatal", "become", "become_exe", "become_flags", "become_method", "become_user", "check_mode",
    "collections", "connection", "debugger", "diff", "environment", "ignore_unreachable",
    "module_defaults", "no_log", "port", "remote_user", "run_once", "timeout",
)  # fmt: skip
_PLAY_ONLY = (
    "fact_path", "force_handlers", "gather_subset", "gather_timeout", "import_playbook", "max_fail_percentage", "order",
    "post_tasks", "pre_tasks", "roles", "strategy", "tags", "user", "vars_files", "vars_prompt",
)  # fmt: skip
_TASK_ONLY = (
    "action", "always", "args", "async", "block", "changed_when", "delay", "delegate_facts", "delegate_to",
    "failed_when", "import_role", "import_tasks", "include", "include_role", "include_tasks", "include_vars", "listen",
    "local_action", "poll", "rescue", "retries", "throttle",
    "until",
)  # fmt: skip
_CONNECT = "the inventory says how to connect: ansible_host, ansible_user, ansible_psrp_*"
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "action": "write the module's name as the key",
        "args": "write the arguments under the module's name",
        "become": "tasks run as the account of the connection",
        "check_mode": "`ce-runner check` never changes anything",
        "connection": _CONNECT,
        "diff": "differences are always shown",
        "port": _CONNECT,
        "remote_user": _CONNECT,
        "throttle": "a play has it: throttle: {key: VARIABLE, at_most: NUMBER}",
        "user": _CONNECT,
    }
)


def unsupported_in_play(key: str) -> bool:
    return key in _BOTH or key in _PLAY_ONLY


def unsupported_in_task(key: str) -> bool:
    return key in _BOTH or key in _TASK_ONLY or key.startswith("with_")


def hint(key: str) -> str:
    """What to do instead of an unsupported keyword, if there is something."""
    return "use `loop`" if key.startswith("with_") else _HINTS.get(key, "")
