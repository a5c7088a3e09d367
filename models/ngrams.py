"""Scores from single tokens and pairs: a linear reader beside the encoder, in the same graph.

A small encoder has read too little to know every turn of phrase; a table of token pairs fitted on
the labelled texts knows the ones they hold. Weights of rarity, one linear score an output (as in
Wang and Manning 2012, "Baselines and Bigrams"), stored in eight bits. Imports torch.
"""

import torch
from torch import Tensor, nn

from models.ngram_slots import MULTIPLIER, SHIFT, STRIDE


class NgramScores(nn.Module):
    """Scores of the known tokens and token pairs of a window.

    Row 0 stands for every n-gram that is not known and scores nothing. Buffers: ``rows`` (slots,)
    slot to row; ``keys`` (n-grams + 1,); ``idf`` (n-grams + 1,); ``weight`` (n-grams + 1,
    outputs) int8, times ``scale`` (outputs,); ``bias`` (outputs,).
    """

    rows: Tensor
    keys: Tensor
    idf: Tensor
    weight: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, ngrams: int, slots: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(slots, dtype=torch.int32))
        self.register_buffer("keys", torch.full((ngrams + 1,), -1, dtype=torch.int32))
        self.register_buffer("idf", torch.zeros(ngrams + 1))
        self.register_buffer("weight", torch.zeros(ngrams + 1, outputs, dtype=torch.int8))
        self.register_buffer("scale", torch.zeros(outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(batch, outputs) from (batch, tokens) ids and mask."""
        rows, weights = self.known(input_ids, attention_mask)
        read = self.weight[rows].to(weights.dtype)
        summed = torch.bmm(weights.unsqueeze(1), read).squeeze(1)
        return summed * self.scale + self.bias

    def known(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and rarity weights, both (batch, 2 * tokens); weights have length one a text.

        An n-gram counts once however often it stands in the text (Wang and Manning: binarised):
        what a letter repeats is its manner, not its matter.
        """
        keys, valid = ngram_keys(input_ids, attention_mask)
        rows = self.rows[slot_of(keys, slots=self.rows.shape[0])].long()
        rows = torch.where(valid & (self.keys[rows].long() == keys), rows, torch.zeros_like(rows))
        rows = torch.sort(rows, dim=1).values
        again = rows == torch.nn.functional.pad(rows[:, :-1], (1, 0))
        rows = torch.where(again, torch.zeros_like(rows), rows)
        idf = self.idf[rows]
        length = torch.sqrt((idf * idf).sum(dim=1, keepdim=True) + 1e-6)
        return rows, idf / length


def ngram_keys(input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Keys of all tokens, then of all pairs, and which are real; both (batch, 2 * tokens)."""
    following = torch.nn.functional.pad(input_ids[:, 1:], (0, 1))
    present = attention_mask > 0
    both = present & torch.nn.functional.pad(present[:, 1:], (0, 1))
    keys = torch.cat([input_ids * STRIDE, input_ids * STRIDE + following + 1], dim=1)
    return keys, torch.cat([present, both], dim=1)


def slot_of(keys: Tensor, *, slots: int) -> Tensor:
    """The slot of each key, any shape: ``keys * MULTIPLIER // SHIFT % slots``.

    ONNX export divides integers in single precision: so only what that holds exactly is divided,
    multiples of ``SHIFT`` with at most 2**24 of them.
    """
    product = keys * MULTIPLIER
    exact = product % (slots * SHIFT) - product % SHIFT
    return torch.div(exact, SHIFT, rounding_mode="floor")
