"""Where a token or a pair of tokens stands in the n-gram table: its key, and the slot of the key.

In numpy, as runtimes need it that cannot multiply 64-bit integers; ``models.ngrams`` does the same
in torch. Knows token ids, no scores.
"""

import numpy as np
from numpy.typing import NDArray

STRIDE = 65536  # more than any vocabulary: a pair's key is first * STRIDE + second + 1
MULTIPLIER = 2654435761  # Knuth's multiplicative hashing; keys stay below 2**31
SHIFT = 8192


def slots_of(input_ids: NDArray[np.int64], *, slots: int) -> NDArray[np.int32]:
    """Slots of all tokens, then of all pairs: (batch, 2 * tokens) from (batch, tokens).

    Padding has slots too: which tokens and pairs are real, the network sees by the mask.
    """
    following = np.pad(input_ids[:, 1:], ((0, 0), (0, 1)))
    keys = np.concatenate([input_ids * STRIDE, input_ids * STRIDE + following + 1], axis=1)
    return (keys * MULTIPLIER // SHIFT % slots).astype(np.int32)
