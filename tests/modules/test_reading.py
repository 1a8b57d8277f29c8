"""The coalesced reader: one batch for each round of all modules, every question once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Desired, State, Unreadable
from runner.model.value import Int32, Int64
from runner.modules.base import Arguments, FactModule, Facts, Round, Shown, StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all, survey
from tests.modules.lab_session import LabSession


class Named(Arguments):
    name: str
    rounds: int = 1


class Toy(StateModule[Named]):
    """Asks as many rounds as the longest of its things wants."""

    name = "toy"
    summary = "a toy"
    arguments = Named

    def key(self, arguments: Named) -> str:
        return arguments.name

    def shown(self, arguments: Named) -> Shown:
        return Shown("toy", arguments.name)

    def read(self, wanted: Sequence[Named], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        names = tuple(one.name for one in wanted if one.rounds > len(rounds))
        return (((command("Get-Toy", Name=names, Round=len(rounds)),),) if names else ()) + self.extra(rounds)

    def extra(self, rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else ((command("Get-Common"),),)

    def observe(self, wanted: Sequence[Named], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        seen = sum(len(answered.replies) for answered in rounds)
        return tuple(State(True, {"name": one.name, "replies": seen}) for one in wanted)

    def desired(self, arguments: Named, before: State) -> Desired:
        return Desired(True)

    def write(self, arguments: Named, before: State) -> tuple[Statement, ...]:
        return ()

    def undo(self, arguments: Named, before: State, after: State) -> tuple[Statement, ...]:
        return ()


class OtherToy(Toy):
    name = "other"

    def extra(self, rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else ((command("Get-Common"),), (command("Get-Common", Id=Int64(1)),))


class ToyFacts(FactModule[Named]):
    name = "facts"
    summary = "toy facts"
    arguments = Named
    names = {"ansible_toy": "a toy"}  # noqa: RUF012

    def gathering(self, names: Collection[str]) -> Named:
        return Named(name="")

    def read(self, arguments: Named, rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else ((command("Get-Common", Id=Int32(1)),),)

    def observe(self, arguments: Named, rounds: Sequence[Round]) -> Facts:
        return Facts({"ansible_toy": rounds[0].replies[0].outputs[0]})


def answer(statements: tuple[Statement, ...]) -> tuple[Reply, ...]:
    return tuple(Reply(ReplyState.DONE, (statement[0].name,)) for statement in statements)


def batches(wanted: Sequence[Wanted]) -> list[tuple[Statement, ...]]:
    sent: list[tuple[Statement, ...]] = []

    def send(statements: tuple[Statement, ...]) -> tuple[Reply, ...]:
        sent.append(statements)
        return answer(statements)

    read_all(wanted, send)
    return sent


def test_all_things_of_all_modules_share_a_batch_for_each_round() -> None:
    toy, other = Toy(), OtherToy()
    wanted = [
        Wanted(toy, Named(name="a")),
        Wanted(other, Named(name="b", rounds=2)),
        Wanted(toy, Named(name="c")),
    ]
    first, second = batches(wanted)
    assert [statement[0].parameters for statement in first if statement[0].name == "Get-Toy"] == [
        (("Name", ("a", "c")), ("Round", 0)),
        (("Name", ("b",)), ("Round", 0)),
    ]
    assert second == ((command("Get-Toy", Name=("b",), Round=1),),)


def test_the_same_question_is_asked_once_and_answers_everyone() -> None:
    wanted = [Wanted(Toy(), Named(name="a")), Wanted(OtherToy(), Named(name="b")), Wanted(ToyFacts(), Named(name=""))]
    (first,) = batches(wanted)
    # Get-Common without an id is shared; 1 as Int64 and 1 as Int32 are not the same question.
    assert [statement[0].name for statement in first].count("Get-Common") == 3
    found = read_all(wanted, answer)
    assert found == (
        State(True, {"name": "a", "replies": 2}),
        State(True, {"name": "b", "replies": 3}),
        Facts({"ansible_toy": "Get-Common"}),
    )


def test_findings_come_in_the_order_of_what_was_wanted() -> None:
    toy, other = Toy(), OtherToy()
    names = ["c", "a", "b", "d"]
    modules = [toy, other, toy, other]
    found = read_all([Wanted(m, Named(name=n)) for m, n in zip(modules, names, strict=True)], answer)
    assert [one.properties["name"] for one in found if isinstance(one, State)] == names


def test_nothing_wanted_sends_nothing() -> None:
    assert batches([]) == []
    assert list(survey([])) == []


def test_forty_values_in_twelve_keys_are_one_question_of_existence_and_few_of_values() -> None:
    """Design idea 4, on a machine: everything compliant, one batch."""
    registry = {f"HKLM\\SOFTWARE\\Lab\\K{key}": {f"V{n}": n for n in range(4)} for key in range(12)}
    machine = build_machine("lab", MachineSpec.model_validate({"registry": registry}))
    module = load_modules()["win_regedit"]
    assert isinstance(module, StateModule)
    wanted = [
        Wanted(
            module,
            module.arguments.model_validate(
                {"path": f"HKLM:\\SOFTWARE\\Lab\\K{key}", "name": f"V{n}", "type": "dword", "data": n}
            ),
        )
        for key in range(12)
        for n in range(4)
    ]
    session = LabSession(machine)
    found = read_all(wanted, lambda statements: session.read(statements, 60.0))
    assert session.batches == 1
    assert [statement[0].name for statement in session.sent] == ["Test-Path", "Get-ItemProperty"]
    assert found == tuple(State(True, {"type": "dword", "data": n}) for _ in range(12) for n in range(4))
