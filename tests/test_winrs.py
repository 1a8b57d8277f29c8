"""The whole product over WinRS: chosen by the inventory, and as the announced fallback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml

from tests.product import STRONG_CRYPTO, Served, served

SCENARIO = """\
description: one host with a PSRP endpoint, one without
hosts:
  plain: &host
    groups: [cloud_extender]
    inventory: {ce_service_name: LabCloudExtender}
    services: {LabCloudExtender: {display_name: Cloud Extender, status: running, start_mode: automatic}}
  without: {<<: *host, configurations: {Other: {}}, configuration: Other}
exit_codes: {check: 2}
"""
WINRM = {
    "ansible_psrp_protocol": "ansible_winrm_scheme",
    "ansible_psrp_path": "ansible_winrm_path",
    "ansible_psrp_auth": "ansible_winrm_transport",
    "ansible_psrp_ca_cert": "ansible_winrm_ca_trust_path",
}


def with_variables(lab: Served, folder: Path, *, winrm: bool, **more: str) -> Served:
    """The same fleet behind an inventory with these variables for all hosts."""
    inventory = yaml.safe_load(lab.inventory.read_text(encoding="utf-8"))
    for host in inventory["all"]["hosts"].values():
        host.pop("ansible_psrp_configuration_name", None)
        for name in [name for name in host if winrm and name in WINRM]:
            host[WINRM[name]] = host.pop(name)
    shared = inventory["all"].setdefault("vars", {})
    for name in [name for name in shared if winrm and name in WINRM]:
        shared[WINRM[name]] = shared.pop(name)
    shared.update(more)
    path = folder / f"{'winrm' if winrm else 'fallback'}.yml"
    path.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    return replace(lab, inventory=path)


def test_a_plan_is_made_and_applied_over_winrs(tmp_path: Path) -> None:
    with served(SCENARIO, tmp_path) as lab:
        over = with_variables(lab, tmp_path, winrm=True, ansible_connection="winrm")
        planned = over.check(STRONG_CRYPTO)
        assert planned.code == 2, planned
        assert planned.err == ""
        applied = over.apply(STRONG_CRYPTO)
        assert applied.code == 0, applied
        assert over.check(STRONG_CRYPTO).code == 0
        assert {lab.fleet.traffic(name).open_shells for name in ("plain", "without")} == {0}


DEMANDING = """
- hosts: plain
  gather_facts: false
  tasks:
    - name: A file
      win_copy: {content: abc, dest: 'C:\\a.txt'}
    - name: A program
      win_command: {argv: [cmd.exe, /c, exit 3], success_exit_codes: [3]}
    - name: A repository
      win_psrepository: {name: PSGallery}
    - name: Another file
      win_copy: {content: abc, dest: 'C:\\b.txt'}
"""


def test_what_requires_a_powershell_is_done_over_winrs(tmp_path: Path) -> None:
    playbook = tmp_path / "demanding.yml"
    playbook.write_text(DEMANDING, encoding="utf-8")
    with served(SCENARIO, tmp_path) as lab:
        over = with_variables(lab, tmp_path, winrm=True, ansible_connection="winrm")
        found = over.check(playbook).hosts["plain"]
        assert [step["verdict"] for step in found["steps"]] == ["change", "change", "compliant", "change"]
        applied = over.apply(playbook).hosts["plain"]
        assert [action["result"] for action in applied["actions"]] == ["applied"] * 3
        assert lab.fleet.machine("plain").files.find("C:\\a.txt") is not None


def test_the_fallback_is_announced_and_works(tmp_path: Path) -> None:
    with served(SCENARIO, tmp_path) as lab:
        refused = with_variables(lab, tmp_path, winrm=False).check(STRONG_CRYPTO)
        assert refused.code == 4
        over = with_variables(lab, tmp_path, winrm=False, ce_runner_fallback="winrs")
        planned = over.check(STRONG_CRYPTO)
        assert planned.code == 2, planned
        (warning,) = planned.err.splitlines()
        assert warning.startswith("warning: 127.0.0.1:")
        assert "/without/wsman has no PSRP endpoint" in warning
        assert over.apply(STRONG_CRYPTO).code == 0
