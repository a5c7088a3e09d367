"""The HTTP service: routes of API version 1. A route checks, calls and converts; nothing else.

The analyzer comes in from outside, loaded. The service warms it up, then says it is ready.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from models.assessment import Assessment, as_json
from models.record import Record
from serving.api.access import AccessLog
from serving.api.batching import Batcher, NotReadyError
from serving.api.docs_page import install_docs
from serving.api.intake import JsonRoute
from serving.api.problems import ProblemError, install_problems
from serving.api.schemas import (
    AssessmentOut,
    BatchIn,
    BatchOut,
    DescriptionOut,
    Problem,
    RecordIn,
    StateOut,
    problem_responses,
)
from serving.contracts import Analyzer
from serving.settings import ServingSettings

_WARM_UP = Record(text="理赔资料交了四十天,到现在没有结果。")
_CANNOT_ASSESS = problem_responses(400, 408, 413, 415, 422, 429, 500, 503)


def create_app(analyzer: Analyzer, settings: ServingSettings) -> FastAPI:
    """The service around a loaded analyzer."""
    app = FastAPI(
        title="消保 xiaobao",
        summary="投诉根因与证据,代理退保提示仅供核验 · Causes with evidence; signs are advisory",
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.analyzer = analyzer
    app.state.ready = False
    app.include_router(_assess_routes())
    app.include_router(_state_routes())
    install_docs(app)
    install_problems(app)
    app.add_middleware(AccessLog)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: ServingSettings = app.state.settings
    app.state.batcher = Batcher(
        app.state.analyzer,
        batch_tokens=settings.batch_tokens,
        queue_chars=settings.queue_chars,
        wait_s=settings.batch_wait_ms / 1000,
    )
    app.state.batcher.start()
    warming = asyncio.create_task(_warm_up(app))
    yield
    app.state.ready = False
    await app.state.batcher.close()
    await warming


async def _warm_up(app: FastAPI) -> None:
    try:
        await app.state.batcher.submit([_WARM_UP], deadline_s=None)
    except Exception as error:
        structlog.get_logger("xiaobao").error("warm-up failed", error=type(error).__name__)
    else:
        app.state.ready = True


def _assess_routes() -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["assess"], route_class=JsonRoute)

    @router.post(
        "/assess",
        response_model=AssessmentOut,
        responses=_CANNOT_ASSESS,
        summary="分析一件投诉 · Assess one complaint",
    )
    async def assess(complaint: RecordIn, request: Request) -> Response:
        """分析一件投诉 · Assess one complaint: causes with evidence, signs, marks, level."""
        check_length("text", complaint.text, settings=request.app.state.settings)
        (assessment,) = await _assess(request, [complaint.to_record()])
        return _json(as_json(assessment))

    @router.post(
        "/assess/batch",
        response_model=BatchOut,
        responses=_CANNOT_ASSESS,
        summary="分析一批投诉 · Assess a batch",
    )
    async def assess_batch(batch: BatchIn, request: Request) -> Response:
        """分析一批投诉 · Assess up to 256 complaints; answers come in the order of the request."""
        check_batch(batch, settings=request.app.state.settings)
        assessments = await _assess(request, [item.to_record() for item in batch.records])
        return _json({"assessments": [as_json(assessment) for assessment in assessments]})

    return router


def _state_routes() -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/v1/model", response_model=DescriptionOut, summary="模型说明 · The bundle in use")
    async def model(request: Request) -> Response:
        """模型说明 · The bundle in use: versions, labels with names and thresholds, metrics."""
        return _json(dict(request.app.state.analyzer.description))

    @router.get("/livez", response_model=StateOut, summary="存活 · Alive")
    async def livez() -> Response:
        """存活 · The process answers."""
        return _json({"status": "ok"})

    @router.get(
        "/readyz", response_model=StateOut, responses=problem_responses(503), summary="就绪 · Ready"
    )
    async def readyz(request: Request) -> Response:
        """就绪 · The bundle is loaded and warm."""
        _check_ready(request)
        return _json({"status": "ok"})

    return router


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


async def _assess(request: Request, records: Sequence[Record]) -> list[Assessment]:
    _check_ready(request)
    state = request.app.state
    request.state.facts.update(
        records=len(records), chars=sum(len(record.text) for record in records)
    )
    answer = state.batcher.submit(records, deadline_s=state.settings.deadline_s)
    assessments = await _unless_gone(request, answer)
    request.state.facts.update(levels=dict(Counter(item.agent.level for item in assessments)))
    return assessments


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


def _check_ready(request: Request) -> None:
    if not request.app.state.ready:
        raise NotReadyError("warming up or closing · 正在启动或关闭")


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The schema, with Problem for every error in place of FastAPI's own."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        template = "#/components/schemas/{model}"
        _, problem = models_json_schema([(Problem, "serialization")], ref_template=template)
        schema["components"]["schemas"].update(problem["$defs"])
        app.openapi_schema = schema
    return app.openapi_schema
