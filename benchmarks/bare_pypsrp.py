"""What the audit is compared with: a bare pypsrp program that opens a pool, runs one trivial pipeline and closes.

Reads the same inventory as the runner, visits its hosts with the same number of threads, prints nothing.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan


def visit(variables: dict[str, Any]) -> None:
    """One host: the least that a PSRP client can do."""
    wsman = WSMan(
        variables["ansible_host"],
        port=variables["ansible_port"],
        ssl=variables["ansible_psrp_protocol"] == "https",
        path=variables["ansible_psrp_path"],
        auth=variables["ansible_psrp_auth"],
        username=variables["ansible_user"],
        password=variables["ansible_password"],
        encryption="always",
        cert_validation=False,
    )
    with wsman, RunspacePool(wsman) as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet("Write-Output").add_parameter("InputObject", "hello")
        if shell.invoke() != ["hello"]:
            raise SystemExit("the lab did not say hello")


def main(inventory: str, threads: str) -> None:
    everything = yaml.safe_load(Path(inventory).read_text(encoding="utf-8"))["all"]
    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(visit, [everything["vars"] | own for own in everything["hosts"].values()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
