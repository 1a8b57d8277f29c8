"""The short names of .NET types that PowerShell knows (`TypeAccelerators` in `groundtruth/psca`)."""

from __future__ import annotations

_ACCELERATORS = {
    "array": "System.Array",
    "bigint": "System.Numerics.BigInteger",
    "bool": "System.Boolean",
    "byte": "System.Byte",
    "char": "System.Char",
    "cultureinfo": "System.Globalization.CultureInfo",
    "datetime": "System.DateTime",
    "decimal": "System.Decimal",
    "double": "System.Double",
    "float": "System.Single",
    "guid": "System.Guid",
    "hashtable": "System.Collections.Hashtable",
    "int": "System.Int32",
    "int32": "System.Int32",
    "int64": "System.Int64",
    "ipaddress": "System.Net.IPAddress",
    "long": "System.Int64",
    "object": "System.Object",
    "pscredential": "System.Management.Automation.PSCredential",
    "psobject": "System.Management.Automation.PSObject",
    "regex": "System.Text.RegularExpressions.Regex",
    "scriptblock": "System.Management.Automation.ScriptBlock",
    "securestring": "System.Security.SecureString",
    "single": "System.Single",
    "string": "System.String",
    "switch": "System.Management.Automation.SwitchParameter",
    "timespan": "System.TimeSpan",
    "type": "System.Type",
    "uint32": "System.UInt32",
    "uint64": "System.UInt64",
    "uri": "System.Uri",
    "version": "System.Version",
    "xml": "System.Xml.XmlDocument",
}


def full_type_name(written: str) -> str | None:
    """The full name of a type as a script writes it, with [] for an array; None for one that the lab does not know."""
    element = written.removesuffix("[]")
    dotted = element if element.casefold().startswith("system.") else None
    full_name = _ACCELERATORS.get(element.casefold(), dotted)
    return None if full_name is None else full_name + written[len(element) :]
