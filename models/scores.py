"""Scores: records to windows to logits. What answers and calibration stand on; decides nothing.

Two steps that may run in different threads: texts are cut into windows, windows of one padded
length are inferred together. What each record gets is what it would get alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from models.calibration import sigmoid
from models.decoding import pool_windows
from models.evidence import character_scores
from models.record import Record
from models.runtimes import Logits, Runtime
from models.spellings import read_spelled
from models.text import NormalisedText
from models.windows import Window, WindowReader, pack, pad

# What is scored at once, as token scores are large: 130 labels a token are half a kilobyte.
CHUNK_RECORDS = 512
CHUNK_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class TextScores:
    """A text with its windows and their logits: all that is needed to answer."""

    record: Record
    text: NormalisedText
    windows: Sequence[Window]
    logits: Sequence[Logits]

    def pooled(self) -> Mapping[str, NDArray[np.float64]]:
        """One set of logits for the whole text."""
        return pool_windows(self.logits, sizes=[len(window.ids) for window in self.windows])

    def characters(self, position: int) -> NDArray[np.float64]:
        """Probability of one evidence label at each character of the normalised text."""
        tokens = [sigmoid(w["tokens"][:, position].astype(np.float64)) for w in self.logits]
        return character_scores(self.windows, tokens, length=len(self.text.text))


@dataclass(frozen=True, slots=True)
class TextWindows:
    """A text cut into windows, not yet inferred."""

    record: Record
    text: NormalisedText
    windows: Sequence[Window]

    def scored(self, logits: Sequence[Logits]) -> TextScores:
        """The text with the logits of its windows, in their order."""
        return TextScores(self.record, self.text, self.windows, logits)


def cut_records(records: Sequence[Record], *, reader: WindowReader) -> list[TextWindows]:
    """Each record's text, normalised and cut into windows, in order."""
    texts = [read_spelled(record.text) for record in records]
    windows = reader.read([text.text for text in texts])
    groups = groupby(windows, key=lambda window: window.text)
    return [TextWindows(records[i], texts[i], list(own)) for i, own in groups]


def infer_windows(windows: Sequence[Window], *, runtime: Runtime) -> list[Logits]:
    """Logits of each window; all must have one padded length."""
    ids, mask = pad(windows)
    values = runtime.infer(ids, mask)
    return [{name: value[row] for name, value in values.items()} for row in range(len(windows))]


def score_records(
    records: Sequence[Record], *, reader: WindowReader, runtime: Runtime, batch_tokens: int
) -> Iterator[TextScores]:
    """Windows and logits of each record, in order.

    batch_tokens: padded tokens a call of the runtime, where more than one window fits.
    """
    cut = cut_records(records, reader=reader)
    windows = [window for text in cut for window in text.windows]
    logits: list[Logits] = [{}] * len(windows)
    for batch in pack(windows, batch_tokens=batch_tokens):
        for i, own in zip(
            batch, infer_windows([windows[i] for i in batch], runtime=runtime), strict=True
        ):
            logits[i] = own
    start = 0
    for text in cut:
        end = start + len(text.windows)
        yield text.scored(logits[start:end])
        start = end


def chunks_of(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """The records in pieces that can be scored at once, in order."""
    start = size = 0
    for at, record in enumerate(records):
        full = at - start >= CHUNK_RECORDS or size + len(record.text) > CHUNK_CHARACTERS
        if full and at > start:
            yield records[start:at]
            start, size = at, 0
        size += len(record.text)
    if start < len(records):
        yield records[start:]
