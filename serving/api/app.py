"""The API as an app: what it is made of, how it starts and how it ends. Routes stand beside it.

The analyzer comes in from outside, loaded. The service warms it up, then says it is ready. Knows
no page: what else shall answer is put into the app by ``serving.app``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from models.record import Record
from serving.api.access import AccessLog
from serving.api.admin import admin_routes, show_bundles
from serving.api.assessing import assess_routes
from serving.api.cases import case_routes
from serving.api.docs_page import install_docs
from serving.api.groups import group_routes
from serving.api.guard import Guard
from serving.api.hosts import KnownHosts
from serving.api.problems import install_problems
from serving.api.readiness import RegisterProbe
from serving.api.schemas import Problem
from serving.api.state import model_routes, state_routes
from serving.api.traced import TracedRequests
from serving.contracts import Analyzer
from serving.keys.ring import KeyRing
from serving.metrics import Metrics
from serving.opening import opener_of
from serving.register.register import Register
from serving.scheduling.scheduler import Scheduler
from serving.scheduling.watchdog import watch
from serving.settings import ServingSettings
from serving.shelf import Shelf
from serving.tracing import Traces

_WARM_UP = Record(text="理赔资料交了四十天,到现在没有结果。")

_FREE = frozenset({"/livez", "/readyz"})  # probes have no key


def create_api(
    analyzer: Analyzer,
    settings: ServingSettings,
    register: Register | None = None,
    traces: Traces | None = None,
) -> FastAPI:
    """The API around a loaded analyzer; without a register it keeps nothing.

    What it is given it uses; traces it closes, too.
    """
    app = FastAPI(
        title="消保 xiaobao",
        summary="投诉根因与证据,代理退保提示仅供核验 · Causes with evidence; signs are advisory",
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    _install_state(app, analyzer, settings)
    app.state.register = register
    app.state.register_probe = (
        RegisterProbe(register, patience_s=settings.database_wait_s) if register else None
    )
    app.state.traces = traces
    for router in _routers():
        app.include_router(router)
    install_docs(app)
    install_problems(app)
    app.add_middleware(KnownHosts, settings=settings)
    if traces is not None:
        app.add_middleware(TracedRequests, traces=traces)
    app.add_middleware(AccessLog, count=app.state.metrics.count_request)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _routers() -> tuple[APIRouter, ...]:
    return (
        assess_routes(),
        case_routes(),
        group_routes(),
        model_routes(),
        state_routes(),
        admin_routes(),
    )


def _install_state(app: FastAPI, analyzer: Analyzer, settings: ServingSettings) -> None:
    """What the routes stand on. ``ready`` is the watchdog's to say."""
    state, metrics = app.state, Metrics()
    state.settings = settings
    state.metrics = metrics
    state.guard = Guard(KeyRing(settings.keys) if settings.keys else None, rate=settings.rate_limit)
    state.shelf = Shelf(analyzer, directory=settings.bundles, load=opener_of(settings))
    state.shadow = None
    state.ready = False
    state.scheduler = scheduler = Scheduler(
        batch_tokens=settings.batch_tokens,
        queue_tokens=settings.queue_tokens,
        wait_s=settings.batch_wait_ms / 1000,
        observe=metrics.observe,
    )
    backlog = scheduler.backlog
    metrics.follow("queue_tokens", "Tokens accepted, not yet read", lambda: backlog.tokens)
    metrics.follow("tokens_per_second", "Pace of late", lambda: backlog.rate)
    metrics.follow("worker_restarts", "Reading threads replaced", lambda: scheduler.restarts)
    metrics.follow("ready", "1 while requests are answered", lambda: float(state.ready))
    show_bundles(app)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    state.changing = asyncio.Lock()  # one change of bundles at a time
    state.scheduler.start()
    watching = asyncio.create_task(
        watch(
            state.scheduler,
            stuck_s=state.settings.stuck_after_s,
            set_ready=lambda ready: setattr(state, "ready", ready),
            try_out=lambda: _try_out(app),
        )
    )
    yield
    state.ready = False
    if state.shadow is not None:
        await state.shadow.stop()
    # Still watched: what was accepted is finished, even if the reading thread gets lost now.
    await state.scheduler.close()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    if state.traces is not None:
        await asyncio.to_thread(state.traces.close)


async def _try_out(app: FastAPI) -> bool:
    """Whether the bundle in use reads a text; warms it up on the way."""
    state = app.state
    try:
        await state.scheduler.submit([_WARM_UP], analyzer=state.shelf.active)
    except Exception as error:
        structlog.get_logger("xiaobao").error("warm-up failed", error=type(error).__name__)
        return False
    return True


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The schema, with Problem for every error in place of FastAPI's own."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        template = "#/components/schemas/{model}"
        _, problem = models_json_schema([(Problem, "serialization")], ref_template=template)
        schema["components"]["schemas"].update(problem["$defs"])
        if app.state.guard.has_keys:
            _ask_for_keys(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _ask_for_keys(schema: dict[str, Any]) -> None:
    """Tell of the key in the schema, so that the page of the docs can ask for one."""
    key = {"type": "http", "scheme": "bearer", "description": "API 密钥 · xb_…"}
    schema["components"]["securitySchemes"] = {"key": key}
    for path, verbs in schema["paths"].items():
        for operation in verbs.values() if path not in _FREE else ():
            operation["security"] = [{"key": []}]
