"""The task: what labels mean and which record stands in which part, as the settings say.

Every process of a training comes to the same one by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.codebook import load_codebook
from models.labels import LabelSpace, label_space
from models.record import LabelledRecord
from models.taxonomy import RootCauseTaxonomy, load_taxonomy
from training.evaluation.levels import check_levels
from training.examples.provenance import PARTS, parts_of, pick
from training.examples.splits import Split
from training.tuning.settings import TrainSettings
from training.tuning.starting import learned_by, learned_by_bundle


@dataclass(frozen=True, slots=True)
class Task:
    """``parts``: places of the records; ``chosen``: the records of each part."""

    taxonomy: RootCauseTaxonomy
    labels: LabelSpace
    parts: Split
    chosen: Mapping[str, Sequence[LabelledRecord]]

    @classmethod
    def of(cls, records: Sequence[LabelledRecord], settings: TrainSettings) -> "Task":
        """Reads the files of the labels and divides the records."""
        taxonomy, codebook = load_taxonomy(settings.taxonomy), load_codebook(settings.codebook)
        check_levels(codebook)
        beside = learned_by_bundle(settings.beside) if settings.beside else ()
        parts = parts_of(
            records,
            seed=settings.split_seed,
            fractions=settings.fractions,
            hold_out=settings.hold_out,
            learned=(*learned_by(settings.base), *beside),
        )
        chosen = {part: pick(records, parts, part) for part in PARTS}
        return cls(taxonomy, label_space(taxonomy, codebook), parts, chosen)


def checkpoint_beside(directory: Path) -> Path:
    """Where the state of a run stands whose bundle is to be at ``directory``."""
    return directory.with_name(f"{directory.name}.fit")
