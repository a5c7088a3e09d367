"""Scores a file slowly, in a process that a test may kill: SOURCE OUT alone|processes."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.analyzer import load_analyzer
from models.assessment import (
    AgentSigns,
    Assessment,
    Evidence,
    Facets,
    Label,
    ModelUsed,
    ReviewAdvice,
    RootCause,
    TextRead,
)
from models.record import Record
from serving.engines.local import Alone, ProcessPool
from serving.files.scoring import Outcome, score_file


class SlowReader:
    """Answers by the length of a text, a moment later."""

    def __init__(self, seconds: float = 0.02) -> None:
        self._seconds = seconds

    @property
    def description(self) -> Mapping[str, Any]:
        return {"bundle": "slow@0000"}

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        time.sleep(self._seconds)
        return [_read(record) for record in records]


def _read(record: Record) -> Assessment:
    share = 1 / (1 + len(record.text))
    words = (Evidence(0, len(record.text), record.text, share),)
    label = Label("OTHER.UNCLEAR", "事实不清", share, words)
    return Assessment(
        case_id=record.case_id,
        root_cause=RootCause(label, (label,), (), "其他"),
        agent=AgentSigns("NONE", share, (), (), ()),
        facets=Facets(("unknown",), "complaint", "policyholder"),
        review=ReviewAdvice(False),
        text=TextRead(len(record.text), 1, "zh"),
        model=ModelUsed("slow@0000", "0.1", "0.1"),
    )


def score_slowly(
    source: Path, out: Path, *, engine: str = "alone", seconds: float = 0.02, chunk: int = 5
) -> Outcome:
    if engine == "processes":
        analyzer = load_analyzer(threads=1)
        workers = ProcessPool(analyzer, workers=2, few=1)
        return score_file(source, out, analyzer=analyzer, engine=workers, chunk=4)
    reader = SlowReader(seconds)
    return score_file(source, out, analyzer=reader, engine=Alone(reader), chunk=chunk)


if __name__ == "__main__":
    score_slowly(Path(sys.argv[1]), Path(sys.argv[2]), engine=sys.argv[3])
