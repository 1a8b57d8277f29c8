"""`doctor`: examines one host step by step, and captures what it answers, for comparison with the lab."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from runner.model.codec import dump
from runner.pipeline.doctor.capture import captured
from runner.pipeline.doctor.examine import Examined, examined
from runner.pipeline.doctor.findings import Check, Examination, Finding, Verdict

__all__ = ["Check", "Examination", "Examined", "Finding", "Verdict", "captured", "document_of", "examined"]


def document_of(examination: Examination, hide: Callable[[str], str]) -> dict[str, Any]:
    """The document of an examination; `hide` masks secrets, which a host may repeat in an error."""
    findings = [
        dump(replace(finding, seen=hide(finding.seen), fix=hide(finding.fix)), Finding)
        for finding in examination.findings
    ]
    return {
        "kind": "ce-runner examination",
        "host": examination.host,
        "exit_code": int(examination.exit_code),
        "findings": findings,
    }
