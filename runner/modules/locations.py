"""Addresses in arguments: a feed, a proxy, a site. None may hold an account, since plans and screens show them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from runner.model.secret import has_account


def without_account(location: str) -> str:
    """The location itself. Errors: PydanticCustomError, which does not repeat it, for one with user or password."""
    if has_account(location):
        message = "an address without user and password in it is wanted: what a plan holds, it shows"
        raise PydanticCustomError("location_account", message)
    return location


Location = Annotated[str, AfterValidator(without_account)]
