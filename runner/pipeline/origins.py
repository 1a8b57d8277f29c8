"""What a plan was made from, so that apply can tell when it is no longer the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from runner.model.inventory import Connection, Inventory
from runner.model.playbook import Playbook
from runner.modules.base import Module


def target(connection: Connection) -> str:
    """Where a connection leads: address, port and path."""
    return f"{connection.address}:{connection.port}/{connection.path}"


def digests(playbook: Playbook, inventory: Inventory, modules: Mapping[str, Module[Any]]) -> dict[str, str]:
    """SHA-256 of what a plan is made from: the playbook's file, where the hosts are, what the modules take."""
    return {"playbook": playbook.digest, "inventory": places(inventory), "modules": schemas(modules)}


def places(inventory: Inventory) -> str:
    """Digest of where the hosts are.

    Not of the files: those may hold passwords, and a digest of few unknown characters can be guessed.
    """
    return _sha256({name: [host.groups, target(host.connection)] for name, host in inventory.hosts.items()})


def schemas(modules: Mapping[str, Module[Any]]) -> str:
    """Digest of what the modules take."""
    return _sha256({name: module.arguments.model_json_schema() for name, module in modules.items()})


def _sha256(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
