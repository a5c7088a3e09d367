"""Masking: which tokens of a batch are hidden, and what stands in their place.

Pure functions of blocks and a generator; they know nothing about networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.pretraining.corpora import Block

IGNORED = -100  # label of a token that is not to be guessed


@dataclass(frozen=True, slots=True)
class Masked:
    """A batch with some tokens hidden; all (batch, tokens) int64.

    ``labels``: the hidden tokens at their places, ``IGNORED`` elsewhere.
    """

    ids: Tensor
    mask: Tensor
    labels: Tensor


def mask_blocks(
    blocks: Sequence[Block],
    *,
    share: float,
    whole_words: bool,
    mask_id: int,
    ordinary: NDArray[np.int64],
    generator: np.random.Generator,
) -> Masked:
    """Hides about ``share`` of the tokens, or of the words with all their tokens.

    Of the hidden tokens 80 % become the mask, 10 % one of ``ordinary`` (token numbers), 10 % stay
    as they were (Devlin et al. 2019). Padding is 0; special tokens are never hidden.
    """
    ids, words = _padded([block.ids for block in blocks], 0), _padded([b.words for b in blocks], -1)
    lengths = np.array([[len(block.ids)] for block in blocks])
    hidden = _drawn(words, share=share, whole_words=whole_words, generator=generator)
    labels = np.where(hidden, ids, IGNORED)
    fate = generator.random(ids.shape)
    shown = np.where(hidden & (fate < 0.8), mask_id, ids)
    shown = np.where(hidden & (fate >= 0.9), generator.choice(ordinary, ids.shape), shown)
    mask = (np.arange(ids.shape[1]) < lengths).astype(np.int64)
    return Masked(torch.from_numpy(shown), torch.from_numpy(mask), torch.from_numpy(labels))


def _padded(rows: Sequence[NDArray[np.int64]], filling: int) -> NDArray[np.int64]:
    padded = np.full((len(rows), max(map(len, rows))), filling, dtype=np.int64)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return padded


def _drawn(
    words: NDArray[np.int64], *, share: float, whole_words: bool, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """(batch, tokens): one throw of the dice a word, or one a token; at least one is hidden."""
    if whole_words:
        dice = generator.random((len(words), int(words.max()) + 2))
        thrown = np.take_along_axis(dice, words + 1, axis=1)
    else:
        thrown = generator.random(words.shape)
    hidden = (thrown < share) & (words >= 0)
    if not hidden.any():  # a loss over nothing is no number
        hidden = (thrown == thrown[words >= 0].min()) & (words >= 0)
    return hidden
