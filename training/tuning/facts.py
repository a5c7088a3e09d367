"""What the manifest of a bundle notes of its training."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from models.record import LabelledRecord
from training.examples.provenance import PARTS, data_digest, digest, held_out_texts, pick
from training.examples.splits import Split
from training.tuning.run_state import Epoch
from training.tuning.settings import TrainSettings
from training.tuning.starting import learned_by


def facts_of(
    records: Sequence[LabelledRecord],
    parts: Split,
    settings: TrainSettings,
    history: Sequence[Epoch],
) -> dict[str, Any]:
    """What ``manifest.json`` holds under ``training``, but the encoder's name."""
    best = max(history, key=lambda epoch: epoch.score)
    learned = pick(records, parts, "train")
    return {
        "data": data_digest(records),
        "examples": {part: len(getattr(parts, part)) for part in PARTS},
        "fractions": list(settings.fractions),
        "split_seed": settings.split_seed,
        "hold_out": settings.hold_out,
        "adapt_minutes": settings.adapt,
        # Of all generations: what the base has learned from can be held out no more than these.
        "texts": sorted({*learned_by(settings.base), *(digest(one.record) for one in learned)}),
        "held_out_texts": held_out_texts(records, parts),
        "epochs": len(history),
        "best_epoch": best.number,
        "development_score": round(best.score, 4),
        "fit": json.loads(json.dumps(asdict(settings.fit))),
    }
