"""The progress records of an installation (gallery.md T2; cases install.typical, install.two, install.dependency,
feed.install, feed.install-dependency): 6 for a package from a folder, 9 over HTTP, two more for each dependency.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from runner.lab.messages import Progress

_COPIED, _CHECKED = 0.7, 0.85  # of what is left after the packages before it and, over HTTP, after the download


@dataclass(slots=True)
class ProgressBoard:
    """The activities of one command: each new one has the next number, and the one before it as its parent."""

    last_id: int = field(default=0)

    def opened(self, activity: str) -> Activity:
        self.last_id += 1
        return Activity(activity, self.last_id)


@dataclass(frozen=True, slots=True)
class Activity:
    name: str
    number: int

    def begins(self) -> Progress:
        return Progress(self.name, self.number, " ", percent=0, source_id=1)

    def at(self, status: str, percent: int) -> Progress:
        return Progress(self.name, self.number, status, parent_id=self.number - 1, percent=percent, source_id=1)

    def ends(self) -> Progress:
        return replace(self.at("Completed.", 100), completed=True)


def package_activity(board: ProgressBoard, name: str) -> Activity:
    return board.opened(f"Installing package '{name}'")


def download(activity: Activity, reached: int, size: int) -> Iterator[Progress]:
    """The records of a download; `reached` is the percentage before it. What is downloaded is told in MB."""
    status = f"Downloaded {size / 1e6:.2f} MB out of {size / 1e6:.2f} MB."
    yield activity.at(f"Downloaded 0.00 MB out of {size / 1e6:.2f} MB.", reached)
    after = after_download(reached)
    yield activity.at(status, after)
    yield activity.at(status, after)


def after_download(reached: int) -> int:
    return int(reached + _COPIED * (100 - reached))


def unpacking(activity: Activity, package: str, folder: str, reached: int) -> Iterator[Progress]:
    """The records from unzipping to the end; `reached` is the percentage before."""
    yield activity.at("Unzipping", reached)
    yield activity.at(f"Copying unzipped package to '{folder}'", int(reached + _COPIED * (100 - reached)))
    yield activity.at("Process Package Manifest", int(reached + _CHECKED * (100 - reached)))
    yield activity.at(f"Finish installing package '{package}'", 100)
    yield activity.ends()
