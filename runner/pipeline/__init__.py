"""Joins the stages: parse -> compile -> check -> plan, and apply -> record. The one place that knows them all."""

from runner.pipeline.fleet import host_count, make_plan
from runner.pipeline.job import Job
from runner.pipeline.saved import apply_saved, changed_since

__all__ = ["Job", "apply_saved", "changed_since", "host_count", "make_plan"]
