"""What a training run is told, and what the manifest notes of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from models.codebook import AGENT_SIGNS
from models.record import LabelledRecord
from models.taxonomy import ROOT_CAUSES
from training.examples.provenance import PARTS, digest, fingerprint, held_out_texts, pick
from training.examples.splits import FRACTIONS, Split
from training.pretraining.encoders import EMBEDDED
from training.tuning.run_state import Epoch, FitSettings

__all__ = ["TrainSettings", "facts_of"]


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What to tune from and how. ``fractions``: train, development, test.

    ``base``: a checkpoint, or a bundle: what it has learned from stands in train.
    ``hold_out``: a writer whose texts are the whole test part and in no other, the honest
    estimate for a voice never heard; ``fractions`` then divide the other texts. ``adapt``: minutes
    that the encoder reads the training texts, unlabelled, before it is tuned. ``teacher``:
    directory of a bundle whose answers are learned beside the labels. ``taxonomy`` and
    ``codebook``: the files that say what the labels mean; the bundle gets copies of them.
    """

    base: str = str(EMBEDDED)
    fractions: tuple[float, float, float] = FRACTIONS
    split_seed: int = 0
    hold_out: str | None = None
    adapt: float = 0.0
    teacher: Path | None = None
    taxonomy: Traversable | Path = ROOT_CAUSES
    codebook: Traversable | Path = AGENT_SIGNS
    fit: FitSettings = field(default_factory=FitSettings)


def facts_of(
    records: Sequence[LabelledRecord],
    parts: Split,
    settings: TrainSettings,
    history: Sequence[Epoch],
) -> dict[str, Any]:
    """What ``manifest.json`` holds under ``training``, but the encoder's name."""
    best = max(history, key=lambda epoch: epoch.score)
    return {
        "data": fingerprint(records),
        "examples": {part: len(getattr(parts, part)) for part in PARTS},
        "fractions": list(settings.fractions),
        "split_seed": settings.split_seed,
        "hold_out": settings.hold_out,
        "adapt_minutes": settings.adapt,
        "texts": sorted(digest(one.record) for one in pick(records, parts, "train")),
        "held_out_texts": held_out_texts(records, parts),
        "epochs": len(history),
        "best_epoch": best.number,
        "development_score": round(best.score, 4),
        "fit": json.loads(json.dumps(asdict(settings.fit))),
    }
