"""Texts to windows of token ids. Knows the tokenizer and lengths, nothing about labels.

A text longer than the network reads at once becomes overlapping windows; nothing is cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

STEP = 16  # lengths are padded to multiples of this, whoever else is in the batch


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of a text as the network reads it.

    ids: (tokens,) int64, special tokens at both ends. offsets: (tokens, 2), code points of the
    normalised text; special tokens have empty offsets (0, 0).
    """

    text: int  # position of the text in the call
    ids: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @property
    def padded(self) -> int:
        """Length in the batch: the same for this window in every batch, so answers are too."""
        return -(-len(self.ids) // STEP) * STEP


class WindowReader:
    """Cuts texts into windows of at most ``window`` tokens that share ``overlap`` tokens."""

    def __init__(self, tokenizer: Tokenizer, *, window: int, overlap: int) -> None:
        if not 0 <= overlap < window - 2:
            raise ValueError(f"overlap {overlap} does not fit a window of {window} tokens")
        tokenizer.no_padding()
        tokenizer.no_truncation()
        # A complaint that says "[SEP]" says these five characters.
        tokenizer.encode_special_tokens = True
        self.tokenizer = tokenizer
        self.window = window
        self.overlap = overlap
        special = tokenizer.encode("").ids
        if len(special) != 2:
            raise ValueError(f"{len(special)} special tokens around an empty text, 2 wanted")
        self._first, self._last = special[:1], special[-1:]

    @classmethod
    def from_file(cls, path: Path, *, window: int, overlap: int) -> "WindowReader":
        """The reader of a ``tokenizer.json``."""
        return cls(Tokenizer.from_file(str(path)), window=window, overlap=overlap)

    def read(self, texts: Sequence[str]) -> list[Window]:
        """Windows of normalised texts, in order; every text has at least one."""
        encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [window for i, encoding in enumerate(encodings) for window in self._cut(i, encoding)]

    def _cut(self, text: int, encoding: Encoding) -> Iterator[Window]:
        room = self.window - 2
        ids, offsets = encoding.ids, encoding.offsets
        for start in range(0, max(1, len(ids) - self.overlap), room - self.overlap):
            yield Window(
                text,
                np.array(self._first + ids[start : start + room] + self._last, dtype=np.int64),
                np.array([(0, 0), *offsets[start : start + room], (0, 0)], dtype=np.int64),
            )


def pack(windows: Sequence[Window], *, batch_tokens: int) -> list[list[int]]:
    """Positions of the windows in batches of one padded length and at most ``batch_tokens``.

    One length a batch: padding then never depends on a neighbour, and neither does an answer.
    """
    order = sorted(range(len(windows)), key=lambda i: windows[i].padded)
    batches: list[list[int]] = []
    for i in order:
        length = windows[i].padded
        batch = batches[-1] if batches else []
        same = bool(batch) and windows[batch[0]].padded == length
        if same and length * (len(batch) + 1) <= batch_tokens:
            batch.append(i)
        else:
            batches.append([i])
    return batches


def pad(windows: Sequence[Window]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids and mask, both (batch, tokens), of windows of one padded length; padding is 0."""
    ids = np.zeros((len(windows), windows[0].padded), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, window in enumerate(windows):
        ids[row, : len(window.ids)] = window.ids
        mask[row, : len(window.ids)] = 1
    return ids, mask
