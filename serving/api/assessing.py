"""Routes that assess. A route checks, calls and converts; nothing else."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Header, Request
from pydantic import WithJsonSchema
from starlette.datastructures import Headers
from starlette.responses import Response

from models.assessment import Assessment
from models.record import Record
from serving.api.intake import JsonRoute
from serving.api.keeping import keep
from serving.api.problems import ProblemError
from serving.api.responses import json_response
from serving.api.schemas import AssessmentOut, BatchIn, BatchOut, RecordIn, problem_responses
from serving.api.service import service_of
from serving.api.traced import watch_of
from serving.keys.key import Scope
from serving.scheduling.job import QUICK_TOKENS
from serving.settings import ServingSettings

DEADLINE_HEADER = "x-request-deadline-ms"
_MILLISECONDS = re.compile("[0-9]{1,9}")
_MOST_MS = 999_999_999

_BYTES_A_TOKEN = 3  # of Chinese in UTF-8
_CANNOT_ASSESS = problem_responses(400, 401, 403, 408, 413, 415, 422, 429, 500, 503)

# Told to the schema, and never None there; ``read_deadline`` alone reads the header.
_DeadlineMs = Annotated[
    str | None,
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MOST_MS}),
    Header(
        alias=DEADLINE_HEADER,
        description="毫秒数,超过则不再需要回答 · an answer is worth nothing after so many ms",
    ),
]


class AssessRoute(JsonRoute):
    """Refuses what cannot be read in time before its JSON is parsed: refusing must be cheap."""

    scope: ClassVar[Scope] = "assess"

    def check_read(self, request: Request, body: bytes) -> None:
        """Raises NotReadyError, QueueFullError by the size of the body alone, or ProblemError."""
        service = service_of(request.app)
        service.readiness.check()
        # What is long is told apart once it is counted; here only what waits already matters.
        tokens = min(len(body) // _BYTES_A_TOKEN, QUICK_TOKENS)
        service.scheduler.check_room(tokens, deadline_s=_deadline_s(request))


def assess_routes() -> APIRouter:
    """``/v1/assess`` and ``/v1/assess/batch``."""
    router = APIRouter(prefix="/v1", tags=["assess"], route_class=AssessRoute)

    @router.post(
        "/assess",
        response_model=AssessmentOut,
        responses=_CANNOT_ASSESS,
        summary="分析一件投诉 · Assess one complaint",
    )
    async def assess(complaint: RecordIn, request: Request, _: _DeadlineMs = None) -> Response:
        """分析一件投诉 · Assess one complaint: causes with evidence, signs, marks, level."""
        check_length("text", complaint.text, settings=service_of(request.app).settings)
        records = [complaint.to_record()]
        (answer,) = await _answers(request, records)
        return json_response(answer)

    @router.post(
        "/assess/batch",
        response_model=BatchOut,
        responses=_CANNOT_ASSESS,
        summary="分析一批投诉 · Assess a batch",
    )
    async def assess_batch(batch: BatchIn, request: Request, _: _DeadlineMs = None) -> Response:
        """分析一批投诉 · Assess up to 256 complaints; answers come in the order of the request."""
        check_batch(batch, settings=service_of(request.app).settings)
        records = [item.to_record() for item in batch.records]
        return json_response({"assessments": await _answers(request, records)})

    return router


async def _answers(request: Request, records: Sequence[Record]) -> list[dict[str, Any]]:
    """The answers as they go over the wire: read, then kept, within one deadline."""
    assessments = await answer_records(request, records)
    return await keep(request, records, assessments, deadline_s=_deadline_s(request))


def check_length(field: str, text: str, *, settings: ServingSettings) -> None:
    """Refuse (413) a text longer than the service may take; nothing is ever cut to fit."""
    if len(text) > settings.max_text_chars:
        reason = f"{len(text)} 字,最多 {settings.max_text_chars} · characters, too many"
        raise ProblemError(413, f"{field}: {reason}", errors=[(field, reason)])


def check_batch(batch: BatchIn, *, settings: ServingSettings) -> None:
    """Refuse a batch with too many records (422) or a text too long (413)."""
    if len(batch.records) > settings.max_batch:
        reason = f"{len(batch.records)} 件,最多 {settings.max_batch} · records, too many"
        raise ProblemError(422, f"records: {reason}", errors=[("records", reason)])
    for index, item in enumerate(batch.records):
        check_length(f"records[{index}].text", item.text, settings=settings)


async def answer_records(request: Request, records: Sequence[Record]) -> list[Assessment]:
    """The assessments of these records by the bundle in use, in order; counted and shadowed."""
    service, facts = service_of(request.app), request.state.facts
    service.readiness.check()
    facts.update(records=len(records), chars=sum(len(record.text) for record in records))
    answer = service.scheduler.submit(
        records,
        analyzer=service.shelf.active,
        deadline_s=_deadline_s(request),
        watch=watch_of(request.state),
    )
    assessments = await _unless_gone(request, answer)
    facts.update(_given(assessments))
    service.metrics.count_assessments(assessments)
    if service.shelf.shadow is not None:
        service.shelf.shadow.follow(records, assessments, request_id=request.state.request_id)
    return assessments


def read_deadline(headers: Headers) -> float | None:
    """The seconds that a caller allows for an answer; None where none are named.

    Raises ProblemError 422 for anything but whole milliseconds in plain digits: what one reader
    takes for a number and another does not would be accepted and not held.
    """
    given = headers.get(DEADLINE_HEADER)
    if given is None:
        return None
    if not _MILLISECONDS.fullmatch(given) or not int(given):
        reason = f"应为 1 至 {_MOST_MS} 的毫秒数 · must be whole milliseconds, 1 to {_MOST_MS}"
        raise ProblemError(422, f"{DEADLINE_HEADER}: {reason}", errors=[(DEADLINE_HEADER, reason)])
    return int(given) / 1000


def _given(assessments: Sequence[Assessment]) -> dict[str, dict[str, int]]:
    """Counts of levels, and of the routes of those that got none."""
    agents = [assessment.agent for assessment in assessments]
    levels = Counter(agent.level for agent in agents if agent.route is None)
    routes = Counter(agent.route for agent in agents if agent.route is not None)
    return {"levels": dict(levels), **({"routes": dict(routes)} if routes else {})}


def _deadline_s(request: Request) -> float:
    """Seconds that are left to answer: what the caller allows, within the service's own limit."""
    allowed = service_of(request.app).settings.deadline_s
    asked = read_deadline(request.headers)
    if asked is not None:
        allowed = min(allowed, asked)
    began: float = request.state.began
    return max(allowed - (time.perf_counter() - began), 0.0)


async def _unless_gone(
    request: Request, answer: Coroutine[Any, Any, list[Assessment]]
) -> list[Assessment]:
    """The answer, unless the client leaves before: then the work is dropped."""
    answering = asyncio.create_task(answer)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ProblemError(499, "the client has gone")
        return answering.result()
    finally:
        for task in (answering, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
