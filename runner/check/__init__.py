"""Check: from ready tasks to an observation per task. Touches the host, reads only."""

from runner.check.level import LevelFindings, check_level

__all__ = ["LevelFindings", "check_level"]
