"""What serving asks of an analyzer: one protocol, met by ``models.analyzer.Analyzer``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from models.assessment import Assessment
from models.record import Record


class Analyzer(Protocol):
    """Reads records; the same record gets the same answer in whatever company it comes."""

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        """One assessment a record, in the order given."""
        ...

    @property
    def description(self) -> Mapping[str, Any]:
        """The bundle in words: versions, labels with names and thresholds, metrics."""
        ...
