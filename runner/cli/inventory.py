"""`ce-runner inventory`: what the inventory amounts to, passwords masked."""

from __future__ import annotations

from typing import Any

import click

from runner.cli.options import connection_options, hosts_of, inventory_options, json_option


@click.command()
@inventory_options
@connection_options
@json_option
def inventory(as_json: bool, **options: Any) -> None:
    """Show the hosts, their groups, and how each would be reached."""
    from runner.cli.options import read_inventory
    from runner.cli.output import print_json
    from runner.parse.patterns import select

    hosts = hosts_of(options)
    found = select(read_inventory(hosts, None), hosts.limit or "all")
    rows = [_row(host.name, host.groups, host.connection) for host in found]
    if as_json:
        print_json({"kind": "ce-runner inventory", "hosts": rows})
        return
    for row in rows:
        click.echo(f"{row['host']}  {row['url']}  {row['authentication']}  {row['user'] or '-'}  {_groups(row)}")


def _row(name: str, groups: tuple[str, ...], connection: Any) -> dict[str, Any]:
    scheme = "https" if connection.tls else "http"
    return {
        "host": name,
        "groups": list(groups),
        "url": f"{scheme}://{connection.address}:{connection.port}/{connection.path}",
        "authentication": connection.authentication.value,
        "user": connection.user,
        "password": "given" if connection.password else "none",
        "certificate_verified": connection.tls and connection.verify,
        "configuration": connection.configuration,
        "endpoint": connection.endpoint.value,
    }


def _groups(row: dict[str, Any]) -> str:
    return f"[{', '.join(row['groups'])}]"
