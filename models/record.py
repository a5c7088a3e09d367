"""Records: a complaint as it arrives, and the same with labels. Knows nothing about files."""

from dataclasses import dataclass, field, replace
from typing import Any

MOST_FIELD_CHARS = 1_000
"""Characters of any field but the text; what is longer is no name, number or address."""

GENRES = (
    "own_words",
    "letter_formal",
    "operator_summary",
    "asr_transcript",
    "chat_log",
    "ocr",
    "staff_note",
    "mixed",
)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text: code points of the original, ``end`` exclusive."""

    start: int
    end: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One complaint as intake has it. Only ``text`` is required; an absent field is None."""

    text: str
    case_id: str | None = None
    received_at: str | None = None
    genre: str | None = None
    source: str | None = None
    channel: str | None = None
    product: str | None = None
    role: str | None = None
    phone: str | None = None
    address: str | None = None
    payee_account: str | None = None
    policyholder: str | None = None
    policy_no: str | None = None
    seller: str | None = None
    attachment_author: str | None = None

    def stated(self) -> "Record":
        """The same, without what an intake form makes people write where nobody knows (不详)."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in _STATED}
        kept: dict[str, Any] = {n: None if v and is_unknown(v) else v for n, v in fields.items()}
        return self if kept == fields else replace(self, **kept)


# Fields that are compared between cases: two unknowns are not the same.
_STATED = (
    *("source", "phone", "address", "payee_account", "policyholder", "policy_no", "seller"),
    "attachment_author",
)
_UNKNOWN = frozenset(
    {
        *("不详", "未知", "无", "没有", "暂无", "不清楚", "不清", "不知道", "不明", "保密", "匿名"),
        *("未提供", "未填写", "未登记", "不愿提供", "拒绝提供", "无法提供"),
        *("地址不详", "住址不详", "姓名不详", "电话不详"),
        *("none", "null", "nil", "n/a", "na", "unknown"),
    }
)


def is_unknown(value: str) -> bool:
    """Whether a field says no more than that nobody knows, or nothing at all."""
    words = value.strip().strip("-—–_/\\.。*?？()（）[]").strip().casefold()
    return not words or words in _UNKNOWN


@dataclass(frozen=True, slots=True)
class LabelledRecord:
    """A record with what annotators allege from its text alone.

    ``causes`` are leaf or technical cause ids and contain ``primary``; ``signs`` and ``marks``
    are codebook ids. ``group`` joins records of one story (never split apart), ``writer`` says
    who wrote the text.
    """

    record: Record
    primary: str
    causes: tuple[str, ...]
    signs: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    agent_run: bool = False
    demand: tuple[str, ...] = ()
    record_type: str = "complaint"
    group: str | None = None
    writer: str | None = None
    spans: tuple[Span, ...] = field(default=())
