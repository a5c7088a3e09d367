"""Routes of groups: cases that belong together, why, and what to verify. None accuses anyone."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response

from models.assessment import NOTICE
from models.links.kinds import read_kinds
from serving.api.intake import JsonRoute
from serving.api.keeping import ask, register_of
from serving.api.problems import field_problem
from serving.api.responses import json_response
from serving.api.schemas import Answer, problem_responses
from serving.api.service import service_of
from serving.register.grouped import GroupDetail

_MOST = 200
_FARTHEST = 1_000_000_000  # beyond every register, within every database's integers


class GroupOut(Answer):
    """案件组 · Cases that belong together, and what may explain it."""

    id: str = Field(description="组号 · id of the group")
    kind: str = Field(description="性质 · ring, household, same_seller …", examples=["household"])
    name: str = Field(description="名称 · the kind in words", examples=["同一家庭"])
    meaning: str = Field(description="含义 · what it may mean")
    size: int = Field(ge=0, description="件数 · members")
    since: str = Field(description="首件登记时间 · when its first case was stored")
    until: str = Field(description="末件登记时间 · when its last case was stored")
    why: list[str] = Field(description="关联依据 · what joins it")


class GroupsOut(Answer):
    """案件组列表 · Groups, the one with the newest case first."""

    groups: list[GroupOut] = Field(description="案件组 · groups")
    notice: str = Field(description="说明 · what a group does not do")


class GroupMemberOut(Answer):
    """组内案件 · A member, without its text or any name."""

    case_id: str = Field(description="案件编号 · id of the case")
    stored_at: str = Field(description="登记时间 · when it was stored")
    received_at: str | None = Field(description="受理时间 · when it was received")
    day: str = Field(
        description="日期,受理日,无法识别时为登记日 · day of receipt, else of storing",
        examples=["2026-11-26"],
    )
    level: str = Field(description="提示级别 · level of advice")
    route: str | None = Field(description="帮助去向 · where it goes instead of getting a level")
    primary_cause: str = Field(description="主要根因 · id of the primary cause")


class GroupLinkOut(Answer):
    """组内关联 · What joins two members."""

    case_ids: list[str] = Field(min_length=2, max_length=2, description="两件案件 · both cases")
    kind: str = Field(description="关联方式 · kind of link")
    score: float = Field(ge=0, le=1, description="强度 · 0 to 1")
    why: str = Field(description="理由 · the reason in words")


class DayOut(Answer):
    """一天 · Members that arrived on one day."""

    day: str = Field(description="日期 · day", examples=["2026-11-26"])
    cases: int = Field(ge=1, description="件数 · how many")


class GroupDetailOut(GroupOut):
    """案件组详情 · A group in full."""

    members: list[GroupMemberOut] = Field(description="组内案件 · in order of arrival")
    links: list[GroupLinkOut] = Field(description="关联 · between members")
    timeline: list[DayOut] = Field(description="时间分布 · days on which members arrived")
    verify: list[str] = Field(description="请核验 · what a person verifies")
    notice: str = Field(description="说明 · what a group does not do")


def group_routes() -> APIRouter:
    """``/v1/groups`` and ``/v1/groups/{group_id}``."""
    kinds = tuple(read_kinds().by_id)
    router = APIRouter(prefix="/v1", tags=["groups"], route_class=JsonRoute)

    @router.get(
        "/groups",
        response_model=GroupsOut,
        responses=problem_responses(401, 403, 404, 422, 429, 503),
        summary="案件组 · Groups of linked cases",
    )
    async def groups(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=_MOST, description="最多几组 · most groups")] = 50,
        offset: Annotated[
            int, Query(ge=0, le=_FARTHEST, description="跳过几组 · groups to skip")
        ] = 0,
        kind: Annotated[
            str | SkipJsonSchema[None],
            Query(description="只看此性质 · of one kind", json_schema_extra={"enum": [*kinds]}),
        ] = None,
    ) -> Response:
        """案件组 · Groups of linked cases, the one with the newest case first."""
        register, service = register_of(request), service_of(request.app)
        if kind is not None and kind not in kinds:
            wanted = ", ".join(kinds)
            raise field_problem("kind", f"应为以下之一 · must be one of {wanted}")
        found = await ask(service, register.groups, limit=limit, offset=offset, kind=kind)
        return json_response({"groups": [asdict(one) for one in found], "notice": NOTICE})

    @router.get(
        "/groups/{group_id}",
        response_model=GroupDetailOut,
        responses=problem_responses(401, 403, 404, 429, 503),
        summary="案件组详情 · One group",
    )
    async def group(group_id: str, request: Request) -> Response:
        """案件组详情 · Members, what joins them, when they came, and what to verify."""
        found = await ask(service_of(request.app), register_of(request).group, group_id)
        return json_response(_in_full(found))

    return router


def _in_full(group: GroupDetail) -> dict[str, Any]:
    return {
        **asdict(group.summary),
        "members": [asdict(member) for member in group.members],
        "links": [asdict(link) for link in group.links],
        "timeline": [{"day": day, "cases": count} for day, count in group.timeline],
        "verify": list(group.verify),
        "notice": NOTICE,
    }
