"""SOAP envelopes of WS-Management for remote shells: requests read, answers and faults written. No I/O.

The layout of the answers is that of the recorded conversations with real Windows
(groundtruth/pypsrp/responses, README section 2); an answer is written as text, because it is one fixed frame
round data that the server has itself.
"""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
WSMAN_MS = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
POWERSHELL = "http://schemas.microsoft.com/powershell"
CMD = f"{SHELL}/cmd"
CONFIG = "http://schemas.microsoft.com/wbem/wsman/1/config"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"

_DURATION = re.compile(r"PT(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_OPENING = (
    f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}" '
    f'xmlns:w="{WSMAN}" xmlns:rsp="{SHELL}" xmlns:p="{WSMAN_MS}"><s:Header><a:Action>'
)


@dataclass(frozen=True, slots=True)
class SoapFault:
    """One fault: the code of WSManFault, the SOAP code and subcode, the reason and the message that explains it."""

    code: int
    value: str
    subcode: str
    reason: str
    message: str = ""
    detail: str = ""
    provider: tuple[str, str] | None = None  # name and path of the plug-in that says so


class InvalidEnvelope(Exception):
    """The request cannot be read. `fault` is the answer, `message_id` what it relates to (empty if unknown)."""

    def __init__(self, fault: SoapFault, message_id: str = "") -> None:
        super().__init__(fault.message or fault.reason)
        self.fault = fault
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """What one request says. Ids are in upper case, as Windows compares them; `body` is the child of s:Body."""

    action: str
    message_id: str
    to: str
    resource_uri: str
    operation_timeout: float
    max_envelope_size: int
    locale: str
    data_locale: str
    shell_id: str | None
    body: ET.Element | None
    options: Mapping[str, str]

    @property
    def verb(self) -> str:
        """The last part of the action: Create, Command, Send, Receive, Signal, Delete, Get."""
        return self.action.rsplit("/", 1)[-1]


def read_request(soap: bytes) -> SoapRequest:
    """Read one SOAP request.

    Raises InvalidEnvelope with the fault that Windows gives (schema error 2150858817, timeout header 2150858767:
    captures in groundtruth/wsman-faults).
    """
    try:
        envelope = ET.fromstring(soap)
    except ET.ParseError as error:
        raise InvalidEnvelope(schema_fault("Envelope")) from error
    header = envelope.find(f"{{{SOAP}}}Header")
    body = envelope.find(f"{{{SOAP}}}Body")
    if header is None or body is None:
        raise InvalidEnvelope(schema_fault("Envelope"))
    fields = {element.tag: element for element in header}

    def text(namespace: str, name: str, default: str = "") -> str:
        element = fields.get(f"{{{namespace}}}{name}")
        return default if element is None or element.text is None else element.text.strip()

    def language(namespace: str, name: str) -> str:
        element = fields.get(f"{{{namespace}}}{name}")
        return "en-US" if element is None else element.get(_XML_LANG, "en-US")

    message_id = text(ADDRESSING, "MessageID")
    selectors = fields.get(f"{{{WSMAN}}}SelectorSet")
    options = fields.get(f"{{{WSMAN}}}OptionSet")
    return SoapRequest(
        action=text(ADDRESSING, "Action"),
        message_id=message_id,
        to=text(ADDRESSING, "To"),
        resource_uri=text(WSMAN, "ResourceURI"),
        operation_timeout=_seconds(text(WSMAN, "OperationTimeout", "PT60S"), message_id),
        max_envelope_size=_size(text(WSMAN, "MaxEnvelopeSize", "153600"), message_id),
        locale=language(WSMAN, "Locale"),
        data_locale=language(WSMAN_MS, "DataLocale"),
        shell_id=None if selectors is None else _shell_id(selectors),
        body=next(iter(body), None),
        options={} if options is None else {option.get("Name", ""): option.text or "" for option in options},
    )


def _seconds(duration: str, message_id: str) -> float:
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise InvalidEnvelope(
            SoapFault(
                2150858767,
                "s:Sender",
                "a:InvalidMessageInformationHeader",
                "The WS-Management service cannot process the request. "
                "The request contains one or more invalid SOAP headers. ",
                "The WS-Management service cannot process the request. "
                f"The XML contains an invalid timeout field in the SOAP header: {duration}. ",
            ),
            message_id,
        )
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _size(text: str, message_id: str) -> int:
    if not text.isdecimal():
        raise InvalidEnvelope(schema_fault("MaxEnvelopeSize"), message_id)
    return int(text)


def _shell_id(selectors: ET.Element) -> str | None:
    for selector in selectors:
        if selector.get("Name") == "ShellId" and selector.text:
            return selector.text.strip().upper()
    return None


def write_answer(action: str, body: str, relates_to: str) -> bytes:
    """The envelope round an answer or a fault; `p:ActivityId` is in each one that Windows sends."""
    return (
        f"{_OPENING}{action}</a:Action><a:MessageID>uuid:{_new_id()}</a:MessageID>"
        f"<p:ActivityId>{_new_id()}</p:ActivityId><a:To>{ANONYMOUS}</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def write_fault(fault: SoapFault, relates_to: str, machine: str) -> bytes:
    """The envelope of a fault (sent with HTTP status 500), laid out as in groundtruth/wsman-faults."""
    detail = f"<w:FaultDetail>{escape(fault.detail)}</w:FaultDetail>" if fault.detail else ""
    message = escape(fault.message or fault.reason)
    if fault.provider is not None:
        name, path = map(quoteattr, fault.provider)
        message = f"<f:ProviderFault provider={name} path={path}>{message}</f:ProviderFault>"
    return write_answer(
        FAULT_ACTION,
        f"<s:Fault><s:Code><s:Value>{fault.value}</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode>"
        f'</s:Code><s:Reason><s:Text xml:lang="en-US">{escape(fault.reason)}</s:Text></s:Reason><s:Detail>{detail}'
        f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{fault.code}" '
        f"Machine={quoteattr(machine)}><f:Message>{message}</f:Message></f:WSManFault>"
        "</s:Detail></s:Fault>",
        relates_to,
    )


def _new_id() -> str:
    return str(uuid.uuid4()).upper()


# ---- the faults of groundtruth/README.md section 4 -----------------------------------------------------------


def schema_fault(element: str) -> SoapFault:
    """2150858817 (capture): the request is not the XML that its action asks for."""
    return SoapFault(
        2150858817,
        "s:Sender",
        "w:SchemaValidationError",
        "The SOAP XML in the message does not match the corresponding XML schema definition. "
        "Change the XML and retry. ",
        "The Windows Remote Shell cannot process the request. "
        f"The SOAP packet contains an element {element} that is invalid. "
        "Retry the request with the correct XML element. ",
    )


TIMED_OUT = SoapFault(
    2150858793,
    "s:Receiver",
    "w:TimedOut",
    "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ",
)
ACCESS_DENIED = SoapFault(5, "s:Sender", "w:AccessDenied", "Access is denied. ")


def _invalid_selectors(message: str) -> SoapFault:
    return SoapFault(
        2150858843,
        "s:Sender",
        "w:InvalidSelectors",
        "The WS-Management service cannot process the request because the request contained invalid selectors "
        "for the resource. ",
        message,
        "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors",
    )


def shell_gone(shell_id: str) -> SoapFault:
    """2150858843 with the wording of WinRb/WinRM#253: the shell ended (reboot, idle, WinRM restart)."""
    return _invalid_selectors(
        f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the shell was not found on "
        "the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the "
        "server. Provide the correct ShellId or create a new shell and retry the operation. "
    )


COMMAND_GONE = _invalid_selectors(
    "The Windows Remote Shell received a request to perform an operation on a command identifier that does not exist. "
    "Either the command has completed execution or the client specified an invalid command identifier. "
)


def too_many_shells(allowed: int) -> SoapFault:
    """2150859173: MaxShellsPerUser is used up (wording of vagrant#7489; no full envelope is recorded)."""
    return SoapFault(
        2150859173,
        "s:Sender",
        "w:QuotaLimit",
        "The WS-Management service cannot process the request. The maximum number of concurrent shells for this user "
        "has been exceeded. Close existing shells or raise the quota for this user. ",
        "The WS-Management service cannot process the request. This user is allowed a maximum number of "
        f"{allowed} concurrent shells, which has been exceeded. "
        "Close existing shells or raise the quota for this user. ",
    )


TOO_MANY_OPERATIONS = SoapFault(
    2150859174,
    "s:Receiver",
    "w:InternalError",
    "The WS-Management service cannot process the request. This user is allowed a maximum number of 15 concurrent "
    "operations, which has been exceeded. Close existing operations for this user, or raise the quota for this user. ",
)
SHELL_USED_UP = SoapFault(
    2150859241,
    "s:Receiver",
    "w:InternalError",
    "The WS-Management service cannot process the request. The maximum number of concurrent commands per shell has "
    "been exceeded. Retry the request later or raise the Maximum Commands per Shell quota. ",
)


_CMD_PLUGIN = ("Shell cmd plugin", "%systemroot%\\system32\\winrscmd.dll")
NO_SUCH_PROGRAM = SoapFault(
    2147942402,
    "s:Receiver",
    "w:InternalError",
    "The system cannot find the file specified. ",
    provider=_CMD_PLUGIN,
)
LINE_TOO_LONG = SoapFault(
    2147942606, "s:Receiver", "w:InternalError", "The filename or extension is too long. ", provider=_CMD_PLUGIN
)
BAD_PARAMETER = SoapFault(
    87,
    "s:Sender",
    "w:InvalidParameter",
    "The parameter is incorrect. ",
    detail="http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InvalidValue",
    provider=_CMD_PLUGIN,
)


def unknown_resource(uri: str) -> SoapFault:
    """2150858811 with the wording of pywinrm#273; the subcode is not recorded."""
    return SoapFault(
        2150858811,
        "s:Sender",
        "a:DestinationUnreachable",
        "The WS-Management service cannot process the request. "
        f"The resource URI ({uri}) was not found in the WS-Management catalog. "
        "The catalog contains the metadata that describes resources, or logical endpoints. ",
    )


def unknown_configuration(name: str, computer: str) -> SoapFault:
    """The wording of windowsserverdocs#2448. The thread does not show the code: that of an unknown resource is used."""
    return SoapFault(
        2150858811,
        "s:Sender",
        "a:DestinationUnreachable",
        "The WS-Management service cannot process the request. "
        f'Cannot find the {name} session configuration in the WSMan: drive on the "{computer}" computer. ',
    )
