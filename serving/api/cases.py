"""Routes of single cases: read one as the register has it, and review it."""

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from starlette.responses import Response

from models.analyzer import Analyzer
from models.codebook import default_codebook
from models.labels import LabelSpace, label_space
from models.taxonomy import default_taxonomy
from serving.api.intake import JsonRoute
from serving.api.keeping import actor_of, ask, register_of, reviewer_of, written
from serving.api.responses import json_response
from serving.api.schemas import AssessmentOut, problem_responses
from serving.api.service import service_of
from serving.register.reviews import Review

_EXAMPLE: JsonDict = {
    "decision": "modify",
    "reviewer": "复核一组",
    "reason": "客户本人来函,未见代理",
    "changes": {"signs": [], "agent_run": False},
}


class SpanIn(BaseModel):
    """证据区间 · A stretch of the text that proves labels; code points, ``end`` exclusive."""

    model_config = ConfigDict(extra="forbid", strict=True)

    start: int = Field(ge=0, description="起始位置 · first code point")
    end: int = Field(ge=1, description="结束位置(不含)· one past the last")
    labels: list[str] = Field(min_length=1, description="标签 · ids that it proves")


class ChangesIn(BaseModel):
    """修改 · The labels that are meant; a field left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    primary: str | None = Field(None, description="主要根因 · one of ``causes``")
    causes: list[str] | None = Field(None, description="全部根因 · ids of causes")
    signs: list[str] | None = Field(None, description="迹象 · ids of signs")
    marks: list[str] | None = Field(None, description="保护性标志 · ids of marks")
    agent_run: bool | None = Field(None, description="是否代理 · whether an agent runs the case")
    demand: list[str] | None = Field(None, description="诉求 · demands")
    record_type: str | None = Field(None, description="记录类型 · kind of record")
    spans: list[SpanIn] | None = Field(None, description="证据 · spans of the text")


class ReviewIn(BaseModel):
    """复核意见 · A person's word on an assessment; both sides are kept."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    decision: Literal["accept", "modify", "reject"] = Field(
        description="结论 · accept 认可, modify 修改, reject 不认可"
    )
    reviewer: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="复核人或岗位,未启用密钥时必填,启用时以密钥名称为准 · who reviews, not a "
        "customer; required without keys, with keys in use the key's name takes its place; "
        "stored masked",
    )
    reason: str | None = Field(
        None, max_length=2000, description="理由,修改和不认可时必填 · stored masked"
    )
    changes: ChangesIn | None = Field(None, description="修改内容 · with modify only")

    def to_review(self, *, reviewer: str) -> Review:
        """The same review as the register knows it, by this reviewer."""
        changes = self.changes.model_dump(exclude_none=True) if self.changes else {}
        return Review(self.decision, reviewer, self.reason, changes)


class ReviewedOut(BaseModel):
    """已登记的复核 · A review as it stands in the register."""

    model_config = ConfigDict(extra="forbid")

    at: str = Field(description="时间 · ISO 8601, UTC")
    reviewer: str = Field(description="复核人 · who reviewed")
    decision: str = Field(description="结论 · accept, modify or reject")
    reason: str | None = Field(description="理由 · why, masked")
    before: dict[str, Any] = Field(description="复核前 · the labels that stood")
    after: dict[str, Any] | None = Field(description="复核后 · those meant; null: rejected")


class CaseOut(BaseModel):
    """案件 · A case as the register has it: text and evidence masked."""

    model_config = ConfigDict(extra="forbid")

    case_id: str = Field(description="案件编号 · id of the case")
    version: int = Field(ge=1, description="版本 · counts other contents under the same id")
    stored_at: str = Field(description="登记时间 · ISO 8601, UTC")
    text: str | None = Field(description="投诉原文,已遮盖 · masked; null: texts are not kept")
    assessment: AssessmentOut = Field(description="分析结果 · with links as of now")
    reviews: list[ReviewedOut] = Field(description="复核记录 · first to last")


def labels_of(analyzer: object) -> LabelSpace:
    """The ids that labels of each kind may have: its bundle's, or the package's if it has none."""
    if isinstance(analyzer, Analyzer):
        return analyzer.bundle.labels
    return label_space(default_taxonomy(), default_codebook())


def case_routes() -> APIRouter:
    """``/v1/cases/{case_id}`` and its review. An id may hold slashes."""
    router = APIRouter(prefix="/v1", tags=["cases"], route_class=JsonRoute)

    @router.get(
        "/cases/{case_id:path}",
        response_model=CaseOut,
        responses=problem_responses(401, 403, 404, 410, 429, 503),
        summary="查看案件 · A case",
    )
    async def case(case_id: str, request: Request) -> Response:
        """查看案件 · The newest version of a case, masked, with its reviews and links of now."""
        kept = await ask(service_of(request.app), register_of(request).get, case_id)
        reviews = [asdict(review) for review in kept.reviews]
        return json_response(
            {
                "case_id": kept.case_id,
                "version": kept.version,
                "stored_at": kept.stored_at,
                "text": kept.text,
                "assessment": kept.answer,
                "reviews": reviews,
            }
        )

    @router.post(
        "/cases/{case_id:path}/review",
        response_model=ReviewedOut,
        responses=problem_responses(400, 401, 403, 404, 408, 410, 413, 415, 422, 429, 503),
        summary="复核案件 · Review a case",
    )
    async def review(case_id: str, given: ReviewIn, request: Request) -> Response:
        """复核案件 · Add a review: accept, modify or reject. Nothing is overwritten.

        With keys in use the reviewer is the key's name, whatever the body says.
        """
        register, service = register_of(request), service_of(request.app)
        meant = given.to_review(reviewer=await reviewer_of(request, given.reviewer))
        known = labels_of(service.shelf.active)
        writing = register.submit_review(case_id, meant, actor=actor_of(request), known=known)
        found = await written(writing, deadline_s=service.settings.deadline_s)
        return json_response(asdict(found))

    return router
