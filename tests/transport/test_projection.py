"""Select-Object on our side gives what the cmdlet gives: finding O1 of `groundtruth/pwsh76`."""

from __future__ import annotations

from typing import Any

import pytest

from runner.lab.endpoint_spec import EndpointSpec
from runner.lab.endpoints import FULL, Endpoint
from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Command, Reply, ReplyState, Statement, command
from runner.model.value import EnumValue, PSObject, Value
from runner.transport.projection import projected, stripped
from tests.modules.lab_session import LabSession

RESTRICTED = EndpointSpec.model_validate(
    {"session_type": "restricted_remote_server", "visible_cmdlets": {"Get-Service": {}}}
).endpoint()
SPEC = MachineSpec.model_validate({"services": {"LabSvc": {"status": "running", "start_mode": "manual"}}})
SERVICE = command("Get-Service", Name="LabSvc")


def select(*columns: str) -> Command:
    return command("Select-Object", Property=columns)


def read(statement: Statement, endpoint: Endpoint) -> Reply:
    (reply,) = LabSession(build_machine("lab01", SPEC), endpoint).read([statement], 10)
    return reply


@pytest.mark.parametrize(
    "columns",
    [
        ("Name", "Status"),
        ("name", "STATUS", "NoSuch"),
        ("Can*",),
        ("NoSuch*",),
        ("[ns]*e", "Sta?us"),
    ],
)
def test_a_restricted_session_gives_what_an_ordinary_one_gives(columns: tuple[str, ...]) -> None:
    ordinary, restricted = (read((SERVICE, select(*columns)), endpoint) for endpoint in (FULL, RESTRICTED))
    assert restricted.state is ReplyState.DONE
    assert [_shape(one) for one in restricted.outputs] == [_shape(one) for one in ordinary.outputs]


def _shape(value: Value) -> Any:
    """Without the order, and with enumerations as texts: that is how they travel inside a whole object (X2)."""
    assert isinstance(value, PSObject)
    texts = {name: one.text if isinstance(one, EnumValue) else one for name, one in value.properties.items()}
    return value.type_names, texts


def test_only_projections_at_the_end_are_taken_away() -> None:
    first = command("Select-Object", First=1)
    kept, columns = stripped((SERVICE, first, select("A", "B"), select("B")))
    assert kept == (SERVICE, first)
    assert columns == (("A", "B"), ("B",))


def test_a_projection_alone_stays_and_null_gives_nothing() -> None:
    assert stripped((select("A"),)) == ((select("A"),), ())
    assert projected(Reply(ReplyState.DONE, (None,)), (("A",),)).outputs == ()
