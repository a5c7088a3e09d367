"""Records: a complaint as it arrives, and the same with labels. Knows nothing about files."""

from dataclasses import dataclass, field

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
