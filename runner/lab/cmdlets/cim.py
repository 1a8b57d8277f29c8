"""Get-CimInstance and Invoke-CimMethod for the classes that the facts and the service module read.

Not grounded: `groundtruth/README.md` 5 lists CIM among what no capture covers. Class, property and method names and the
return values are Microsoft's documented ones for Win32_OperatingSystem, Win32_ComputerSystem, Win32_TimeZone and
Win32_Service. A class or property that the lab does not have is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from runner.lab.cim_classes import CIM_CLASSES, CimHandle, cim_object, properties_of_class
from runner.lab.cim_methods import call_service_method
from runner.lab.cmdlet import Cmdlet, Emit, Event
from runner.lab.errors import Terminating, not_simulated
from runner.lab.signature import Traits
from runner.lab.values import ClrDict, ClrObject

_MODULE = "CimCmdlets"
_NAMESPACE = "root/cimv2"
_QUERY = re.compile(
    r"\s*select\s+(?P<what>\*|[\w\s,]+)\s+from\s+(?P<class>\w+)"
    r"(?:\s+where\s+(?P<property>\w+)\s*=\s*(?P<quote>['\"])(?P<value>(?:\\.|(?!(?P=quote)).)*)(?P=quote))?\s*",
    re.IGNORECASE,
)


class _CimCmdlet(Cmdlet):
    module = _MODULE

    def instances(self) -> list[ClrObject]:
        """The instances that -InputObject, -Query or -ClassName with -Filter means."""
        self._check_namespace()
        given = self.arguments.get("InputObject")
        if isinstance(given, ClrObject):
            return [given]
        query = self.arguments.text("Query")
        if query:
            return self._queried(query)
        condition = self.arguments.text("Filter")
        return self._queried(
            f"select * from {self.arguments.text('ClassName')}{' where ' if condition else ''}{condition}"
        )

    def _check_namespace(self) -> None:
        namespace = self.arguments.text("Namespace")
        if namespace and namespace.replace("\\", "/").strip("/").casefold() != _NAMESPACE:
            raise Terminating(not_simulated(f"the CIM namespace {namespace}"))

    def _queried(self, query: str) -> list[ClrObject]:
        match = _QUERY.fullmatch(query)
        if match is None:
            raise Terminating(not_simulated(f"the CIM query {query}"))
        name = match["class"].casefold()
        if name not in CIM_CLASSES:
            raise Terminating(not_simulated(f"the CIM class {match['class']}"))
        asked = None if match["what"].strip() == "*" else [part.strip() for part in match["what"].split(",")]
        wanted = self._checked(name, self.arguments.texts("Property") or asked)
        condition = match["property"]
        if condition:
            self._checked(name, [condition])
        value = re.sub(r"\\(.)", r"\1", match["value"] or "").casefold()
        return [
            cim_object(self.session, name, handle, wanted)
            for handle in CIM_CLASSES[name].handles(self.machine)
            if not condition or self._property(name, handle, condition) == value
        ]

    def _property(self, class_name: str, handle: CimHandle, wanted: str) -> str:
        properties = properties_of_class(self.session, class_name, handle)
        found = next(value for name, value in properties.items() if name.casefold() == wanted.casefold())
        return str(found).casefold()

    def _checked(self, class_name: str, wanted: list[str] | None) -> frozenset[str] | None:
        if wanted is None:
            return None
        known = {name.casefold() for name in CIM_CLASSES[class_name].properties}
        for name in wanted:
            if name.casefold() not in known:
                raise Terminating(not_simulated(f"the property {name} of {CIM_CLASSES[class_name].name}"))
        return frozenset(name.casefold() for name in wanted)


class GetCimInstance(_CimCmdlet):
    name = "Get-CimInstance"
    type_name = "Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand"
    aliases = ("gcim",)
    syntax: ClassVar = {
        "ClassNameComputerSet": "[-ClassName] <String> [-ComputerName <String[]>] [-KeyOnly] [-Namespace <String>] "
        "[-OperationTimeoutSec <UInt32>] [-QueryDialect <String>] [-Shallow] [-Filter <String>] [-Property <String[]>]",
        "ClassNameSessionSet": "-CimSession <CimSession[]> [-ClassName] <String> [-KeyOnly] [-Namespace <String>] "
        "[-OperationTimeoutSec <UInt32>] [-QueryDialect <String>] [-Shallow] [-Filter <String>] [-Property <String[]>]",
        "ResourceUriComputerSet": "-ResourceUri <Uri> [-ComputerName <String[]>] [-KeyOnly] [-Namespace <String>] "
        "[-OperationTimeoutSec <UInt32>] [-Shallow] [-Filter <String>] [-Property <String[]>]",
        "QueryComputerSet": "-Query <String> [-ComputerName <String[]>] [-Namespace <String>] "
        "[-OperationTimeoutSec <UInt32>] [-QueryDialect <String>] [-Shallow]",
        "CimInstanceComputerSet": "[-InputObject] <CimInstance> [-ComputerName <String[]>] "
        "[-OperationTimeoutSec <UInt32>]",
    }
    traits: ClassVar = {
        "CimSession": Traits(pipeline="value"),
        "ClassName": Traits(pipeline="name"),
        "ResourceUri": Traits(pipeline="name"),
        "ComputerName": Traits(aliases=("CN", "ServerName"), pipeline="name"),
        "Filter": Traits(pipeline="name"),
        "InputObject": Traits(aliases=("CimInstance",), pipeline="value"),
        "Namespace": Traits(pipeline="name"),
        "OperationTimeoutSec": Traits(aliases=("OT",)),
        "Property": Traits(aliases=("SelectProperties",), pipeline="name"),
        "Query": Traits(pipeline="name"),
        "QueryDialect": Traits(pipeline="name"),
    }
    default_set = "ClassNameComputerSet"
    unsimulated = frozenset({"CimSession", "ComputerName", "KeyOnly", "QueryDialect", "ResourceUri", "Shallow"})

    def process(self) -> Iterator[Event]:
        yield from (Emit(instance) for instance in self.instances())


class InvokeCimMethod(_CimCmdlet):
    name = "Invoke-CimMethod"
    type_name = "Microsoft.Management.Infrastructure.CimCmdlets.InvokeCimMethodCommand"
    aliases = ("icim",)
    syntax: ClassVar = {
        "ClassNameComputerSet": "[-ClassName] <String> [[-Arguments] <IDictionary>] [-MethodName] <String> "
        "[-ComputerName <String[]>] [-Namespace <String>] [-OperationTimeoutSec <UInt32>] "
        "[-WhatIf] [-Confirm]",
        "ClassNameSessionSet": "[-ClassName] <String> -CimSession <CimSession[]> [[-Arguments] <IDictionary>] "
        "[-MethodName] <String> [-Namespace <String>] [-OperationTimeoutSec <UInt32>] [-WhatIf] [-Confirm]",
        "ResourceUriComputerSet": "-ResourceUri <Uri> [-ComputerName <String[]>] [[-Arguments] <IDictionary>] "
        "[-MethodName] <String> [-Namespace <String>] [-OperationTimeoutSec <UInt32>] [-WhatIf] [-Confirm]",
        "CimClassComputerSet": "[-CimClass] <CimClass> [[-Arguments] <IDictionary>] [-MethodName] <String> "
        "[-ComputerName <String[]>] [-OperationTimeoutSec <UInt32>] [-WhatIf] [-Confirm]",
        "CimInstanceComputerSet": "[-InputObject] <CimInstance> [[-Arguments] <IDictionary>] [-MethodName] <String> "
        "[-ComputerName <String[]>] [-OperationTimeoutSec <UInt32>] [-WhatIf] [-Confirm]",
        "QueryComputerSet": "-Query <String> [[-Arguments] <IDictionary>] [-MethodName] <String> "
        "[-ComputerName <String[]>] [-Namespace <String>] [-OperationTimeoutSec <UInt32>] [-QueryDialect <String>] "
        "[-WhatIf] [-Confirm]",
    }
    traits: ClassVar = {
        "Arguments": Traits(pipeline="name"),
        "CimClass": Traits(pipeline="value"),
        "CimSession": Traits(pipeline="value"),
        "ResourceUri": Traits(pipeline="name"),
        "ClassName": Traits(aliases=("Class",), pipeline="name"),
        "ComputerName": Traits(aliases=("CN", "ServerName"), pipeline="name"),
        "InputObject": Traits(aliases=("CimInstance",), pipeline="value"),
        "MethodName": Traits(aliases=("Name",), pipeline="name"),
        "Namespace": Traits(pipeline="name"),
        "OperationTimeoutSec": Traits(aliases=("OT",)),
        "Query": Traits(pipeline="name"),
        "QueryDialect": Traits(pipeline="name"),
        "WhatIf": Traits(aliases=("wi",)),
        "Confirm": Traits(aliases=("cf",)),
    }
    default_set = "ClassNameComputerSet"
    unsimulated = frozenset({"CimClass", "CimSession", "ComputerName", "QueryDialect", "ResourceUri"})

    def process(self) -> Iterator[Event]:
        if "ClassName" in self.arguments:
            raise Terminating(not_simulated("methods of a CIM class itself"))
        if not self.should_process():
            return
        given = self.arguments.get("Arguments")
        arguments = given if isinstance(given, ClrDict) else ClrDict({})
        for instance in self.instances():
            handle = instance.source
            if not isinstance(handle, CimHandle) or handle.class_name != "win32_service":
                raise Terminating(not_simulated("methods of other CIM classes than Win32_Service"))
            method = self.arguments.text("MethodName")
            yield Emit(call_service_method(self.session, handle.key, method, arguments))


COMMANDS: tuple[type[Cmdlet], ...] = (GetCimInstance, InvokeCimMethod)
