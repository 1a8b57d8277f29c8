r"""Execution policies: where each scope keeps its own, and which wins.

Windows PowerShell keeps LocalMachine and CurrentUser in the registry, below `ShellIds` (domain.md 5), PowerShell 6 and
later in `powershell.config.json` of its program folder and of the account's Documents; Process is an environment
variable of the process. Group policies are read once per process (`windows.md`, cases pol-gpo-*).
"""

from __future__ import annotations

import json

from runner.lab.cmdlet import Session
from runner.lab.enums import ExecutionPolicy, ExecutionPolicyScope, RegistryValueKind
from runner.lab.file_paths import home_folder
from runner.lab.files import File
from runner.lab.registry import RegistryValue

Policy, Scope = ExecutionPolicy, ExecutionPolicyScope

_HIVES = {Scope.MachinePolicy: "HKLM", Scope.UserPolicy: "HKCU", Scope.LocalMachine: "HKLM", Scope.CurrentUser: "HKCU"}
_SHELL_ID = "SOFTWARE\\Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell"
_WINDOWS_PLACE = "SOFTWARE\\Policies\\Microsoft\\Windows\\PowerShell"
_CORE_PLACE = "SOFTWARE\\Policies\\Microsoft\\PowerShellCore"
_VARIABLE = "PSExecutionPolicyPreference"
_SETTING = "Microsoft.PowerShell:ExecutionPolicy"


def execution_policies(session: Session) -> dict[ExecutionPolicyScope, ExecutionPolicy]:
    """The policy of every scope, the most decisive scope first."""
    policies = {scope: _group_policy(session, scope) for scope in (Scope.MachinePolicy, Scope.UserPolicy)}
    policies[Scope.Process] = _named(session.environment.get(_VARIABLE.casefold(), ("", ""))[1], Policy.Undefined)
    for scope in (Scope.CurrentUser, Scope.LocalMachine):
        policies[scope] = _stored(session, scope)
    return policies


def effective_policy(session: Session) -> ExecutionPolicy:
    """The policy that decides: the first scope that defines one, else the default.

    Windows PowerShell's default on a server is RemoteSigned (domain.md 5), PowerShell 6's was recorded as Restricted on
    Windows (pol-00-undefined).
    """
    default = Policy.RemoteSigned if session.version < (6, 0) else Policy.Restricted
    return next((p for p in execution_policies(session).values() if p is not Policy.Undefined), default)


def store_policy(session: Session, scope: ExecutionPolicyScope, policy: ExecutionPolicy) -> None:
    """Keep the policy of a scope that can be set. Raises AccessDenied if the account may not."""
    if scope is Scope.Process:
        _store_variable(session, policy)
    elif session.version < (6, 0):
        path = f"{_HIVES[scope]}\\{_SHELL_ID}"
        session.machine.registry.check_write(path)
        if policy is Policy.Undefined:
            session.machine.remove_value(path, "ExecutionPolicy")
        else:
            value = RegistryValue("ExecutionPolicy", RegistryValueKind.String, policy.name)
            session.machine.set_value(path, value)
    else:
        _store_in_file(session, _config_file(session, scope), policy)


def _store_variable(session: Session, policy: ExecutionPolicy) -> None:
    session.environment.pop(_VARIABLE.casefold(), None)
    if policy is not Policy.Undefined:
        session.environment[_VARIABLE.casefold()] = (_VARIABLE, policy.name)


def _group_policy(session: Session, scope: ExecutionPolicyScope) -> ExecutionPolicy:
    key = f"policy {scope.name}"
    if key not in session.once:
        session.once[key] = _read_group_policy(session, _HIVES[scope])
    cached = session.once[key]
    return cached if isinstance(cached, ExecutionPolicy) else Policy.Undefined


def _read_group_policy(session: Session, hive: str) -> ExecutionPolicy:
    place = _WINDOWS_PLACE
    if (
        session.version >= (6, 0)
        and _value(session, f"{hive}\\{_CORE_PLACE}", "UseWindowsPowerShellPolicySetting") != 1
    ):
        place = _CORE_PLACE
    enabled = _value(session, f"{hive}\\{place}", "EnableScripts")
    if enabled is None:
        return Policy.Undefined
    word = _value(session, f"{hive}\\{place}", "ExecutionPolicy") if enabled == 1 else None
    return _named(word, Policy.Restricted)


def _stored(session: Session, scope: ExecutionPolicyScope) -> ExecutionPolicy:
    if session.version < (6, 0):
        return _named(_value(session, f"{_HIVES[scope]}\\{_SHELL_ID}", "ExecutionPolicy"), Policy.Undefined)
    return _named(_settings(session, _config_file(session, scope)).get(_SETTING), Policy.Undefined)


def _config_file(session: Session, scope: ExecutionPolicyScope) -> str:
    folder = (
        "C:\\Program Files\\PowerShell\\7" if scope is Scope.LocalMachine else f"{home_folder(session)}\\PowerShell"
    )
    return f"{folder}\\powershell.config.json"


def _settings(session: Session, path: str) -> dict[str, object]:
    node = session.machine.files.find(path)
    if not isinstance(node, File):
        return {}
    settings: dict[str, object] = json.loads(node.data)
    return settings


def _store_in_file(session: Session, path: str, policy: ExecutionPolicy) -> None:
    settings = {name: value for name, value in _settings(session, path).items() if name != _SETTING}
    if policy is not Policy.Undefined:
        settings[_SETTING] = policy.name
    if settings or session.machine.files.find(path) is not None:
        data = json.dumps(settings, separators=(",", ":")).encode()
        session.machine.put_file(path, File("", data, session.machine.now()))


def _value(session: Session, path: str, name: str) -> object:
    key = session.machine.registry.find(path)
    value = key.value(name) if key else None
    return value.data if value else None


def _named(word: object, otherwise: ExecutionPolicy) -> ExecutionPolicy:
    folded = word.casefold() if isinstance(word, str) else ""
    return next((policy for policy in Policy if policy.name.casefold() == folded), otherwise)
