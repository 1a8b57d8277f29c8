"""What the WinRM service answers with, and what a fault makes of it."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from typing import Protocol

from runner.lab import envelopes
from runner.lab.envelopes import SHELL, SoapFault, SoapRequest
from runner.lab.faults import What
from runner.lab.http import Delivery

_ENVELOPE_FRAME = 4096  # room for all of an answer that is not data


@dataclass(frozen=True, slots=True)
class Answer:
    """A SOAP answer, or a bare HTTP status. Without `keeps_context` the connection must log on again."""

    status: int
    soap: bytes = b""
    delivery: Delivery = Delivery.WHOLE
    keeps_context: bool = True


class Refused(Exception):
    """The request is answered with a fault."""

    def __init__(self, fault: SoapFault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


class Faulty(Protocol):
    """A pipeline or program that a fault may befall."""

    fault: What | None
    task: asyncio.Task[None] | None


def respond(request: SoapRequest, body: str) -> Answer:
    """The answer to a request that was executed."""
    return Answer(200, envelopes.write_answer(f"{request.action}Response", body, request.message_id))


def body_of(request: SoapRequest, name: str) -> ET.Element:
    """The element that a request's body must hold. Raises Refused."""
    if request.body is None or request.body.tag != f"{{{SHELL}}}{name}":
        raise Refused(envelopes.schema_fault(name))
    return request.body


def data_limit(request: SoapRequest) -> int:
    """How many characters of data fit into an answer."""
    return max(1024, request.max_envelope_size - _ENVELOPE_FRAME)


def http_fault(what: What) -> Answer | None:
    """The answer of a fault that needs no SOAP."""
    match what:
        case What.DROP_BEFORE:
            return Answer(0, delivery=Delivery.DROPPED)
        case What.STALL:
            return Answer(0, delivery=Delivery.NEVER)
        case What.HTTP_400 | What.HTTP_401:
            return Answer(int(what.removeprefix("http_")), keeps_context=False)
        case What.HTTP_500 | What.HTTP_503:
            return Answer(int(what.removeprefix("http_")))
    return None


def spoilt(fault: What, answer: Answer) -> Answer:
    """The answer to an executed request as a fault leaves it."""
    match fault:
        case What.DROP_AFTER:
            return replace(answer, delivery=Delivery.DROPPED)
        case What.HALF_ANSWER:
            return replace(answer, delivery=Delivery.HALF)
        case What.TRUNCATED_XML:
            return replace(answer, soap=answer.soap[: len(answer.soap) // 2])
    return answer


async def spoilt_by_pipeline(pipeline: Faulty, answer: Answer, *, last: bool) -> Answer:
    """The answer with the pipeline's fault, if its moment has come: the last answer for a drop after the end."""
    fault = pipeline.fault
    if fault in (What.DROP_AFTER, What.REBOOT_AFTER):
        if not last:
            return answer
        assert pipeline.task is not None
        await asyncio.wait({pipeline.task})
    elif fault not in (What.HALF_ANSWER, What.TRUNCATED_XML):
        return answer
    pipeline.fault = None
    return spoilt(fault, answer)
