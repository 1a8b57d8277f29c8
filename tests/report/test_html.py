"""The page of a run, read as a browser reads it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from runner.model.document import digest, dump_plan, dump_run
from runner.report.html import run_html
from tests.report.evidence_run import CONFIRMED_LATER, FORMULA, HARM, LOOPED, NAMES, OUTCOME, PLAN, document
from tests.report.fleet import HOSTS, RUN, RUN_HOSTS, plan

VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})


class Page(HTMLParser):
    """The page's elements, its text outside of style, and the cells of each table by the heading before it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.sections: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._heading = ""
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in VOID:
            return
        self._open.append(tag)
        if tag == "h2":
            self._heading = ""
        elif tag == "tr":
            self.sections[self._heading].append([])
        elif tag in ("td", "th"):
            self.sections[self._heading][-1].append("")
        elif tag == "div":  # on a line of its own
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "h2":
            self._heading = " ".join(self._heading.split())
            self.sections[self._heading] = []

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.words.append(data)
        if "h2" in self._open:
            self._heading += data
        elif "td" in self._open or "th" in self._open:
            self.sections[self._heading][-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def row(self, host: str, group: str, number: int = 0) -> list[str]:
        """A row of a host below an item id or a task."""
        ((_, rows),) = [(name, rows) for name, rows in self.sections.items() if name.startswith(f"{host}:")]
        place = rows.index([group])
        return [" ".join(cell.split()) for cell in rows[place + 1 + number]]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(run_html(document()))


def test_it_stands_alone_and_runs_nothing(page: Page) -> None:
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "form"}
    leads = [value for _, given in page.elements for name, value in given.items() if name in ("href", "src")]
    assert leads
    assert all(value and value.startswith("#host-") for value in leads)
    assert not [name for _, given in page.elements for name in given if name.startswith("on")]
    text = run_html(document())
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_what_hosts_said_is_text_without_control_characters(page: Page) -> None:
    assert r"<script>alert('\x1b[31m')</script>&\u202e" in page.text
    assert HARM not in run_html(document())
    assert "\x1b" not in run_html(document())
    assert "\u202e" not in run_html(document())


def test_the_head_says_who_and_when_and_which_plan(page: Page) -> None:
    for said in (
        "run-1", "管理者@controller", "2026-11-26 13:00:00 UTC", "2026-11-26 13:00:07 UTC", "site.yml", digest(PLAN),
        "ce-runner 0.1.0", "exit 3: a host failed, could not be read, did not become as promised",
    ):  # fmt: skip
        assert said in page.text
    assert len(page.sections["Hosts"]) == 1 + len(NAMES)


def test_a_change_with_before_planned_read_back_and_when(page: Page) -> None:
    thing = "registry HKLM\\SOFTWARE\\設定 SchUseStrongCrypto"
    when = "2026-11-26 13:00:07 UTC"
    assert page.row(NAMES[0], "S0-16", 1) == ["Strong", thing, "absent", "dword 1", "dword 1", "applied", when]
    restart = page.row(NAMES[0], "Restart")
    assert restart[2:5] == ["process_id: 4", "process_id: another", "process_id: 9"]
    assert restart[5] == "applied Cannot be taken back: a restart cannot be taken back because of: Strong"
    assert restart[6] == when


def test_an_item_has_its_assertions_and_each_item_its_rows(page: Page) -> None:
    gate = page.row(NAMES[0], "S0-16")
    assert gate[5] == "holds ansible_dotnet_release >= 394802 ansible_dotnet_release is 528049"
    for item in ("S0-17", "S0-18"):
        assert page.row(NAMES[0], item)[2:] == [
            "state: started", "", "state: started", "compliant", "2026-11-26 13:00:05 UTC",
        ]  # fmt: skip


def test_what_is_held_names_its_owner_and_reason(page: Page) -> None:
    assert page.row(NAMES[0], "S0-08")[5].startswith("held Held: Group Policy must act first Basic is off <script>")
    attested = page.row(NAMES[0], "S0-12")
    assert attested[5].startswith(f"attested confirmed by {FORMULA}, entered by kiyohime@tok-admin-01 <script>")
    assert attested[5].endswith("holds until 2027-01-01T00:00:00+00:00")
    assert attested[6] == "2026-11-01 09:00:00 UTC"
    assert page.row(FORMULA, "S0-12")[5:] == ["attested S0-12 confirmed by 佐藤", ""]
    late = page.row(NAMES[0], "task 6")[5]
    assert late == "held Held: the owner must act first only if: probe is failed the owner must act first"


def test_what_was_confirmed_later_stands_beside_what_is_held() -> None:
    page = Page(run_html(document(), CONFIRMED_LATER))
    held = page.row(NAMES[0], "S0-13")
    assert held[5:] == [
        "held Held: both must act first look confirmed by 佐藤, entered by kiyohime@tok-admin-01, on 2026-11-26 "
        "15:30:00 UTC, after the run had started ticket 4712 holds until 2027-11-26T15:30:00+00:00",
        "",
    ]
    assert page.row(NAMES[0], "S0-12") == Page(run_html(document())).row(NAMES[0], "S0-12")
    assert page.text.count("after the run had started") == 1


def test_a_confirmation_without_the_evidence_that_was_asked_for_does_not_count() -> None:
    asked = replace(LOOPED, arguments={"id": "S0-13", "evidence": "a ticket"})
    run = replace(OUTCOME, hosts=(replace(OUTCOME.hosts[0], actions=()),), attestations=())
    made = dump_run(run, plan(replace(PLAN.plays[0].hosts[0], steps=(asked,))))
    for evidence, counts in (("ticket 4712", True), (" ", False)):
        page = Page(run_html(made, [{**CONFIRMED_LATER[1], "evidence": evidence}]))
        assert ("does not count" in page.row(NAMES[0], "S0-13")[5]) is not counts


def test_what_to_do_next_stands_below_what_it_speaks_of(page: Page) -> None:
    """The advice says "as said above"."""
    assert page.text.count("Next: look there") == 1
    assert page.text.index("not converged ") < page.text.index("Next: look there")
    assert "Next" not in " ".join(cell for row in page.sections["Hosts"] for cell in row)


def test_a_deferred_step_shows_its_condition_and_what_became_of_it(page: Page) -> None:
    row = page.row(NAMES[0], "task 5")
    assert row[4:] == [
        "status: 200", "nothing to do only if: key is changed decided after: Strong", "2026-11-26 13:00:07 UTC",
    ]  # fmt: skip


def test_a_deferred_change_shows_what_was_before_it(page: Page) -> None:
    row = page.row(NAMES[0], "task 14")
    assert row[2:5] == ["dword 3", "dword 4", "dword 4"]
    assert row[5] == "applied Cannot be taken back: the old one is lost decided after: Strong"


def test_an_audit_has_a_page_of_its_own() -> None:
    audit = Page(run_html(dump_plan(PLAN)))
    assert "Audit of site.yml" in audit.text
    assert "2026-11-26 13:00:00 UTC; nothing was changed" in audit.text
    assert "exit 6: on a host somebody else must act first" in audit.text
    assert "Evidence of run" not in audit.text
    thing = "registry HKLM\\SOFTWARE\\設定 SchUseStrongCrypto"
    assert audit.row(NAMES[0], "S0-16", 1) == ["Strong", thing, "absent", "dword 1", "to change", ""]
    held = audit.row(NAMES[0], "S0-08")
    assert held[4].startswith("held Held: Group Policy must act first Basic is off <script>")
    assert audit.row(NAMES[0], "S0-17")[2:] == ["state: started", "", "compliant", "2026-11-26 13:00:00 UTC"]
    assert audit.row(NAMES[0], "S0-12")[4] == "attested S0-12 confirmed by 佐藤"
    assert audit.row(NAMES[0], "task 5")[4].startswith("decided later only if: key is changed")
    assert audit.row(NAMES[0], "Restart")[2:4] == ["process_id: 4", "process_id: another"]


def test_an_audit_of_a_host_that_could_not_be_read_says_so() -> None:
    lost = replace(HOSTS[3], error="the host does not answer", exit_code=4)
    text = Page(run_html(dump_plan(plan(lost)))).text
    assert "unreachable the host does not answer" in text
    assert "Nothing was planned here" in text


def test_what_did_not_work_is_never_verified(page: Page) -> None:
    lost = page.row(FORMULA, "S0-16", 1)
    assert lost[2:5] == ["absent", "dword 1", "dword 0"]
    assert lost[5].startswith("not converged ")
    assert lost[6] == ""
    host = r"<script>alert('\x1b[31m')</script>&\u202e"
    refused = page.row(host, "S0-16", 1)
    assert refused[2:5] == ["absent", "dword 1", "dword 5"]
    assert refused[5].startswith("refused no longer as the plan found it")
    assert page.row(host, "fact ansible_domain")[2:5] == ["corp.example", "", f"could not be read: {host}"]
    unread = page.row("unreachable", "S0-17")
    assert unread[4:] == ["", "compliant as the plan found it; no later reading is recorded", ""]


def test_what_was_not_asked_for_is_left_out(page: Page) -> None:
    assert not [word for word in ("task 8", "task 9", "task 10", "task 11") if word in page.text]


def test_a_run_that_did_not_end_says_so() -> None:
    page = run_html(dump_run(replace(OUTCOME, ended=""), PLAN))
    assert "it has not ended: it is still under way, or its process was killed" in Page(page).text
    assert "<dt>Ended</dt><dd>not recorded</dd>" in page


def test_every_kind_of_result_can_be_shown() -> None:
    """The run of the screens, which knows no times and no operator."""
    text = Page(run_html(dump_run(RUN, plan(*RUN_HOSTS)))).text
    assert text.count("not recorded") == 3
    for said in ("settled", "not triggered", "unknown", "could not be read: access is denied", "exit 130"):
        assert said in text
