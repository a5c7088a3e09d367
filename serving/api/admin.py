"""Routes for operators: take a bundle into use, go back, try one in the shadow."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.intake import AdminRoute
from serving.api.problems import ProblemError
from serving.api.responses import json_response
from serving.api.schemas import problem_responses
from serving.api.service import Service, service_of
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
        service = service_of(request.app)
        async with service.shelf.changing:
            service.shelf.use(await _open(service, choice.bundle))
        return _bundles(service)

    @router.post(
        "/bundle/rollback",
        response_model=BundlesOut,
        responses=_CANNOT_CHANGE,
        summary="恢复之前的模型包 · Go back to the bundle before",
    )
    async def roll_back(request: Request) -> Response:
        """恢复之前的模型包 · Go back to the bundle that was in use before; at once."""
        service = service_of(request.app)
        async with service.shelf.changing:
            try:
                service.shelf.roll_back()
            except ShelfError as error:
                raise ProblemError(409, str(error)) from None
        return _bundles(service)

    @router.post(
        "/shadow",
        response_model=BundlesOut,
        responses=_CANNOT_CHANGE,
        summary="影子运行 · Let a candidate read along",
    )
    async def set_shadow(choice: ShadowIn, request: Request) -> Response:
        """影子运行 · A candidate reads the same complaints in idle time; its answers go nowhere."""
        service, named = service_of(request.app), choice.bundle
        shelf = service.shelf
        async with shelf.changing:
            candidate = await _open(service, named) if named is not None else None
            before = shelf.shadow
            shelf.shadow = Shadow(candidate, service.scheduler) if candidate else None
            if before is not None:
                await before.stop()
        return _bundles(service)

    @router.get(
        "/shadow",
        response_model=ShadowOut,
        responses=problem_responses(401, 403, 429),
        summary="影子比较 · What the shadow found",
    )
    async def shadow(request: Request) -> Response:
        """影子比较 · How often the candidate answered differently; ids of labels, no text."""
        found = service_of(request.app).shelf.shadow
        return json_response(found.report() if found is not None else _NO_SHADOW)

    return router


async def _open(service: Service, name: str) -> Analyzer:
    try:
        return await asyncio.to_thread(service.shelf.open, name)
    except ShelfError as error:
        raise ProblemError(409, str(error)) from None


def _bundles(service: Service) -> Response:
    service.follow_bundles()
    roles = service.shelf.roles.items()
    return json_response({role: one and one.description["bundle"] for role, one in roles})
