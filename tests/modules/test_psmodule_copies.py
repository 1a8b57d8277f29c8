"""Copies of modules without a folder of their version, and what several tasks about one module make of its versions."""

from __future__ import annotations

import pytest

from runner.model.command import Reply, ReplyState, command
from runner.model.state import Desired, State, Unreadable
from tests.modules.test_psmodule import EXO, arguments, copy, done, failed, holding, module, observed


def test_of_a_copy_without_a_version_folder_only_its_own_files_go() -> None:
    """Folders of versions may lie beside it by then, which Windows would not list with it (M2)."""
    wanted = arguments(required_version="2.0.5", state="absent")
    beside = holding(EXO, "3.1.0\\", "netFramework\\", "9", "ExchangeOnlineManagement.psd1", "PSGetModuleInfo.xml")
    before = observed(wanted, done(copy("2.0.5", EXO)), done(True, True), beside)
    assert isinstance(before, State)
    code = tuple(f"{EXO}\\{name}" for name in ("netFramework", "9", "PSGetModuleInfo.xml"))
    assert [one[0] for one in module().write(wanted, before)] == [
        command("Remove-Item", LiteralPath=code, Recurse=True, Force=True),
        command("Remove-Item", LiteralPath=f"{EXO}\\ExchangeOnlineManagement.psd1", Recurse=True, Force=True),
    ]


@pytest.mark.parametrize("unread", [done(), failed("Boom,X"), Reply(ReplyState.UNSEEN)])
def test_a_hidden_copy_whose_manifest_cannot_be_read_is_not_taken_for_another_version(unread: Reply) -> None:
    wanted = arguments(required_version="2.0.5", state="absent")
    listed = done(copy("3.1.0", f"{EXO}\\3.1.0"))
    beside = holding(EXO, "3.1.0\\", "exchangeonlinemanagement.PSD1")
    assert isinstance(observed(wanted, listed, beside, unread), Unreadable)


def test_no_folder_that_holds_versions_is_ever_removed() -> None:
    """Whatever earlier tasks bring: the newest, an exact version, nothing."""
    gone = arguments(required_version="2.0.5", state="absent")
    before = observed(gone, done(copy("2.0.5", EXO)), done(False, True), holding(EXO, "ExchangeOnlineManagement.psd1"))
    assert isinstance(before, State)
    newest, exact = arguments(minimum_version="3.0.0"), arguments(required_version="3.1.0")
    missing = {"installed": False, "lacks": ()}
    listed = State(True, {**missing, "versions": ("2.0.5",), "without_version_folder": ("2.0.5",)})
    came = module().promise(exact, listed, module().desired(exact, listed))
    assert came.properties["versions"] == ("3.1.0",)
    unknown = module().promise(newest, State(True, missing), module().desired(newest, State(True, missing)))
    for earlier in ([], [(exact, came)], [(newest, unknown)]):
        over = module().over(gone, before, earlier)
        paths = [value for statement in module().write(gone, over) for name, value in statement[0].parameters[:1]]
        assert paths == [f"{EXO}\\ExchangeOnlineManagement.psd1"]


def test_what_is_still_to_go_after_earlier_removals() -> None:
    everything, old = arguments(state="absent"), arguments(required_version="2.0.5", state="absent")
    folders = tuple(f"{EXO}\\{version}" for version in ("3.1.0", "2.0.5"))
    known = {"installed": True, "versions": ("3.1.0", "2.0.5"), "folders": folders, "removed_as_folder": folders[1:]}
    after = module().promise(old, State(True, known), module().desired(old, State(True, known)))
    over = module().over(everything, State(True, known), [(old, after)])
    assert over.properties["folders"] == folders[:1]
    assert over.properties["removed_as_folder"] == ()
    assert module().desired(everything, over) == Desired(False)


def test_after_an_unknown_version_nobody_says_which_ones_there_are() -> None:
    newest, missing = arguments(minimum_version="3.0.0"), State(True, {"installed": False, "lacks": ()})
    came = module().promise(newest, missing, module().desired(newest, missing))
    for wanted, known, expected in (
        (arguments(required_version="2.0.5", state="absent"), {"installed": True}, {"installed": False}),
        (arguments(required_version="3.1.0"), {"installed": False, "lacks": ()}, {"installed": True, "lacks": ()}),
    ):
        over = module().over(wanted, State(True, {**known, "versions": ("2.0.5",)}), [(newest, came)])
        desired = module().desired(wanted, over)
        assert desired == Desired(True, expected)
        assert module().promise(wanted, over, desired).properties == expected
