"""From a server that was never touched to the module in its place, by the command line: over the gallery and without.

The order is that of domain.md section 11: TLS values, provider, PackageManagement and PowerShellGet, the module.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from runner.lab.files import Folder
from tests.product import ce_runner, served

MODULES = "C:\\Program Files\\WindowsPowerShell\\Modules"
FLEET = """
description: Two servers with the retired module, one of them without internet.
hosts:
  online:
    os: Server 2016
    modules: {ExchangeOnlineManagement: ["2.0.5"]}
  offline:
    os: Server 2019
    network: {internet: none}
    modules: {ExchangeOnlineManagement: ["2.0.5"]}
"""
UNZIPPED = """
description: A server onto which the retired module was unzipped, without a folder of its version.
hosts:
  unzipped:
    os: Server 2019
    nuget_provider: true
    registry: {HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319: {SchUseStrongCrypto: 1}}
    modules: {ExchangeOnlineManagement: [{version: "2.0.5", by_hand: true, version_folder: false}]}
"""
REPLACED = """
- hosts: unzipped
  gather_facts: false
  tasks:
    - win_psmodule: {name: ExchangeOnlineManagement, WANTED}
    - win_psmodule: {name: ExchangeOnlineManagement, required_version: "2.0.5", state: absent}
"""
ONLINE = """
- hosts: online
  gather_facts: false
  tasks:
    - win_regedit:
        path: HKLM:\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319
        name: SchUseStrongCrypto
        type: dword
        data: 1
    - win_package_provider: {}
    - win_psrepository: {name: PSGallery, installation_policy: trusted}
    - win_psmodule: {name: PackageManagement, required_version: "1.4.8.1", allow_clobber: true}
    - win_psmodule: {name: PowerShellGet, minimum_version: "2.2.5", allow_clobber: true}
    - win_psmodule: {name: ExchangeOnlineManagement, required_version: "3.1.0"}
    - win_psmodule: {name: ExchangeOnlineManagement, required_version: "2.0.5", state: absent}
"""
OFFLINE = """
- hosts: offline
  gather_facts: false
  tasks:
    - win_package_provider: {source: nuget}
    - win_psmodule: {name: ExchangeOnlineManagement, required_version: "3.1.0", source: exo.3.1.0.nupkg}
"""


def versions(node: object) -> set[str]:
    assert isinstance(node, Folder)
    return set(node.entries)


def test_a_server_that_was_never_touched(tmp_path: Path) -> None:
    """Each prerequisite acts in a new process only, and the plan says what is not there yet."""
    playbook = tmp_path / "site.yml"
    playbook.write_text(ONLINE, encoding="utf-8")
    with served(FLEET, tmp_path) as fleet:
        planned = ce_runner("check", playbook, "-i", fleet.inventory)
        assert planned.code == 2, planned.out + planned.err
        assert "NuGet provider 2.8.5.201 or later (win_package_provider)" in planned.out
        assert "versions [2.0.5] -> [3.1.0, 2.0.5]" in " ".join(planned.out.split())
        applied = ce_runner("apply", playbook, "--yes", "-i", fleet.inventory)
        assert applied.code == 0, applied.out + applied.err
        files = fleet.fleet.machine("online").files
        assert versions(files.find(f"{MODULES}\\ExchangeOnlineManagement")) == {"3.1.0"}
        assert "2.2.5" in versions(files.find(f"{MODULES}\\PowerShellGet"))
        assert ce_runner("check", playbook, "-i", fleet.inventory).code == 0


@pytest.mark.parametrize(
    ("wanted", "arrived"), [('required_version: "3.1"', "3.1.0"), ('minimum_version: "3.0.0"', "3.10.1")]
)
def test_a_new_version_outlives_the_copy_whose_folder_it_lies_in(tmp_path: Path, wanted: str, arrived: str) -> None:
    """The old one lies in the module's folder itself, so that nothing but its own files may go."""
    playbook = tmp_path / "site.yml"
    playbook.write_text(REPLACED.replace("WANTED", wanted), encoding="utf-8")
    with served(UNZIPPED, tmp_path) as fleet:
        applied = ce_runner("apply", playbook, "--yes", "-i", fleet.inventory)
        assert applied.code == 0, applied.out + applied.err
        files = fleet.fleet.machine("unzipped").files
        assert versions(files.find(f"{MODULES}\\ExchangeOnlineManagement")) == {arrived}
        assert ce_runner("check", playbook, "-i", fleet.inventory).code == 0


def test_a_server_without_internet(tmp_path: Path) -> None:
    playbook = tmp_path / "site.yml"
    playbook.write_text(OFFLINE, encoding="utf-8")
    (tmp_path / "nuget" / "2.8.5.208").mkdir(parents=True)
    (tmp_path / "nuget" / "2.8.5.208" / "Microsoft.PackageManagement.NuGetProvider.dll").write_bytes(b"MZ")
    with zipfile.ZipFile(tmp_path / "exo.3.1.0.nupkg", "w") as package:
        package.writestr("ExchangeOnlineManagement.psd1", "@{ \n ModuleVersion = '3.1.0'\n }\n")
        package.writestr("netFramework/Large.dll", bytes(range(256)) * 2048)
        package.writestr("ExchangeOnlineManagement.nuspec", "<package/>")
    with served(FLEET, tmp_path) as fleet:
        applied = ce_runner("apply", playbook, "--yes", "-i", fleet.inventory)
        assert applied.code == 0, applied.out + applied.err
        files = fleet.fleet.machine("offline").files
        assert versions(files.find(f"{MODULES}\\ExchangeOnlineManagement")) == {"2.0.5", "3.1.0"}
        sent = files.find(f"{MODULES}\\ExchangeOnlineManagement\\3.1.0\\netFramework\\Large.dll")
        assert getattr(sent, "data", b"") == bytes(range(256)) * 2048
        assert ce_runner("check", playbook, "-i", fleet.inventory).code == 0
