"""Routes about the service itself: alive, ready, measured, and with which bundle."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.api.assessing import AssessRoute
from serving.api.responses import json_response
from serving.api.schemas import DescriptionOut, StateOut, problem_responses
from serving.api.service import service_of
from serving.metrics import CONTENT_TYPE


def state_routes() -> APIRouter:
    """``/livez``, ``/readyz``, ``/metrics``; the probes ask for no key."""
    router = APIRouter(tags=["state"])

    @router.get("/livez", response_model=StateOut, summary="存活 · Alive")
    async def livez() -> Response:
        """存活 · The process answers."""
        return json_response({"status": "ok"})

    @router.get(
        "/readyz", response_model=StateOut, responses=problem_responses(503), summary="就绪 · Ready"
    )
    async def readyz(request: Request) -> Response:
        """就绪 · The bundle is warm, its reading thread runs, and the database answers."""
        await service_of(request.app).readiness.check_all()
        return json_response({"status": "ok"})

    @router.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **problem_responses(401, 429),
        },
        summary="指标 · Metrics for Prometheus",
    )
    async def metrics(request: Request) -> Response:
        """指标 · Counts and times in the text format of Prometheus; any valid key will do."""
        service = service_of(request.app)
        await service.guard.admit_any(request)
        return Response(service.metrics.page(), media_type=CONTENT_TYPE)

    return router


def model_routes() -> APIRouter:
    """``/v1/model``."""
    router = APIRouter(prefix="/v1", tags=["state"], route_class=AssessRoute)

    @router.get(
        "/model",
        response_model=DescriptionOut,
        responses=problem_responses(401, 403, 429),
        summary="模型说明 · The bundle in use",
    )
    async def model(request: Request) -> Response:
        """模型说明 · The bundle in use: versions, labels with names and thresholds, metrics."""
        return json_response(dict(service_of(request.app).shelf.active.description))

    return router
