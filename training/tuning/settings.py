"""What a training run is told."""

from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path

from models.codebook import AGENT_SIGNS
from models.taxonomy import ROOT_CAUSES
from training.examples.splits import FRACTIONS
from training.pretraining.encoders import EMBEDDED_ENCODER
from training.tuning.losses import LossWeights


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to fit. Rates are peaks of a linear warm-up and a cosine fall.

    The heads learn at ``head_factor`` times the encoder's ``learning_rate``;
    ``layer_decay`` multiplies the rate once for each encoder layer below the top;
    ``dropout`` is that before the heads; ``token_mask`` is the mean share of tokens hidden from
    the network, drawn anew for each text;
    ``clips`` is the share of the pieces of evidence that an epoch reads standing alone,
    ``abridged`` that of the texts it reads with clauses left out (see ``excerpts``);
    ``accumulate`` reads a step's batch, ``batch_tokens`` that many times, in so many passes;
    ``noise`` is the share of the texts that are read a second time as a recogniser or a hurried
    thumb would have written them; ``patience`` counts epochs without a better development score
    before stopping.
    """

    epochs: int = 16
    learning_rate: float = 4e-4
    head_factor: float = 5.0
    layer_decay: float = 0.85
    weight_decay: float = 0.05
    warmup: float = 0.06
    batch_tokens: int = 2048
    accumulate: int = 1
    token_mask: float = 0.25
    noise: float = 0.15
    clips: float = 0.5
    abridged: float = 0.6
    dropout: float = 0.2
    encoder_dropout: float = 0.0
    average: float = 0.99
    clip: float = 1.0
    patience: int = 5
    seed: int = 0
    loss: LossWeights = field(default_factory=LossWeights)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What to tune from and how. ``fractions``: train, development, test.

    ``base``: a checkpoint, or a bundle: what it has learned from stands in train.
    ``hold_out``: a writer whose texts are the whole test part and in no other, the honest
    estimate for a voice never heard; ``fractions`` then divide the other texts. ``adapt``: minutes
    that the encoder reads the training texts, unlabelled, before it is tuned. ``teacher``:
    directory of a bundle whose answers are learned beside the labels. ``beside``: that of a bundle
    to compare with: nothing that it has learned from is held out. ``taxonomy`` and
    ``codebook``: the files that say what the labels mean; the bundle gets copies of them.
    """

    base: str = str(EMBEDDED_ENCODER)
    fractions: tuple[float, float, float] = FRACTIONS
    split_seed: int = 0
    hold_out: str | None = None
    adapt: float = 0.0
    teacher: Path | None = None
    beside: Path | None = None
    taxonomy: Traversable | Path = ROOT_CAUSES
    codebook: Traversable | Path = AGENT_SIGNS
    fit: FitSettings = field(default_factory=FitSettings)
