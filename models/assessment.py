"""Assessments: the answer to one record, as frozen data and as the JSON object users see."""

from dataclasses import dataclass, field
from typing import Any

NOTICE = "提示仅供核验,不影响受理、时限和处理结果"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words of the original text that prove a label; ``text`` is exactly ``[start:end]``."""

    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Label:
    """A cause or a protective mark found in a text."""

    id: str
    name: str
    probability: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class SignFound:
    """A sign of the codebook found in a text, with what speaks for an innocent reading."""

    id: str
    name: str
    strength: str
    probability: float
    evidence: tuple[Evidence, ...]
    innocent_reading: str
    verify: str


@dataclass(frozen=True, slots=True)
class RootCause:
    """The causes alleged: ``primary`` is one of ``labels``; ``level1`` are their parents.

    ``path`` leads from level 1 down to the primary cause, itself the last.
    """

    primary: Label
    labels: tuple[Label, ...]
    level1: tuple[Label, ...]
    bulletin_type: str
    path: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentSigns:
    """Signs of a proxy-surrender agent; ``level`` is advice on who reviews, nothing else.

    ``route``: where the case goes instead of getting a level, an id of the codebook's routes.
    """

    level: str
    probability: float
    signs: tuple[SignFound, ...]
    marks: tuple[Label, ...]
    reasons: tuple[str, ...]
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Facets:
    """What else the text says: the demand is never a cause."""

    demand: tuple[str, ...]
    record_type: str
    role: str


@dataclass(frozen=True, slots=True)
class Link:
    """One tie to another case: its kind, how strong (0-1) and why."""

    case_id: str
    kind: str
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Related:
    """What the case is linked to; ``size`` counts the group's members."""

    group_id: str | None = None
    size: int = 0
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewAdvice:
    """Whether a person should read the case before relying on the answer, and why."""

    needed: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextRead:
    """How the text was read: code points, windows, language (``zh``, ``other`` or ``empty``)."""

    chars: int
    windows: int
    language: str


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """Which bundle, taxonomy and codebook gave the answer."""

    bundle: str
    taxonomy: str
    codebook: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer to one record."""

    case_id: str | None
    root_cause: RootCause
    agent: AgentSigns
    facets: Facets
    review: ReviewAdvice
    text: TextRead
    model: ModelUsed
    related: Related = field(default_factory=Related)
    advisory: bool = True
    notice: str = NOTICE


def as_json(assessment: Assessment) -> dict[str, Any]:
    """The JSON object of the assessment: plain dicts, lists, strings and numbers."""
    answer = as_plain(assessment)
    root = answer["root_cause"]
    del root["primary"]["evidence"]  # it stands under labels, once
    for node in (*root["level1"], *root["path"]):
        del node["evidence"]
    return answer  # type: ignore[no-any-return]


def as_plain(value: Any) -> Any:
    """A frozen answer, or part of one, as dicts and lists; numbers with six places."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: as_plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return [as_plain(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
