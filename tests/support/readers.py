"""Small deterministic analyzers, by which the service around them is tried.

Scripts import this file by its path: it stands on the product alone, on no other file of the tests.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.assessment import (
    AgentSigns,
    Assessment,
    Evidence,
    Facets,
    Label,
    ModelUsed,
    ReviewAdvice,
    RootCause,
    SignFound,
    TextRead,
)
from models.record import Record
from models.runtimes import Logits
from models.scores import TextScores, TextWindows
from models.text import NormalisedText
from models.windows import Window

DELAY = ("CLAIM.CLAIM_DELAY", "理赔时效")
UNCLEAR = ("OTHER.UNCLEAR", "事实不清")


class KeywordAnalyzer:
    """Reads by two words: 理赔 is a late claim, 全额退保 a sign. Deterministic."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    @property
    def description(self) -> Mapping[str, Any]:
        names = {"NONE": "无提示", "WATCH": "关注", "REVIEW": "建议核验", "PRIORITY": "重点核验"}
        return {
            "bundle": "keywords@0000",
            "created": None,
            "taxonomy": "0.1",
            "codebook": "0.1",
            "runtime": "words",
            "labels": [{"id": DELAY[0], "name": DELAY[1], "threshold": 0.5}],
            "levels": [{"id": id_, "name": name} for id_, name in names.items()],
            "routes": [],
            "metrics": {},
        }

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        self.batches.append(len(records))
        return [self._read(record) for record in records]

    def cut(self, records: Sequence[Record]) -> list[TextWindows]:
        return [
            TextWindows(record, NormalisedText(record.text, record.text), windows_of(record.text))
            for record in records
        ]

    def infer(self, windows: Sequence[Window]) -> list[Logits]:
        self.batches.append(len(windows))
        return [{} for _ in windows]

    def answer(self, scores: TextScores) -> Assessment:
        return self._read(scores.record)

    def _read(self, record: Record) -> Assessment:
        late = find_words(record.text, "理赔")
        full = find_words(record.text, "全额退保")
        id_, name = DELAY if late else UNCLEAR
        share = len(late) / (len(late) + 1) if late else 0.2
        return Assessment(
            case_id=record.case_id,
            root_cause=RootCause(
                primary=Label(id_, name, share),
                labels=(Label(id_, name, share, late),),
                level1=(Label("CLAIM", "理赔", share),) if late else (),
                bulletin_type="理赔" if late else "其他",
            ),
            agent=AgentSigns(
                level="WATCH" if full else "NONE",
                probability=0.3 if full else 0.0,
                signs=sign_of(full),
                marks=(),
                reasons=("出现全额退保",) if full else (),
            ),
            facets=Facets(("full_refund",) if full else ("unknown",), "complaint", "policyholder"),
            review=ReviewAdvice(not late, () if late else ("未能从文本中认定具体原因",)),
            text=TextRead(len(record.text), 1, "zh" if record.text.strip() else "empty"),
            model=ModelUsed("keywords@0000", "0.1", "0.1"),
        )


class GatedAnalyzer(KeywordAnalyzer):
    """Answers only while its gate is open; ``entered`` says that it has begun to read."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def infer(self, windows: Sequence[Window]) -> list[Logits]:
        self.entered.set()
        if not self.gate.wait(timeout=10):
            raise TimeoutError("a test left the gate closed")
        return super().infer(windows)

    def shut(self) -> None:
        """From now on the next batch waits; ``entered`` tells when it does."""
        self.gate.clear()
        self.entered.clear()


class BrokenAnalyzer(KeywordAnalyzer):
    """Fails on a text with 坏 in it, and says the text in its error as careless code does."""

    def cut(self, records: Sequence[Record]) -> list[TextWindows]:
        for record in records:
            if "坏" in record.text:
                raise ValueError(f"cannot read {record.text!r}")
        return super().cut(records)


def windows_of(text: str) -> list[Window]:
    """Windows of at most 512 tokens, one a character: only their number and length matter."""
    sizes = [len(text[start : start + 510]) + 2 for start in range(0, len(text) or 1, 510)]
    return [Window(0, np.zeros(size, np.int64), np.zeros((size, 2), np.int64)) for size in sizes]


def find_words(text: str, words: str) -> tuple[Evidence, ...]:
    places = range(len(text) - len(words) + 1)
    starts = (place for place in places if text.startswith(words, place))
    return tuple(Evidence(start, start + len(words), words, 0.9) for start in starts)


def sign_of(evidence: tuple[Evidence, ...]) -> tuple[SignFound, ...]:
    if not evidence:
        return ()
    sign = ("PS_FULL_REFUND_ONLY", "只要全额退保", "weak", 0.6)
    return (SignFound(*sign, evidence, "多数真实客户也这样要求", "先核对保单与诉求"),)
