"""The repositories of the recorded cases about galleries (gallery.md, "Repositories" and "Modules")."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import datetime
from typing import Any

import yaml

from runner.lab.files import File, Folder
from runner.lab.machine import Machine
from runner.lab.module_folders import ModuleFiles
from runner.lab.module_info import read_item
from runner.lab.network import Network, Port, Site
from runner.lab.package_providers import shipped_path
from runner.lab.repositories import Dependency, Gallery, Package, Repository, by_file_name, psgallery
from tests.lab.recordings import HERE

FOLDER = "C:\\srv\\lab\\gallery"
MIRROR = "C:\\srv\\lab\\gallery2"
_OUT = "C:\\srv\\lab\\out"
_FEED = "http://127.0.0.1:8080/api/v2"
_GALLERY = psgallery()
_LAB = Repository(name="LabGallery", location=FOLDER, trusted=True)
_BY_NAME = {
    "lab": (_GALLERY, _LAB),
    "unt": (_GALLERY, replace(_LAB, trusted=False)),
    "only": (_LAB,),
    "pg": (_GALLERY,),
    "none": (),
    "down": (
        _GALLERY,
        _LAB,
        Repository(name="DownGallery", location="http://127.0.0.1:9/api/v2", trusted=True),
        Repository(name="GoneGallery", location="C:\\srv\\lab\\gone", trusted=True),
    ),
    "two": (_LAB, Repository(name="MirrorGallery", location=MIRROR, trusted=True)),
    "feed": (_GALLERY, Repository(name="LabFeed", location=_FEED, trusted=True)),
    "feed503": (_GALLERY, Repository(name="LabFeed", location=_FEED, trusted=True)),
}
_REACHED = {"feed": Site(), "feed503": Site(status=503), "pg": Site()}  # what 127.0.0.1 is; else nothing listens


@functools.cache
def _described() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((HERE / "gallery_packages.yml").read_text(encoding="utf-8"))
    return read


def put_repositories(machine: Machine, options: dict[str, Any], modules: dict[tuple[str, str], ModuleFiles]) -> None:
    """What the recorded machine has registered and can reach; `modules` are those whose manifests are known."""
    packages = tuple(_package(name, version, modules) for name, version in _described()["order"])
    over_http = tuple(replace(one, damaged=_is_damaged_over_http(one.name)) for one in packages)
    repositories = options["repositories"]
    machine.gallery = Gallery(
        {_FEED: over_http},
        by_file_name(packages),
        checks_commands="clobber_check" in options,
        folders_as_recorded=True,
    )
    for repository in _BY_NAME[repositories]:
        machine.gallery.put(repository)
    for folder in (FOLDER, MIRROR):
        for package in packages:
            machine.put_file(f"{folder}\\{package.file_name}", File("", b"", machine.now()))
    machine.put_file(_OUT, Folder("", machine.now()))
    machine.network = Network({"127.0.0.1": _REACHED.get(repositories, Site(port=Port.REFUSED))})
    machine.elevated = "not elevated" not in options["user"]
    provider = shipped_path(machine.facts.powershell_version)
    if provider and "nuget_provider" in options:
        machine.remove_file(provider)


def note_release(machine: Machine, path: str, notes: str) -> None:
    """PowerShellGet notes the release notes of the package, which has the label of a prerelease in them."""
    file = machine.files.find(path)
    item = read_item(file.data) if isinstance(file, File) else None
    assert isinstance(file, File)
    assert item is not None
    machine.put_file(path, replace(file, data=replace(item, release_notes=notes).as_file()))


def _package(name: str, version: str, modules: dict[tuple[str, str], ModuleFiles]) -> Package:
    own = _described()["packages"].get(name, {})
    every = _described()["every"]
    module = modules.get((name, version))
    manifest = {} if module is None else dict(module.fields)
    functions = own.get("functions", manifest.get("FunctionsToExport", ()))
    return Package(
        name=name,
        version=version,
        dependencies=tuple(_dependency(needed, bounds) for needed, bounds in own.get("needs", {}).items()),
        functions=tuple(functions),
        code=None if module is None else module.root_text,
        manifest=manifest,
        format_version=own.get("format_version"),
        licensed=own.get("licensed", False),
        broken_manifest=own.get("broken_manifest", False),
        description=f"Module {name} of the lab",
        author=every["author"],
        company=every["company"],
        copyright=every["copyright"],
        project_uri=f"https://lab.example/{name}",
        license_uri=own.get("license_uri"),
        release_notes=f"Release {version} of {name}",
        tags=tuple(every["tags"]),
        published=datetime.fromisoformat(_described()["published"]),
        size=_described()["sizes"].get(name, {}).get(version, 0),
        downloads=every["downloads"],
        version_downloads=every["version_downloads"],
    )


def _dependency(name: str, bounds: str) -> Dependency:
    exact = bounds.startswith("[")
    return Dependency(name, exact=bounds.strip("[]")) if exact else Dependency(name, minimum=bounds)


def _is_damaged_over_http(name: str) -> bool:
    return bool(_described()["packages"].get(name, {}).get("damaged_over_http"))
