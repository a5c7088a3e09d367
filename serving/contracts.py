"""What serving asks of an analyzer: one protocol, met by ``models.analyzer.Analyzer``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from models.assessment import Assessment
from models.record import Record
from models.runtimes import Logits
from models.scores import TextScores, TextWindows
from models.windows import Window


class Analyzer(Protocol):
    """Reads records; the same record gets the same answer in whatever company it comes.

    ``assess`` does all at once, for files. The service runs its three steps apart: ``cut`` and
    ``answer`` in several threads, ``infer`` in one.
    """

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        """One assessment a record, in the order given."""
        ...

    def cut(self, records: Sequence[Record]) -> list[TextWindows]:
        """The windows of each record, in the order given."""
        ...

    def infer(self, windows: Sequence[Window]) -> list[Logits]:
        """Logits of each window; all have one padded length."""
        ...

    def answer(self, scores: TextScores) -> Assessment:
        """The assessment that a record's scores amount to."""
        ...

    @property
    def description(self) -> Mapping[str, Any]:
        """The bundle in words: versions, labels with names and thresholds, metrics."""
        ...
