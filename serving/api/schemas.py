"""Wire types of API version 1: what may be asked, what is answered, and how both are documented.

Requests are parsed by these models. Answers are written from ``models.assessment`` (one source for
files and API); the answer models here document that object and are tested against it.
"""

from dataclasses import fields
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from models.record import GENRES, MOST_FIELD_CHARS, Record
from serving.settings import MOST_RECORDS

RECORD_FIELDS = tuple(field.name for field in fields(Record))

EXAMPLE: JsonDict = {
    "case_id": "T-0001",
    "text": "理赔资料交了四十天,客服每次都说在审核,到现在一分钱没有赔下来。",
    "channel": "agent",
}


Short = Annotated[str, StringConstraints(max_length=MOST_FIELD_CHARS)]


class RecordIn(BaseModel):
    """一件投诉 · One complaint. Only ``text`` is required; unknown fields are refused by name."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [EXAMPLE]}
    )

    text: str = Field(
        description="投诉全文,任意长度,空文本也会得到回答 · the whole text, never cut"
    )
    case_id: Short | None = Field(None, description="案件编号,原样返回 · given back as it came")
    received_at: Short | None = Field(None, description="受理时间 · ISO 8601")
    genre: Short | None = Field(
        None,
        description="文体,不填则由模型判断 · left out, it is inferred",
        json_schema_extra={"enum": [*GENRES, None]},
    )
    source: Short | None = Field(None, description="投诉来源 · where it was filed")
    channel: Short | None = Field(None, description="销售渠道 · channel of the sale")
    product: Short | None = Field(None, description="险种 · kind of product")
    role: Short | None = Field(None, description="投诉人身份 · who is speaking")
    phone: Short | None = Field(None, description="联系电话 · for links only, never logged")
    address: Short | None = Field(None, description="地址 · for links only, never logged")
    payee_account: Short | None = Field(None, description="收款账户 · for links only, never logged")
    policyholder: Short | None = Field(None, description="投保人 · never logged")
    policy_no: Short | None = Field(None, description="保单号 · never logged")
    seller: Short | None = Field(None, description="销售人员 · for links only, never logged")
    attachment_author: Short | None = Field(None, description="附件作者 · author of a file")

    @field_validator("genre")
    @classmethod
    def check_genre(cls, genre: str | None) -> str | None:
        """A genre that the policy knows; a foreign one would switch off the one inferred."""
        if genre is None or not genre.strip():
            return None
        if genre not in GENRES:
            raise PydanticCustomError("foreign_genre", "not a genre")
        return genre

    def to_record(self) -> Record:
        """The same complaint as the models know it."""
        return Record(**{name: getattr(self, name) for name in RECORD_FIELDS})


class BatchIn(BaseModel):
    """一批投诉 · Up to 256 complaints, answered in the order given."""

    model_config = ConfigDict(extra="forbid", strict=True)

    records: list[RecordIn] = Field(max_length=MOST_RECORDS, description="投诉列表 · in any order")


class Answer(BaseModel):
    """What is answered: every field is in the schema, and no other."""

    model_config = ConfigDict(extra="forbid")


class EvidenceOut(Answer):
    """证据原文 · Words of the text that prove a label; offsets count Unicode code points."""

    start: int = Field(ge=0, description="起始位置 · first code point", examples=[0])
    end: int = Field(ge=0, description="结束位置(不含)· one past the last", examples=[9])
    text: str = Field(
        description="原文片段 · exactly text[start:end]", examples=["理赔资料交了四十天"]
    )
    score: float = Field(ge=0, le=1, description="证据得分 · 0 to 1")


class NamedOut(Answer):
    """标签 · A label with its calibrated probability."""

    id: str = Field(description="稳定标识 · stable id", examples=["CLAIM.CLAIM_DELAY"])
    name: str = Field(description="中文名称 · Chinese name", examples=["理赔时效"])
    probability: float = Field(ge=0, le=1, description="校准后的概率 · calibrated", examples=[0.93])


class LabelOut(NamedOut):
    """有证据的标签 · A label with the words that prove it."""

    evidence: list[EvidenceOut] = Field(description="证据 · spans of the text")


class SignOut(LabelOut):
    """代理退保迹象 · A sign, always with its innocent reading and the way to verify it."""

    strength: str = Field(description="强度 · strong, medium or weak", examples=["weak"])
    innocent_reading: str = Field(description="善意解释 · what speaks for a genuine customer")
    verify: str = Field(description="核验方法 · how a person checks it")


class RootCauseOut(Answer):
    """根因 · The causes alleged; never empty."""

    primary: NamedOut = Field(description="主要根因 · one of ``labels``")
    labels: list[LabelOut] = Field(
        min_length=1, description="全部根因 · every cause, with evidence"
    )
    level1: list[NamedOut] = Field(description="一级根因 · parents of the labels")
    bulletin_type: str = Field(description="通报类别 · category of the bulletin", examples=["理赔"])
    path: list[NamedOut] = Field(
        default_factory=list, description="主要根因的各级 · from level 1 down to ``primary``"
    )


class AgentOut(Answer):
    """代理退保提示 · Advice on who reviews a case; it never refuses or delays a complaint."""

    level: str = Field(
        description="提示级别 · NONE 无提示, WATCH 关注, REVIEW 建议核验, PRIORITY 重点核验",
        examples=["NONE"],
    )
    probability: float = Field(
        ge=0,
        le=1,
        description=(
            "概率,级别 NONE 时不代表任何事 · "
            "that an agent runs the case; at level NONE it means nothing"
        ),
    )
    signs: list[SignOut] = Field(description="迹象 · signs found")
    marks: list[LabelOut] = Field(description="保护性标志 · marks of a genuine customer")
    reasons: list[str] = Field(description="级别理由 · why this level")
    route: str | None = Field(
        default=None,
        description="帮助去向 · safety 安全关怀, victim_help 受害帮扶: help instead of a level",
    )


class FacetsOut(Answer):
    """其他要素 · What else the text says."""

    demand: list[str] = Field(description="诉求 · demands; never a cause")
    record_type: str = Field(description="记录类型 · kind of record", examples=["complaint"])
    role: str = Field(description="投诉人身份 · who is speaking", examples=["policyholder"])


class LinkOut(Answer):
    """关联 · One tie to another case."""

    case_id: str = Field(description="关联案件 · the other case")
    kind: str = Field(description="关联方式 · phone, address, account, template or author")
    score: float = Field(ge=0, le=1, description="强度 · 0 to 1")
    why: str = Field(description="理由 · the reason in words")


class RelatedOut(Answer):
    """关联案件 · What the case is linked to."""

    group_id: str | None = Field(description="组号 · group, if any")
    size: int = Field(ge=0, description="组内案件数 · members of the group")
    links: list[LinkOut] = Field(description="关联 · ties to other cases")


class ReviewOut(Answer):
    """人工复核 · Whether a person should read the case before relying on the answer."""

    needed: bool = Field(description="需要复核 · true: read it yourself")
    reasons: list[str] = Field(description="复核理由 · why")


class TextOut(Answer):
    """文本 · How the text was read."""

    chars: int = Field(ge=0, description="字数 · code points of the text")
    windows: int = Field(ge=0, description="窗口数 · windows read; all of the text is read")
    language: str = Field(description="语言 · zh, other or empty", examples=["zh"])


class ModelOut(Answer):
    """版本 · What gave the answer."""

    bundle: str = Field(description="模型包 · bundle")
    taxonomy: str = Field(description="根因体系版本 · taxonomy version")
    codebook: str = Field(description="迹象手册版本 · codebook version")


class AssessmentOut(Answer):
    """一件投诉的分析结果 · The answer to one record. Advisory, always."""

    case_id: str | None = Field(description="案件编号 · as given")
    root_cause: RootCauseOut
    agent: AgentOut
    facets: FacetsOut
    review: ReviewOut
    text: TextOut
    model: ModelOut
    related: RelatedOut
    advisory: bool = Field(description="仅供参考 · always true")
    notice: str = Field(description="说明 · what a flag does not do")


class BatchOut(Answer):
    """一批结果 · One assessment a record, in the order of the request."""

    assessments: list[AssessmentOut]


class DescriptionOut(BaseModel):
    """模型说明 · The bundle in use: versions, labels with names and thresholds, metrics."""

    model_config = ConfigDict(extra="allow")

    bundle: str = Field(description="模型包 · name and fingerprint of the bundle")
    created: str | None = Field(None, description="生成时间 · when it was trained")
    taxonomy: str = Field(description="根因体系版本 · taxonomy version")
    codebook: str = Field(description="迹象手册版本 · codebook version")
    runtime: str = Field(description="推理引擎 · inference runtime")
    labels: list[dict[str, Any]] = Field(description="标签 · id, Chinese name, threshold")
    levels: list[dict[str, Any]] = Field(description="提示级别 · id and Chinese name")
    metrics: dict[str, Any] = Field(description="评估指标 · figures measured at training")


class StateOut(Answer):
    """服务状态 · State of the service."""

    status: str = Field(description="状态 · ok", examples=["ok"])


class FieldFault(Answer):
    """字段错误 · One field and what is wrong with it; the value itself is never repeated."""

    field: str = Field(description="字段 · path of the field", examples=["records[3].text"])
    reason: str = Field(description="原因 · what is wanted", examples=["必填 · required"])


class Problem(Answer):
    """问题说明 · Problem details (RFC 9457), as application/problem+json."""

    type: str = Field(description="类型 · stable name of the kind of problem")
    title: str = Field(description="标题 · the kind of problem in words")
    status: int = Field(description="状态码 · HTTP status")
    detail: str = Field(description="详情 · place, value found, value wanted")
    instance: str = Field(description="本次请求 · the request id, as a URN")
    errors: list[FieldFault] = Field(description="字段错误 · one entry a field; may be empty")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for these statuses, all with problem details."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {"application/problem+json": {"schema": schema}}
    return {status: {"content": content, "description": TITLES[status]} for status in statuses}


TITLES = {
    400: "请求体无法解析 · the body cannot be read",
    401: "需要有效的密钥 · a valid key is needed",
    403: "不允许 · not allowed",
    404: "没有这个地址 · no such address",
    405: "不支持这种方法 · method not allowed",
    408: "请求体未在时限内到达 · the body did not arrive in time",
    409: "与现状冲突 · in conflict with what is there",
    410: "案件已按要求删除 · the case was forgotten",
    413: "内容过大 · too large",
    415: "内容类型不支持 · content type not supported",
    422: "字段有误 · a field is wrong",
    429: "请求过多,请稍后重试 · too much to do, try again later",
    499: "客户端已离开 · the client has gone",
    500: "服务内部错误 · internal error",
    503: "暂时无法服务 · not available now",
}
