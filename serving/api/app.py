"""The API as an app: its routes, errors, layers and schema around the service that it stands on.

Knows no page: what else shall answer is put into the app by ``serving.app``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from serving.api.access import AccessLog
from serving.api.admin import admin_routes
from serving.api.assessing import assess_routes
from serving.api.cases import case_routes
from serving.api.docs_page import install_docs
from serving.api.groups import group_routes
from serving.api.hosts import KnownHosts
from serving.api.problems import install_problems
from serving.api.schemas import Problem
from serving.api.service import make_service, running, service_of
from serving.api.state import model_routes, state_routes
from serving.api.traced import TracedRequests
from serving.contracts import Analyzer
from serving.register.register import Register
from serving.settings import ServingSettings
from serving.tracing import Traces

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
    app.state.service = service = make_service(analyzer, settings, register, traces)
    for router in _routers():
        app.include_router(router)
    install_docs(app)
    install_problems(app)
    app.add_middleware(KnownHosts, settings=settings)
    if traces is not None:
        app.add_middleware(TracedRequests, traces=traces)
    app.add_middleware(AccessLog, count=service.metrics.count_request)
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


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with running(service_of(app)):
        yield


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The schema, with Problem for every error in place of FastAPI's own."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        template = "#/components/schemas/{model}"
        _, problem = models_json_schema([(Problem, "serialization")], ref_template=template)
        schema["components"]["schemas"].update(problem["$defs"])
        if service_of(app).guard.has_keys:
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
