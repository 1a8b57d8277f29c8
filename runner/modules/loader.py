"""Finds every module by itself: adding one means adding one file to this package and nothing else."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

import runner.modules
from runner.modules.base import Module


def load_modules(package: ModuleType = runner.modules) -> Mapping[str, Module[Any]]:
    """One instance of every module class of the package, by its name. Names and aliases must be unique.

    Errors: ValueError names the two classes that claim one name.
    """
    found: dict[str, Module[Any]] = {}
    claimed: dict[str, str] = {}
    for module_class in _classes(package):
        place = f"{module_class.__module__}.{module_class.__name__}"
        for name in (module_class.name, *module_class.aliases):
            if name in claimed:
                raise ValueError(f"{claimed[name]} and {place} both claim the module name {name!r}")
            claimed[name] = place
        found[module_class.name] = module_class()
    return MappingProxyType(dict(sorted(found.items())))


def resolve(modules: Mapping[str, Module[Any]], name: str) -> Module[Any] | None:
    """The module that a playbook means by a name or an alias (`ansible.windows.win_service`); None if there is none."""
    if name in modules:
        return modules[name]
    return next((module for module in modules.values() if name in module.aliases), None)


def _classes(package: ModuleType) -> Iterator[type[Module[Any]]]:
    for entry in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        source = importlib.import_module(entry.name)
        if source.__name__ == Module.__module__:
            continue
        for _, member in inspect.getmembers(source, inspect.isclass):
            if issubclass(member, Module) and member.__module__ == source.__name__ and not inspect.isabstract(member):
                yield member
