"""A step that a person must do and confirm: `attestation`."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from runner.model.attestation import Attestation, Context
from runner.model.state import Held
from runner.modules.base import Arguments, LocalModule, Said

LONGEST_DAYS = 36_500  # a hundred years: later dates soon leave what a calendar has


class AttestationArguments(Arguments):
    id: str = Field(min_length=1, description="Names the step, such as S0-12; `ce-runner attest HOST ID` confirms it")
    instructions: str = Field(min_length=1, description="What the person has to do")
    evidence: str = Field(
        "",
        description="What to write down as evidence: a ticket, what the screen showed; without any it does not count",
    )
    owner: str = Field("operator", min_length=1, description="Who must do it")
    expires_days: int = Field(
        0, ge=0, le=LONGEST_DAYS, description="For how many days a confirmation holds; 0: for good"
    )


class AttestationModule(LocalModule[AttestationArguments]):
    name = "attestation"
    summary = "Hold a host until a person has confirmed a step that no program can do or see"
    notes = ("Confirmations are kept in the journal: who, when, and the evidence. `ce-runner attest` writes one.",)
    examples = """\
- name: The configuration tool verifies all accounts
  attestation:
    id: S0-12
    instructions: Open the Configuration Tool, Exchange, Connection, and press "Verify all accounts"
    evidence: What the tool answered
    expires_days: 180
"""
    arguments = AttestationArguments

    def evaluate(self, arguments: AttestationArguments, context: Context) -> Said:
        given = context.attestations.get(arguments.id)
        if given is None:
            return Said("", held=Held(_request(arguments, context), arguments.owner))
        end = _end(given, arguments)
        if end is not None and end <= context.now:
            reason = f"confirmed until {end:%Y-%m-%d} only; {_request(arguments, context)}"
            return Said("", held=Held(reason, arguments.owner))
        if arguments.evidence and not given.evidence.strip():
            reason = f"confirmed by {given.by} without the evidence that is asked for; {_request(arguments, context)}"
            return Said("", held=Held(reason, arguments.owner))
        shown = f": {given.evidence}" if given.evidence else ""
        return Said(f"{arguments.id} confirmed by {given.by} on {given.at:%Y-%m-%d}{shown}", verbosity=1)


def _end(given: Attestation, arguments: AttestationArguments) -> datetime | None:
    """When a confirmation ends: as the playbook says, or earlier if the person said so."""
    ends = [given.expires] if given.expires else []
    if arguments.expires_days:
        ends.append(given.at + timedelta(days=arguments.expires_days))
    return min(ends, default=None)


def _request(arguments: AttestationArguments, context: Context) -> str:
    confirm = f"then: ce-runner attest {context.host} {arguments.id}"
    if arguments.evidence:
        return f"{arguments.instructions} (evidence: {arguments.evidence}); {confirm} --evidence TEXT"
    return f"{arguments.instructions}; {confirm}"
