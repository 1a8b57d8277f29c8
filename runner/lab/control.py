"""The control channel of a running lab: orders as JSON over HTTP on the lab's own loopback port, kept by a token.

The token lies in the lab's directory, readable by its owner only. (A socket of the file system would need no token,
but Windows, where a controller may run, has none that Python can serve.)
"""

from __future__ import annotations

import http.client
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from runner.lab.orders import CONTROL_PATH, Hosts, Order
from runner.lab.private import write_private

_FILE = "control.json"
_PATIENCE = 10.0  # seconds


class ControlError(Exception):
    """An order that could not be carried out, in words for the user."""


def write_access(directory: Path, port: int, token: str) -> None:
    """Leave in the lab's directory what `give_order` needs."""
    access = {"url": f"http://127.0.0.1:{port}{CONTROL_PATH}", "token": token}
    write_private(directory / _FILE, json.dumps(access).encode())


def remove_access(directory: Path, token: str) -> None:
    """The lab of this token ends: nobody can give it orders any more. What another lab has left since then stays."""
    with suppress(ControlError):
        if _read_access(directory)[1] == token:
            (directory / _FILE).unlink(missing_ok=True)


def _read_access(directory: Path) -> tuple[SplitResult, str]:
    """Address and token of the lab of a directory. Raises ControlError."""
    try:
        access = json.loads((directory / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ControlError(f"no lab is running for {directory}: start one with `ce-runner lab up`") from None
    match access:
        case {"url": str(url), "token": str(token)} if url.startswith("http://127.0.0.1:"):
            return urlsplit(url), token
    raise ControlError(f"{directory / _FILE} is not what a lab writes: start the lab again with `ce-runner lab up`")


def is_taken(directory: Path) -> bool:
    """Whether a lab is running for this directory. One that is reached but says nothing in time is: it may go on."""
    try:
        give_order(directory, Hosts())
    except ControlError as error:
        return isinstance(error.__cause__, TimeoutError)
    return True


def give_order(directory: Path, order: Order) -> dict[str, Any]:
    """Have the lab of this directory carry out an order; its answer. Raises ControlError."""
    url, token = _read_access(directory)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_PATIENCE)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", url.path, order.model_dump_json(exclude_unset=False), headers)
        response = connection.getresponse()
        document: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ControlError(f"the lab of {directory} does not answer ({type(error).__name__}): has it ended?") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise ControlError(str(document.get("error")))
    return document
