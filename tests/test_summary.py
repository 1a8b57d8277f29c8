"""The plugin `summary`: a test's numbers stand at the end of the run, each once, with and without workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
def test_one(report_number):
    report_number("b: 2 of 2")
    report_number("a: 1 of 1")

def test_two(report_number):
    report_number("a: 1 of 1")
"""


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_numbers_are_printed_once_at_the_end(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "test_numbers.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.summary", "--rootdir", str(tmp_path), *options]
    root = Path(__file__).resolve().parents[1]
    ended = subprocess.run([*command, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    _, _, numbers = ended.stdout.partition("ce-runner numbers")
    assert [line for line in numbers.splitlines() if line[:2] in ("a:", "b:")] == ["a: 1 of 1", "b: 2 of 2"]
