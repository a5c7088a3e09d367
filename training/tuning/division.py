"""Division: how the batch of one optimizer step is split over processes and passes.

What is random is drawn for the whole batch in every process, and each part takes its own rows of
it: the step is the same, rounding apart, however many read it. Knows nothing of losses.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.network import Network


@dataclass(frozen=True, slots=True)
class Division:
    """``processes`` share each batch, this one is number ``rank``; each has so many ``passes``."""

    rank: int = 0
    processes: int = 1
    passes: int = 1

    def own(self, texts: int) -> list[Sequence[int]]:
        """The places in a batch of so many texts that this process reads, one list a pass.

        Taken in turn: a batch is sorted by length, and so all parts are about as long. A pass that
        would read nothing is left out.
        """
        parts = self.processes * self.passes
        starts = range(self.rank, min(parts, texts), self.processes)
        return [range(start, texts, parts) for start in starts]


class SharedDropout(nn.Dropout):
    """Dropout of which a part of a batch takes its rows; drawn as ``nn.Dropout`` draws it."""

    def __init__(self, p: float) -> None:
        super().__init__(p)
        self._factors: Tensor | None = None
        self._rows: Sequence[int] = ()

    def draw(self, shape: Sequence[int], device: torch.device) -> None:
        """Draws for the states of a whole batch; shape: (texts, tokens, width)."""
        whole = torch.ones(*shape, device=device)
        self._factors = nn.functional.dropout(whole, self.p) if self.p else None

    def reads(self, rows: Sequence[int]) -> None:
        """Says which texts of the batch the next states are those of."""
        self._rows = rows

    def forward(self, states: Tensor) -> Tensor:
        """(texts, tokens, width), those of the rows that were named."""
        if not self.training or self._factors is None:
            return states
        return states * self._factors[torch.as_tensor(self._rows, device=states.device)]


@contextmanager
def shared_dropout(network: Network) -> Iterator[SharedDropout]:
    """A network whose dropout before the heads does not depend on the division of a batch."""
    own = network.dropout
    network.dropout = SharedDropout(own.p)
    try:
        yield network.dropout
    finally:
        network.dropout = own
