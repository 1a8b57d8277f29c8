"""The PSModuleInfo objects of Get-Module, Import-Module and Test-ModuleManifest.

Properties, their order and types: pwsh76 getmodule.list-three, import.latest, manifest.ok (PowerShell 7.6). Windows
PowerShell has further ones, of which only chosen properties are known.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from psrpcore.types import PSGuid, PSUri, PSVersion

from runner.lab.enums import ModuleType
from runner.lab.module_copy import LoadedModule, ModuleCopy
from runner.lab.module_manifest import Manifest, ManifestValue, as_texts
from runner.lab.module_versions import VERSION_FOLDER
from runner.lab.signature import Version
from runner.lab.values import OBJECT, OBJECT_ARRAY, ClrDict, ClrList, ClrObject, TypeNames, Unsimulated
from runner.lab.wildcard import has_wildcards

_AUTOMATION = "System.Management.Automation"
MODULE_INFO: TypeNames = (f"{_AUTOMATION}.PSModuleInfo", OBJECT)
_GROUPED: TypeNames = ("ModuleInfoGrouping", *MODULE_INFO)
_CORE = "System.Private.CoreLib, Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e"
_OWN = f"{_AUTOMATION}, Version=7.6.0.500, Culture=neutral, PublicKeyToken=31bf3856ad364e35"
_READ_ONLY = "System.Collections.ObjectModel.ReadOnlyCollection"
_COLLECTION = "System.Collections.ObjectModel.Collection"
_LIST = "System.Collections.Generic.List"
_TEXT = "System.String"
# Parts of a manifest of which the lab does not know what becomes of them.
_UNKNOWN_FIELDS = {
    "NestedModules": "NestedModules",
    "RequiredAssemblies": "RequiredAssemblies",
    "ScriptsToProcess": "Scripts",
    "FileList": "FileList",
    "ModuleList": "ModuleList",
    "CompatiblePSEditions": "CompatiblePSEditions",
    "CLRVersion": "ClrVersion",
    "DotNetFrameworkVersion": "DotNetFrameworkVersion",
    "PowerShellHostName": "PowerShellHostName",
    "PowerShellHostVersion": "PowerShellHostVersion",
    "ProcessorArchitecture": "ProcessorArchitecture",
    "DscResourcesToExport": "ExportedDscResources",
    "FormatsToProcess": "ExportedFormatFiles",
    "TypesToProcess": "ExportedTypeFiles",
    "HelpInfoURI": "HelpInfoUri",
    "DefaultCommandPrefix": "Prefix",
}


def available_module(copy: ModuleCopy, version: Version) -> ClrObject:
    """A module as Get-Module -ListAvailable shows it. Its type is Script where the root module is one."""
    kind: object = ModuleType.Script if copy.manifest.root.casefold().endswith(".psm1") else Unsimulated("ModuleType")
    properties = _properties(copy, version, "" if copy.manifest.root else None)
    return _module(copy, {**properties, "ModuleType": kind}, _GROUPED)


def checked_module(copy: ModuleCopy, version: Version) -> ClrObject:
    """A module as Test-ModuleManifest shows it."""
    return _module(copy, {**_properties(copy, version, ""), "ModuleType": ModuleType.Manifest}, MODULE_INFO)


def loaded_module(module: LoadedModule, version: Version) -> ClrObject:
    """A module that a process has loaded: its tags are there twice, and its path is the root module's."""
    copy = module.copy
    properties = _properties(copy, version, module.code)
    tags = as_texts(copy.manifest.gallery_data("Tags")) or ()
    properties |= {
        "Path": copy.root_path or copy.path,
        "Tags": _items(_LIST, _TEXT, (*tags, *tags)),
        "ModuleType": ModuleType.Script,
        "SessionState": f"{_AUTOMATION}.SessionState",
    }
    if module.required:
        infos = [loaded_module(required, version) for required in module.required]
        properties["RequiredModules"] = ClrList(list(infos), _generic(_READ_ONLY, f"{_AUTOMATION}.PSModuleInfo"))
    if module.functions is not None:
        names = sorted((function.name for function in module.functions.values()), key=str.casefold)
        properties["ExportedFunctions"] = _commands("FunctionInfo", names)
        properties["ExportedCommands"] = _commands("CommandInfo", names)
    return _module(copy, properties, MODULE_INFO, module)


def _module(
    copy: ModuleCopy, properties: dict[str, object], names: TypeNames, loaded: LoadedModule | None = None
) -> ClrObject:
    return ClrObject(names, properties, {}, copy.name, source=loaded or copy)


def _properties(copy: ModuleCopy, version: Version, code: str | None) -> dict[str, object]:
    """What the manifest and the place of a module say, in the recorded order."""
    manifest = copy.manifest
    location = copy.item.location if copy.item else ""
    known: dict[str, object] = {
        "LogPipelineExecutionDetails": False,
        "Name": copy.name,
        "Path": copy.path,
        "ImplementingAssembly": None,
        "Definition": Unsimulated("Definition") if code is None else code,
        "Description": manifest.text("Description"),
        "Guid": _guid(manifest),
        "HelpInfoUri": None,
        "ModuleBase": copy.folder,
        "PrivateData": _clr(manifest.get("PrivateData")),
        "ExperimentalFeatures": _items(_READ_ONLY, f"{_AUTOMATION}.ExperimentalFeature", ()),
        "Tags": _items(_LIST, _TEXT, as_texts(manifest.gallery_data("Tags")) or ()),
        "ProjectUri": _uri(manifest.gallery_data("ProjectUri")),
        "IconUri": _uri(manifest.gallery_data("IconUri")),
        "LicenseUri": _uri(manifest.gallery_data("LicenseUri")),
        "ReleaseNotes": _text(manifest.gallery_data("ReleaseNotes")),
        "RepositorySourceLocation": _uri(location),
        "Version": PSVersion(copy.version),
        "ModuleType": None,
        "Author": manifest.text("Author"),
        "AccessMode": "ReadWrite",
        "ClrVersion": None,
        "CompanyName": manifest.text("CompanyName"),
        "Copyright": manifest.text("Copyright"),
        "DotNetFrameworkVersion": None,
        **_exports(manifest),
        "FileList": _items(_LIST, _TEXT, ()),
        "CompatiblePSEditions": _items(_LIST, _TEXT, ()),
        "ModuleList": _items(_COLLECTION, OBJECT, ()),
        "NestedModules": _items(_READ_ONLY, f"{_AUTOMATION}.PSModuleInfo", ()),
        "PowerShellHostName": None,
        "PowerShellHostVersion": None,
        "PowerShellVersion": _version(manifest.text("PowerShellVersion")),
        "ProcessorArchitecture": "None",
        "Scripts": _items(_LIST, _TEXT, ()),
        "RequiredAssemblies": _items(_COLLECTION, _TEXT, ()),
        "RequiredModules": _required(manifest),
        "RootModule": manifest.root,
        "ExportedVariables": _none_exported(manifest, "VariablesToExport", "ExportedVariables", "PSVariable"),
        "ExportedAliases": _none_exported(manifest, "AliasesToExport", "ExportedAliases", "AliasInfo"),
        "ExportedDscResources": _items(_READ_ONLY, _TEXT, ()),
        "SessionState": None,
        "OnRemove": None,
        "ExportedFormatFiles": _items(_READ_ONLY, _TEXT, ()),
        "ExportedTypeFiles": _items(_READ_ONLY, _TEXT, ()),
    }
    return _without_unknown(known, manifest, version)


def _without_unknown(known: dict[str, object], manifest: Manifest, version: Version) -> dict[str, object]:
    for field, name in _UNKNOWN_FIELDS.items():
        if manifest.get(field) not in (None, "", ()):
            known[name] = Unsimulated(name)
    for name in ("Description", "Author", "CompanyName", "Copyright"):
        if manifest.get(name) is None:
            known[name] = Unsimulated(name)
    if version < (6, 0):
        known["ExportedWorkflows"] = Unsimulated("ExportedWorkflows")
        known.pop("ExperimentalFeatures")
        known.pop("ImplementingAssembly")
    return known


def _exports(manifest: Manifest) -> dict[str, object]:
    """The commands that a manifest promises; unknown where it leaves that to the code."""
    functions, cmdlets = manifest.texts("FunctionsToExport"), manifest.texts("CmdletsToExport")
    shown: dict[str, object] = {
        "ExportedFunctions": _promised("ExportedFunctions", "FunctionInfo", functions),
        "Prefix": "",
        "ExportedCmdlets": _promised("ExportedCmdlets", "CmdletInfo", cmdlets),
    }
    known = [value for value in shown.values() if isinstance(value, Unsimulated)]
    names = (*(functions or ()), *(cmdlets or ()))
    shown["ExportedCommands"] = Unsimulated("ExportedCommands") if known else _commands("CommandInfo", names)
    return shown


def _promised(name: str, kind: str, names: tuple[str, ...] | None) -> object:
    if names is None or any(has_wildcards(one) for one in names):
        return Unsimulated(name)
    return _commands(kind, names)


def _none_exported(manifest: Manifest, field: str, name: str, kind: str) -> object:
    return _commands(kind, ()) if manifest.texts(field) == () else Unsimulated(name)


def _required(manifest: Manifest) -> object:
    if manifest.requirements():
        return Unsimulated("RequiredModules")
    return _items(_READ_ONLY, f"{_AUTOMATION}.PSModuleInfo", ())


def _commands(kind: str, names: Iterable[str]) -> ClrDict:
    types = (_qualified(_TEXT), _qualified(f"{_AUTOMATION}.{kind}"))
    generic = f"System.Collections.Generic.Dictionary`2[[{types[0]}],[{types[1]}]]"
    return ClrDict({name: _command(kind, name) for name in names}, (generic, OBJECT))


def _command(kind: str, name: str) -> ClrObject:
    """A command of a module, which is its name inside the module's object; else the lab does not know it."""
    return ClrObject((f"{_AUTOMATION}.{kind}", OBJECT), {"Definition": Unsimulated("Definition")}, {}, name)


def _items(collection: str, element: str, items: tuple[str, ...]) -> ClrList:
    return ClrList(list(items), _generic(collection, element))


def _generic(collection: str, element: str) -> TypeNames:
    return (f"{collection}`1[[{_qualified(element)}]]", OBJECT)


def _qualified(name: str) -> str:
    return f"{name}, {_OWN if name.startswith(_AUTOMATION) else _CORE}"


def _clr(value: ManifestValue) -> object:
    """A value of a manifest as the lab's cmdlets pass it on."""
    if isinstance(value, Mapping):
        return ClrDict({key: _clr(item) for key, item in value.items()})
    if isinstance(value, tuple):
        return ClrList([_clr(item) for item in value], OBJECT_ARRAY)
    return value


def _guid(manifest: Manifest) -> object:
    try:
        return PSGuid(str(uuid.UUID(manifest.text("GUID"))))
    except ValueError:
        return PSGuid(str(uuid.UUID(int=0)))


def _text(value: ManifestValue) -> object:
    return None if value is None else str(value)


def _uri(value: ManifestValue) -> object:
    return PSUri(str(value)) if value else None


def _version(text: str) -> object:
    if not text:
        return None
    return PSVersion(text) if VERSION_FOLDER.fullmatch(text) else Unsimulated("PowerShellVersion")
