"""Ansible's connection variables for psrp."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.errors import InputError
from runner.model.inventory import Authentication, Connection, Deadlines, Inventory
from runner.model.secret import Secret
from runner.model.source import ListNode, MapNode, Origin, ScalarNode, node_of
from runner.parse import parse_extra_vars, parse_inventory
from runner.parse.connection import ConnectionReader
from runner.parse.sources import Findings
from runner.template import Templates

AT = Origin("i.yml", 1, 1)
CANARY = "kanarie-77"


def read(variables: Mapping[str, object], password: Secret | None = None) -> tuple[Connection, list[str], list[str]]:
    """The connection, the mistakes, and what was ignored."""
    found, ignored = Findings(), Findings()
    reader = ConnectionReader(Templates(), found, ignored, password, {"PW": CANARY, "PORT": "5985"})
    connection = reader.read("web01", {name: node_of(value, AT) for name, value in variables.items()})
    return connection, [problem.message for problem in found.problems], [p.message for p in ignored.problems]


def good(**variables: object) -> Connection:
    connection, mistakes, ignored = read(variables)
    assert (mistakes, ignored) == ([], [])
    return connection


def test_the_defaults_are_those_of_ansible() -> None:
    """docs.ansible.com, ansible.builtin.psrp: https, 5986, negotiate, validate, auto, 30 and 20 seconds."""
    assert good() == Connection(address="web01", port=5986)


def test_all_settings() -> None:
    assert good(
        ansible_connection="psrp",
        ansible_host="10.0.0.5",
        ansible_user="CORP\\x",
        ansible_password="secret",
        ansible_psrp_protocol="https",
        ansible_port=6000,
        ansible_psrp_path="/web01/wsman",
        ansible_psrp_auth="certificate",
        ansible_psrp_cert_validation="ignore",
        ansible_psrp_ca_cert="/ca.pem",
        ansible_psrp_connection_timeout=5,
        ansible_psrp_operation_timeout="7",
        ansible_psrp_message_encryption="never",
        ansible_psrp_proxy="http://proxy:8080",
        ansible_psrp_configuration_name="Restricted",
        ansible_psrp_certificate_pem="/c.pem",
        ansible_psrp_certificate_key_pem="/k.pem",
    ) == Connection(
        address="10.0.0.5",
        port=6000,
        user="CORP\\x",
        password=Secret("secret"),
        verify=False,
        ca_file="/ca.pem",
        path="web01/wsman",
        authentication=Authentication.CERTIFICATE,
        encrypt=False,
        certificate_pem="/c.pem",
        certificate_key_pem="/k.pem",
        configuration="Restricted",
        proxy="http://proxy:8080",
        deadlines=Deadlines(connect=5.0, operation=7.0),
    )


@pytest.mark.parametrize(
    ("protocol", "port", "tls", "number"),
    [
        (None, None, True, 5986),
        ("http", None, False, 5985),
        ("https", None, True, 5986),
        (None, 5985, False, 5985),
        (None, 5986, True, 5986),
        (None, 80, True, 80),
        ("https", 5985, True, 5985),
        ("HTTP", 80, False, 80),
    ],
)
def test_protocol_and_port_follow_from_each_other(
    protocol: str | None, port: int | None, tls: bool, number: int
) -> None:
    connection = good(ansible_psrp_protocol=protocol, ansible_port=port)
    assert (connection.tls, connection.port) == (tls, number)


def test_of_several_names_the_last_one_wins_as_in_ansible() -> None:
    connection = good(
        ansible_host="a", ansible_psrp_host="b", ansible_password="a", ansible_winrm_pass="b", ansible_user="only"
    )
    assert (connection.address, connection.password, connection.user) == ("b", Secret("b"), "only")


def test_values_may_be_templates() -> None:
    connection = good(
        ansible_host="{{ name }}.{{ domain }}",
        name="web01",
        domain="{{ 'corp' | upper }}",
        ansible_password="{{ lookup('env', 'PW') }}",
        ansible_port="{{ lookup('env', 'PORT') }}",
    )
    assert (connection.address, connection.port) == ("web01.CORP", 5985)
    assert connection.password == Secret(CANARY)


def test_a_variable_wins_over_the_asked_password() -> None:
    assert read({}, Secret("asked"))[0].password == Secret("asked")
    assert read({"ansible_password": "own"}, Secret("asked"))[0].password == Secret("own")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ansible_connection": "ssh"}, "ansible_connection 'ssh' is not supported by ce-runner"),
        ({"ansible_psrp_auth": "credssp"}, "ansible_psrp_auth 'credssp' is not supported by ce-runner"),
        ({"ansible_port": 0}, "ansible_port must be a number from 1 to 65535"),
        ({"ansible_psrp_port": True}, "ansible_psrp_port must be a number from 1 to 65535"),
        ({"ansible_psrp_connection_timeout": "soon"}, "ansible_psrp_connection_timeout must be a number of seconds"),
        ({"ansible_psrp_operation_timeout": 0}, "ansible_psrp_operation_timeout must be a number of seconds"),
        ({"ansible_user": 5}, "ansible_user must be a text"),
        ({"ansible_password": 5}, "ansible_password must be a text"),
        ({"ansible_host": "{{ gone }}"}, "the variable 'gone' is not defined"),
        (
            {"ansible_password": "{{ lookup('env', 'GONE') }}"},
            "the template fails: the environment variable GONE is not set",
        ),
        (
            {"ansible_password": "{{ lookup('file', '/x') }}"},
            "the template fails: lookup 'file' is not supported by ce-runner yet, only 'env'",
        ),
        (
            {"ansible_host": "{{ lookup('env', 'PW') }}.corp"},
            "the template fails: a secret must not become part of a text; use it alone",
        ),
        ({"ansible_host": "a b/c@d:e"}, "ansible_host is no host name and no address"),
        ({"ansible_psrp_host": "web01:5986"}, "ansible_psrp_host is no host name and no address"),
        ({"ansible_host": "-web"}, "ansible_host is no host name and no address"),
        (
            {"ansible_psrp_auth": "{{ lookup('env', 'PW') }}"},
            "ansible_psrp_auth ******** is not supported by ce-runner",
        ),
        ({"ansible_psrp_cert_validaton": "ignore"}, "there is no connection variable ansible_psrp_cert_validaton"),
        ({"ansible_ssh_pass": "x"}, "ansible_ssh_pass is not read by the connection psrp"),
        (
            {"ansible_psrp_auth": "basic", "ansible_psrp_protocol": "http"},
            "basic authentication cannot encrypt over http",
        ),
        ({"ansible_psrp_auth": "certificate"}, "authentication by certificate needs a certificate and its key"),
    ],
)
def test_mistakes(variables: Mapping[str, object], message: str) -> None:
    assert read(variables)[1] == [message]


def test_settings_without_effect_are_told() -> None:
    _, mistakes, ignored = read({"ansible_psrp_read_timeout": 30, "ansible_winrm_transport": "ntlm"})
    assert mistakes == []
    assert ignored == [
        "ansible_psrp_read_timeout has no effect in ce-runner",
        "ansible_winrm_transport has no effect in ce-runner",
    ]


def inventory(folder: Path, text: str) -> Inventory:
    (folder / "i.yml").write_text(text)
    return parse_inventory([folder / "i.yml"], environment={"PW": CANARY})


def test_a_password_is_in_the_connection_and_nowhere_else(tmp_path: Path) -> None:
    text = f"all: {{hosts: {{h: {{ansible_password: {CANARY}, ansible_winrm_pass: {CANARY}}}, g: }}}}\n"
    found = inventory(tmp_path, text)
    assert found.hosts["h"].connection.password == Secret(CANARY)
    assert found.hosts["g"].connection.password is None
    assert CANARY not in repr(found)
    assert "ansible_password" not in found.hosts["h"].variables


@pytest.mark.parametrize("address", ["10.0.0.5", "fe80::1", "fe80::1%eth0", "web_01.corp.", "サーバ", "w"])
def test_addresses(address: str) -> None:
    assert good(ansible_host=address).address == address


def test_a_host_without_an_address_must_have_a_name_that_is_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        inventory(tmp_path, "all:\n  hosts:\n    a@b:\n    c@d: {ansible_host: cd}\n")
    assert [problem.message for problem in caught.value.problems] == ["'a@b' is no host name and no address"]
    assert caught.value.problems[0].origin == Origin(f"{tmp_path}/i.yml", 3, 5)


TAINTED = f"""\
all:
  vars:
    pw: "{CANARY}"
    salt: 4711
    inner: "{{{{ pw }}}}"
    by_site: {{tokyo: "{CANARY}", osaka: [other]}}
    from_outside: "{{{{ lookup('env', 'PW') }}}}"
    site: tokyo
    ansible_user: admin
    unused: "{{{{ nowhere }}}}"
  hosts:
    plain: {{ansible_password: {CANARY}}}
    chained: {{ansible_password: "{{{{ inner }}}}"}}
    mixed: {{ansible_password: "{{{{ pw ~ salt ~ ansible_user }}}}"}}
    chosen: {{ansible_password: "{{{{ by_site[site] if site == 'tokyo' else unused }}}}"}}
    named: {{ansible_password: "{{{{ by_site[inventory_hostname] | default(from_outside) }}}}"}}
    unread: {{ansible_become_password: "{{{{ pw }}}}"}}
"""


@pytest.mark.parametrize(
    ("host", "secrets"),
    [
        ("plain", {}),
        ("chained", {"inner": Secret(CANARY), "pw": Secret(CANARY)}),
        ("mixed", {"pw": Secret(CANARY), "salt": Secret("4711")}),
        ("chosen", {"by_site": {"tokyo": Secret(CANARY), "osaka": [Secret("other")]}}),
        (
            "named",
            {"by_site": {"tokyo": Secret(CANARY), "osaka": [Secret("other")]}, "from_outside": Secret(CANARY)},
        ),
        ("unread", {"pw": Secret(CANARY)}),
    ],
)
def test_what_a_password_is_made_of_is_a_secret(tmp_path: Path, host: str, secrets: dict[str, object]) -> None:
    variables = inventory(tmp_path, TAINTED).hosts[host].variables
    nodes = (ScalarNode, ListNode, MapNode)
    hidden = {name: value for name, value in variables.items() if not isinstance(value, nodes)}
    assert hidden == secrets
    assert {"site", "ansible_user", "inventory_hostname"} <= variables.keys() - hidden.keys()


def test_what_a_password_is_made_of_is_a_secret_among_extra_variables_too(tmp_path: Path) -> None:
    (tmp_path / "i.yml").write_text("all: {hosts: {a: {ansible_password: '{{ pw }}'}, b: {own: 1}}}\n")
    extra = parse_extra_vars([f"pw={CANARY} level=1"])
    found = parse_inventory([tmp_path / "i.yml"], extra=extra)
    assert found.extra == {"pw": Secret(CANARY), "level": extra["level"]}
    assert found.hosts["a"].variables["pw"] == Secret(CANARY)


@pytest.mark.parametrize(
    "line",
    [
        f'h: {{ansible_password: "{CANARY} {{{{ foo }}}}"}}',
        f"h: {{ansible_password: \"{{{{ foo | default('{CANARY}') + 1 }}}}\"}}",
        f"h: {{ansible_password: \"{{{{ foo ~ '{CANARY}' }}}} {{{{\"}}",
        f"h:\n      ansible_password: >-\n        {CANARY} {{{{ foo }}}}",
        f"h:\n      ansible_password:\n        '{CANARY} {{{{ foo }}}}'",
        f"h:\n      ansible_password {CANARY}",
        f"h:\n      ansible_password {CANARY}\n      x: 1",
        f"h: {{ansible_password: {CANARY}, ansible_port: x}}",
        f"h: {{ansible_port: x, ansible_password: '{CANARY}'}}",
        f"h: {{ansible_ssh_pass: {CANARY}, ansible_host: '{{{{ gone }}}}'}}",
        f"h: {{ansible_password: [{CANARY}]}}",
        f"h: {{ansible_password: !{CANARY} x}}",
    ],
)
def test_no_error_shows_a_password(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError) as caught:
        inventory(tmp_path, f"all:\n  hosts:\n    {line}\n")
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"h\n[all:vars]\nansible_password {CANARY}\n",
        f"h\n[all:vars]\nlab_password   {CANARY}\n",
        f"h ansible_password {CANARY}\n",
        f"h ansible_password='{CANARY}\n",
        f"h\n[all:vars]\nansible_password=5{CANARY} {{{{ foo }}}}\n",
    ],
)
def test_no_error_in_an_ini_file_shows_a_password(tmp_path: Path, text: str) -> None:
    (tmp_path / "hosts").write_text(text)
    with pytest.raises(InputError) as caught:
        parse_inventory([tmp_path / "hosts"])
    assert CANARY not in str(caught.value)
    assert "********" in str(caught.value)


def test_a_template_is_shown_where_it_hides_nothing(tmp_path: Path) -> None:
    line = "    h: {ansible_password: \"{{ lookup('env', 'GONE') }}\"}"
    with pytest.raises(InputError) as caught:
        inventory(tmp_path, f"all:\n  hosts:\n{line}\n    g: {{ansible_password: 'x{CANARY} {{{{ gone }}}}'}}\n")
    first, second = caught.value.problems
    assert (first.message, first.line) == ("the template fails: the environment variable GONE is not set", line)
    assert (second.message, second.line) == (
        "the variable 'gone' is not defined",
        "    g: {ansible_password: ********",
    )


@pytest.mark.parametrize(
    "text", [f"ansible_password=my {CANARY}", f"a={CANARY} {CANARY}", f"ansible_password='{CANARY}"]
)
def test_no_error_in_extra_variables_shows_a_value(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_extra_vars([text])
    assert CANARY not in str(caught.value)


def test_warnings_have_places(tmp_path: Path) -> None:
    found = inventory(tmp_path, "all:\n  vars:\n    ansible_psrp_ignore_proxy: true\n  hosts: {a: , b: }\n")
    assert [(str(problem.origin), problem.line) for problem in found.warnings] == [
        (f"{tmp_path}/i.yml:3:32", "    ansible_psrp_ignore_proxy: true")
    ]


@given(
    st.dictionaries(
        st.sampled_from(["ansible_port", "ansible_host", "ansible_psrp_auth", "ansible_password", "ansible_psrp_path"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers()),
    )
)
def test_no_value_brings_the_reader_down(variables: dict[str, object]) -> None:
    connection, mistakes, _ = read(variables)
    assert 1 <= connection.port <= 65535
    assert all(mistakes)


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({"ansible_psrp_configuration_name": "Microsoft.Exchange"}, "exchange"),
        ({"ansible_psrp_configuration_name": "CE.Remediation"}, "full"),
        ({"ansible_psrp_configuration_name": "CE.Remediation", "ce_runner_endpoint": "JEA"}, "jea"),
        ({"ansible_psrp_configuration_name": "microsoft.exchange", "ce_runner_endpoint": "full"}, "full"),
    ],
)
def test_what_an_endpoint_can_do(variables: dict[str, object], endpoint: str) -> None:
    assert good(**variables).endpoint == endpoint


def test_an_unknown_kind_of_endpoint_is_a_mistake() -> None:
    _, mistakes, _ = read({"ce_runner_endpoint": "jae"})
    assert mistakes == ["ce_runner_endpoint 'jae' is not supported by ce-runner"]
