"""Which tasks --tags and --skip-tags leave, by Ansible's rules."""

from __future__ import annotations

from dataclasses import replace

from runner.model.errors import InputError, Problem, did_you_mean
from runner.model.playbook import Play, Playbook, Task

SPECIAL = frozenset({"all", "always", "never", "tagged", "untagged"})


def selected_plays(playbook: Playbook, tags: frozenset[str], skip: frozenset[str]) -> tuple[Play, ...]:
    """The plays with the tasks that are left; handlers stay, since tasks decide about them.

    Errors: InputError for a tag that no task has, and when no task is left: a check of nothing proves nothing.
    """
    known = SPECIAL.union(*(task.tags for play in playbook.plays for task in play.tasks))
    unknown = sorted((tags | skip) - known)
    if unknown:
        raise InputError(*(Problem(f"no task has the tag {tag!r}", None, did_you_mean(tag, known)) for tag in unknown))
    plays = tuple(
        replace(play, tasks=tuple(task for task in play.tasks if _selected(task, tags, skip)))
        for play in playbook.plays
    )
    if not any(play.tasks for play in plays):
        raise InputError(Problem(f"{playbook.file}: no task is left to look at"))
    return plays


def _selected(task: Task, tags: frozenset[str], skip: frozenset[str]) -> bool:
    own = frozenset(task.tags)
    if own & skip or (own and "tagged" in skip) or (not own and "untagged" in skip):
        return False
    if "always" in own or own & tags:
        return True
    if "never" in own:
        return False
    return not tags or "all" in tags or ("tagged" if own else "untagged") in tags
