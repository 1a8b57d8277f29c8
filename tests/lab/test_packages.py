"""Packages of the lab: real files that the controller takes for packages."""

from __future__ import annotations

from pathlib import Path

from runner.lab.module_folders import ModuleFiles
from runner.lab.packages import write_package
from runner.parse.contents import FilesHere

MODULE = ModuleFiles("ExchangeOnlineManagement", "3.1.0")


def test_a_package_is_a_nupkg_with_the_modules_files_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    package = write_package(tmp_path, MODULE)
    assert package.name == "ExchangeOnlineManagement.3.1.0.nupkg"
    content = FilesHere(tmp_path).package(package.name)
    assert {member.path for member in content.members} == set(MODULE.contents())
    first = package.read_bytes()
    assert write_package(tmp_path, MODULE).read_bytes() == first
