"""The network: an encoder with several heads, a token head trained on evidence, and n-grams.

Imports torch; nothing that serves may import this module. It knows token ids and tensors, not
texts. A document's label score stands on its tokens' scores, so that the words shown as
evidence are among the words that moved the answer.
"""

from dataclasses import asdict, dataclass, fields, replace

import torch
from torch import Tensor, nn

from models.labels import LabelSpace
from models.ngrams import NgramScores


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The encoder's width (hidden units) and how many outputs each head has.

    ``ngrams`` and ``slots`` size the n-gram table; 0 n-grams leave the encoder alone.
    """

    width: int
    causes: int
    signs: int
    marks: int
    demand: int
    record_type: int
    role: int
    genre: int
    ngrams: int = 0
    slots: int = 1

    @property
    def evidence(self) -> int:
        """Columns of the token head: causes, signs, marks."""
        return self.causes + self.signs + self.marks

    def as_json(self) -> dict[str, int]:
        """The numbers that ``network.json`` holds."""
        return asdict(self)

    @classmethod
    def of(cls, labels: LabelSpace, *, width: int) -> "NetworkShape":
        """The shape that fits a label space."""
        return cls(width, **{name: len(ids) for name, ids in labels.as_json().items()})


@dataclass(frozen=True, slots=True)
class Outputs:
    """Logits of a batch of windows.

    ``labels``: (batch, evidence labels); ``primary``: (batch, causes); ``agent``: (batch,);
    ``demand``, ``record_type``, ``role``, ``genre``: (batch, values);
    ``tokens``: (batch, tokens, evidence labels), padding positions at ``PADDED``.
    """

    labels: Tensor
    primary: Tensor
    agent: Tensor
    demand: Tensor
    record_type: Tensor
    role: Tensor
    genre: Tensor
    tokens: Tensor


OUTPUT_NAMES = tuple(field.name for field in fields(Outputs))
PADDED = -30.0  # a logit that is surely no evidence, yet finite in half precision


class Network(nn.Module):
    """Encoder and heads; ``forward`` takes (batch, tokens) ids and mask, both int64.

    While it is tuned the n-grams stay out (``mixing`` is 0 for them): two readers that learned
    apart err apart, and ``training.tuning.mixing`` weighs them on texts that neither has seen.
    """

    ngrams: NgramScores | None
    mixing: Tensor

    def __init__(self, encoder: nn.Module, shape: NetworkShape, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.shape = shape
        self.dropout = nn.Dropout(dropout)
        self.attention = nn.Linear(shape.width, 1)
        self.evidence = nn.Linear(shape.width, shape.evidence)
        self.labels = nn.Linear(2 * shape.width, shape.evidence)
        self.labels_pool = nn.Parameter(torch.ones(shape.evidence))
        self.primary = nn.Linear(2 * shape.width, shape.causes)
        self.primary_pool = nn.Parameter(torch.ones(shape.causes))
        self.agent = nn.Linear(2 * shape.width + shape.signs + shape.marks, 1)
        self.facets = nn.Linear(
            2 * shape.width, shape.demand + shape.record_type + shape.role + shape.genre
        )
        # Few tokens prove anything: start there, and the first steps are not spent on it.
        nn.init.constant_(self.evidence.bias, -5.0)
        for head in (self.labels, self.primary, self.agent, self.facets):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        self.ngrams = None
        if shape.ngrams:
            self.ngrams = NgramScores(shape.ngrams, shape.slots, self.ngram_outputs(shape))
        # Rows: labels, primary, agent; columns: weight of the encoder's logits, of the n-grams'.
        self.register_buffer("mixing", torch.tensor([[1.0, 0.0]]).repeat(shape.evidence + 2, 1))

    def add_ngrams(self, ngrams: NgramScores) -> None:
        """Joins fitted n-gram scores; they count for nothing until ``mixing`` says so."""
        self.ngrams = ngrams.to(self.mixing.device)
        known, slots = ngrams.keys.shape[0] - 1, ngrams.rows.shape[0]
        self.shape = replace(self.shape, ngrams=known, slots=slots)

    @staticmethod
    def ngram_outputs(shape: NetworkShape) -> int:
        """Columns of the n-gram scores: evidence labels, then primary causes, then agent."""
        return shape.evidence + shape.causes + 1

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Logits in the order of ``OUTPUT_NAMES``: a tuple, as ONNX export wants it."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0].float()
        states = self.dropout(states)
        padding = (attention_mask == 0).unsqueeze(-1)
        tokens = self.evidence(states).masked_fill(padding, PADDED)
        document = torch.cat([states[:, 0], self._attended(states, padding)], dim=-1)
        # A smooth maximum: one clear phrase is enough, several add a little.
        strongest = _log_sum(tokens)
        causes = self.shape.causes
        labels = self.labels(document) + self.labels_pool * strongest
        primary = self.primary(document) + self.primary_pool * strongest[:, :causes]
        found = torch.tanh(labels[:, causes:] / 4)
        agent = self.agent(torch.cat([document, found], dim=-1))
        if self.ngrams is not None:
            scores = self.ngrams(input_ids, attention_mask)
            labels, primary, agent = self._mixed(labels, primary, agent, scores)
        shape = self.shape
        sizes = [shape.demand, shape.record_type, shape.role, shape.genre]
        facets = torch.split(self.facets(document), sizes, dim=-1)
        return (labels, primary, agent.squeeze(-1), *facets, tokens)

    def _attended(self, states: Tensor, padding: Tensor) -> Tensor:
        weights = torch.softmax(self.attention(states).masked_fill(padding, PADDED), dim=1)
        return torch.matmul(weights.transpose(1, 2), states).squeeze(1)

    def _mixed(
        self, labels: Tensor, primary: Tensor, agent: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        evidence, causes = self.shape.evidence, self.shape.causes
        of_labels, of_primary, of_agent = torch.split(scores, [evidence, causes, 1], dim=-1)
        own, theirs = self.mixing[:, 0], self.mixing[:, 1]
        return (
            own[:evidence] * labels + theirs[:evidence] * of_labels,
            own[evidence] * primary + theirs[evidence] * of_primary,
            own[evidence + 1] * agent + theirs[evidence + 1] * of_agent,
        )


def _log_sum(tokens: Tensor) -> Tensor:
    """Log of the summed exponentials over tokens: (batch, labels) from (batch, tokens, labels).

    By way of the softmax: runtimes sum over an axis, and take logarithms of a batch, in another
    order where a window stands alone, and an answer would depend on its neighbours.
    """
    return tokens[:, 0] - torch.log_softmax(tokens, dim=1)[:, 0]


def outputs_of(network: nn.Module, input_ids: Tensor, attention_mask: Tensor) -> Outputs:
    """The named logits of a forward pass, by the network or by what joins it to others."""
    return Outputs(*network(input_ids, attention_mask))
