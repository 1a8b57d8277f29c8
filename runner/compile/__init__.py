"""Compile: from a play, a host and what is known so far to tasks that are ready, pending, skipped or broken. Pure."""

from runner.compile.known import FACTS, Known, Means
from runner.compile.tasks import compile_host

__all__ = ["FACTS", "Known", "Means", "compile_host"]
