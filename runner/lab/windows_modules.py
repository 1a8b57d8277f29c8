"""Which modules belong to Windows and PowerShell (the lab's disks do not hold them), and their commands' verbs."""

from __future__ import annotations

import functools
from importlib import resources

import yaml

from runner.lab.wildcard import compile_pattern


@functools.cache
def _names(title: str) -> frozenset[str]:
    text = (resources.files("runner.lab") / "data" / "windows_modules.yml").read_text(encoding="utf-8")
    return frozenset(yaml.safe_load(text)[title].casefold().split())


def is_of_windows(name: str) -> bool:
    """Whether some Windows or PowerShell brings a module of this name along."""
    return name.casefold() in _names("modules")


def may_be_of_windows(pattern: str) -> bool:
    """Whether a name that may hold wildcards means a module that some Windows or PowerShell brings along."""
    wanted = compile_pattern(pattern)
    return any(wanted.fullmatch(name) for name in _names("modules"))


def has_known_verb(command: str) -> bool:
    """Whether a command's name begins with a verb that is approved for sure, or with none at all."""
    verb, dash, _ = command.partition("-")
    return not dash or verb.casefold() in _names("verbs")
