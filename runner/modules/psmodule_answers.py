"""Questions about package providers and repositories that several modules ask, and what the answers hold.

The whole list is asked for, because a name that is missing from it costs no error record of 10 KB (design section 3);
with nothing registered Get-PSRepository only warns (groundtruth/pwsh76/gallery.md, P2, P3; pkgprov.list, nonuget.list,
repo.get-selected, repo.get-none-registered).
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.model.command import Reply, command
from runner.model.value import PSObject
from runner.modules.psmodule_versions import is_version, numbers
from runner.modules.registry import fold

PROVIDERS = (
    command("Get-PackageProvider", ListAvailable=True),
    command("Select-Object", Property=("Name", "Version")),
)
REPOSITORIES = (
    command("Get-PSRepository"),
    command("Select-Object", Property=("Name", "SourceLocation", "InstallationPolicy")),
)


def named(reply: Reply, name: str) -> PSObject | None:
    """The object of that name; None if there is none."""
    return next(_all_named(reply, name), None)


def provider_version(reply: Reply, name: str) -> str | None:
    """The newest version of a provider; None if there is none of that name."""
    versions = [str(one.get("Version")) for one in _all_named(reply, name)]
    return max(filter(is_version, versions), key=numbers, default=None)


def _all_named(reply: Reply, name: str) -> Iterator[PSObject]:
    for output in reply.outputs:
        if isinstance(output, PSObject) and fold(str(output.get("Name"))) == fold(name):
            yield output
