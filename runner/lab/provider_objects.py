"""What Get-PackageProvider shows (pwsh76 pkgprov.list, pkgprov.name).

In Windows PowerShell only a few properties are known for sure: .NET's names of generic types are others there.
"""

from __future__ import annotations

from runner.lab.gallery_errors import unknown
from runner.lab.signature import Version
from runner.lab.values import OBJECT, ClrDict, ClrList, ClrObject, string_array

_IMPLEMENTATION = "Microsoft.PackageManagement.Internal.Implementation"
_TAG = "Microsoft.PackageManagement.Internal.Packaging"
_COLLECTIONS = "Microsoft.PackageManagement.Internal.Utility.Collections"
_PROVIDER = "Microsoft.PackageManagement.Implementation.PackageProvider"
_TYPE = (
    _PROVIDER,
    f"{_IMPLEMENTATION}.ProviderBase`1[[Microsoft.PackageManagement.Internal.Providers.IPackageProvider]]",
    f"{_IMPLEMENTATION}.ProviderBase",
    "Microsoft.PackageManagement.Packaging.SoftwareIdentity",
    f"{_TAG}.Swidtag",
    f"{_TAG}.BaseElement",
    OBJECT,
)
_TEXTS = "System.Collections.Generic.List`1[[System.String]]"
_FEATURES = (f"System.Collections.Generic.Dictionary`2[[System.String],[{_TEXTS}]]", OBJECT)
_OPTIONS = (f"System.Collections.Generic.List`1[[{_TAG}.DynamicOption]]", OBJECT)
_NOTHING = (
    *("FastPackageReference", "Source", "Status", "SearchKey", "FullPath", "PackageFilename", "Summary", "CanonicalId"),
    *("IsCorpus", "VersionScheme", "TagVersion", "TagId", "IsPatch", "IsSupplemental", "AppliesToMedia", "Payload"),
    *("Evidence", "Culture"),
)
_ORDER = (
    *("Name", "ProviderName", "Features", "Version", "ProviderPath", "SupportedFileExtensions"),
    *("SupportedUriSchemes", "DynamicOptions", "FastPackageReference", "Source", "Status", "SearchKey"),
    *("FullPath", "PackageFilename", "FromTrustedSource", "Summary", "SwidTags", "CanonicalId", "Metadata"),
    *("SwidTagText", "Dependencies", "IsCorpus", "VersionScheme", "TagVersion", "TagId", "IsPatch"),
    *("IsSupplemental", "AppliesToMedia", "Meta", "Links", "Entities", "Payload", "Evidence", "Culture"),
    "Attributes",
)
_OPTION_COUNT = {"NuGet": 10, "PowerShellGet": 23}
_UNKNOWN_BEFORE_6 = (
    *("Features", "SupportedFileExtensions", "SupportedUriSchemes", "DynamicOptions", "SwidTags", "SwidTagText"),
    *("Dependencies", "Meta", "Links", "Entities", "Metadata", "Attributes"),
)


def provider_object(powershell: Version, name: str, version: str, path: str) -> ClrObject:
    """The object of a provider; `path` is its library's, or that of PowerShellGet's own code."""
    nuget = name == "NuGet"
    extensions = ["nupkg"] if nuget else []
    schemes = ["http", "https", "file"] if nuget else []
    swid = (
        f'<?xml version="1.0" encoding="utf-16" standalone="yes"?>\n<SoftwareIdentity\n  version="{version}"\n'
        f'  name="{name}"\n  xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" />'
    )
    properties: dict[str, object] = {
        "Name": name,
        "ProviderName": name,
        "Features": _features(extensions, schemes),
        "Version": version,
        "ProviderPath": path,
        "SupportedFileExtensions": string_array(extensions),
        "SupportedUriSchemes": string_array(schemes),
        "DynamicOptions": ClrList([f"{_TAG}.DynamicOption"] * _OPTION_COUNT.get(name, 0), _OPTIONS),
        **dict.fromkeys(_NOTHING),
        "FromTrustedSource": False,
        "SwidTags": ClrList([_PROVIDER], (f"{_TYPE[3]}+<get_SwidTags>d__40", OBJECT)),
        "Metadata": "{}",
        "SwidTagText": swid,
        "Dependencies": _none_of("System.String"),
        "Meta": _none_of(f"{_TAG}.SoftwareMetadata"),
        "Links": _none_of(f"{_TAG}.Link"),
        "Entities": _none_of(f"{_TAG}.Entity"),
        "Attributes": "{version,name}",
    }
    if powershell < (6, 0):
        properties |= unknown(*_UNKNOWN_BEFORE_6)
    return ClrObject(_TYPE, {key: properties[key] for key in _ORDER}, {}, _PROVIDER)


def _features(extensions: list[str], schemes: list[str]) -> ClrDict:
    features: dict[object, object] = {"supports-powershell-modules": ClrList([None], (_TEXTS, OBJECT))}
    if extensions:
        features |= {
            "file-extensions": ClrList(list(extensions), (_TEXTS, OBJECT)),
            "uri-schemes": ClrList(list(schemes), (_TEXTS, OBJECT)),
            "magic-signatures": ClrList(["504b0304"], (_TEXTS, OBJECT)),
        }
    return ClrDict(features, _FEATURES)


def _none_of(type_name: str) -> ClrList:
    names = tuple(f"{_COLLECTIONS}.{kind}`1[[{type_name}]]" for kind in ("ReEnumerable", "MutableEnumerable"))
    return ClrList([], (*names, OBJECT))
