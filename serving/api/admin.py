"""Routes for operators: take a bundle into use, go back, try one in the shadow."""

import asyncio
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.intake import AdminRoute
from serving.api.problems import ProblemError
from serving.api.responses import json_response
from serving.api.schemas import problem_responses
from serving.contracts import Analyzer
from serving.shadow import Shadow
from serving.shelf import ShelfError

_CANNOT_CHANGE = problem_responses(400, 401, 403, 408, 409, 413, 415, 422, 429, 500)


class BundleIn(BaseModel):
    """模型包 · A bundle by the name of its directory in XIAOBAO_BUNDLES."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bundle: str = Field(description="目录名 · name of its directory", examples=["2026-11"])


class ShadowIn(BaseModel):
    """影子模型包 · The bundle that shall read along; null ends it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bundle: str | None = Field(description="目录名,null 为停止 · name of its directory, or null")


class BundlesOut(BaseModel):
    """模型包 · Which bundles there are: name and fingerprint."""

    active: str = Field(description="使用中 · answers requests")
    previous: str | None = Field(description="之前的 · to go back to")
    shadow: str | None = Field(description="影子 · reads along")


class DifferenceOut(BaseModel):
    """差异 · One complaint that the two bundles answer differently."""

    request_id: str = Field(description="请求编号 · id of the request")
    record: int = Field(ge=0, description="第几件 · its place in the request")
    aspects: dict[str, list[Any]] = Field(description="差异 · both answers, by aspect")


class ShadowOut(BaseModel):
    """影子比较 · How often the candidate answered differently, and where of late."""

    bundle: str | None = Field(description="影子模型包 · the candidate; null: none")
    compared: int = Field(ge=0, description="已比较 · complaints compared")
    skipped: int = Field(ge=0, description="未比较 · no idle time was left for them")
    failed: int = Field(ge=0, description="失败 · the candidate could not read them")
    different: dict[str, int] = Field(description="差异数 · complaints that differ, by aspect")
    last: list[DifferenceOut] = Field(description="最近的差异 · the last hundred")


_NO_SHADOW: dict[str, Any] = {
    "bundle": None, "compared": 0, "skipped": 0, "failed": 0, "different": {}, "last": [],
}  # fmt: skip


def admin_routes() -> APIRouter:
    """``/v1/admin``; every route asks for a key with the scope admin."""
    router = APIRouter(prefix="/v1/admin", tags=["admin"], route_class=AdminRoute)

    @router.post(
        "/bundle",
        response_model=BundlesOut,
        responses=_CANNOT_CHANGE,
        summary="更换模型包 · Take a bundle into use",
    )
    async def use_bundle(choice: BundleIn, request: Request) -> Response:
        """更换模型包 · Load, check and take into use; refused (409) if its self-check fails."""
        app = request.app
        async with app.state.changing:
            app.state.shelf.use(await _open(app, choice.bundle))
        return _bundles(app)

    @router.post(
        "/bundle/rollback",
        response_model=BundlesOut,
        responses=_CANNOT_CHANGE,
        summary="恢复之前的模型包 · Go back to the bundle before",
    )
    async def roll_back(request: Request) -> Response:
        """恢复之前的模型包 · Go back to the bundle that was in use before; at once."""
        app = request.app
        async with app.state.changing:
            try:
                app.state.shelf.roll_back()
            except ShelfError as error:
                raise ProblemError(409, str(error)) from None
        return _bundles(app)

    @router.post(
        "/shadow",
        response_model=BundlesOut,
        responses=_CANNOT_CHANGE,
        summary="影子运行 · Let a candidate read along",
    )
    async def set_shadow(choice: ShadowIn, request: Request) -> Response:
        """影子运行 · A candidate reads the same complaints in idle time; its answers go nowhere."""
        app = request.app
        async with app.state.changing:
            candidate = await _open(app, choice.bundle) if choice.bundle is not None else None
            before = app.state.shadow
            app.state.shadow = Shadow(candidate, app.state.scheduler) if candidate else None
            if before is not None:
                await before.stop()
        return _bundles(app)

    @router.get(
        "/shadow",
        response_model=ShadowOut,
        responses=problem_responses(401, 403, 429),
        summary="影子比较 · What the shadow found",
    )
    async def shadow(request: Request) -> Response:
        """影子比较 · How often the candidate answered differently; ids of labels, no text."""
        found = request.app.state.shadow
        return json_response(found.report() if found is not None else _NO_SHADOW)

    return router


def show_bundles(app: FastAPI) -> None:
    """Tell the metrics which bundles there are."""
    roles = _roles(app).items()
    app.state.metrics.show_bundles({role: one.description for role, one in roles if one})


async def _open(app: FastAPI, name: str) -> Analyzer:
    try:
        opened: Analyzer = await asyncio.to_thread(app.state.shelf.open, name)
    except ShelfError as error:
        raise ProblemError(409, str(error)) from None
    return opened


def _roles(app: FastAPI) -> dict[str, Analyzer | None]:
    shelf, shadow = app.state.shelf, app.state.shadow
    candidate = shadow.candidate if shadow is not None else None
    return {"active": shelf.active, "previous": shelf.previous, "shadow": candidate}


def _bundles(app: FastAPI) -> Response:
    show_bundles(app)
    named = {role: one and one.description["bundle"] for role, one in _roles(app).items()}
    return json_response(named)
