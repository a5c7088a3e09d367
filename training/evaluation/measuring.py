"""Measuring: a bundle and the baseline on the same records, by the same ruler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.analyzer import Analyzer
from models.causes import RootCauseTaxonomy, path_of
from models.record import LabelledRecord
from training.baselines.linear import LinearBaseline
from training.evaluation.metrics import Evaluation, measure
from training.evaluation.tables import Table
from training.examples.provenance import chosen_on, learned_from
from training.predictions import Prediction, prediction_of

NETWORK = "网络 network"


@dataclass(frozen=True, slots=True)
class Measured:
    """The network and the baseline on one part of the records; None: there is no baseline.

    ``notes`` say what a reader of the figures must know; ``tables`` what else was asked of the
    network.
    """

    part: str
    network: Evaluation
    baseline: Evaluation | None
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


def measure_part(
    part: str,
    records: Sequence[LabelledRecord],
    *,
    analyzer: Analyzer,
    baseline: LinearBaseline | None,
) -> Measured:
    """The answers of both to ``records``, against the taxonomy and codebook of the bundle."""
    taxonomy, codebook = analyzer.bundle.taxonomy, analyzer.bundle.codebook
    answers = analyzer.assess([labelled.record for labelled in records])
    ours = [prediction_of(answer) for answer in answers]
    network = measure(records, ours, taxonomy=taxonomy, codebook=codebook)
    notes = _notes(records, analyzer)
    if baseline is None:
        tables = (depth_table(records, {NETWORK: ours}, taxonomy),) if taxonomy.depth > 2 else ()
        return Measured(part, network, None, notes, tables)
    theirs = baseline.predict(records, codebook=codebook)
    measured = measure(records, theirs, taxonomy=taxonomy, codebook=codebook)
    both = {NETWORK: ours, "基线 baseline": theirs}
    tables = (depth_table(records, both, taxonomy),) if taxonomy.depth > 2 else ()
    return Measured(part, network, measured, notes, tables)


def depth_table(
    records: Sequence[LabelledRecord],
    said: Mapping[str, Sequence[Prediction]],
    taxonomy: RootCauseTaxonomy,
) -> Table:
    """How many primary causes are right down to each level, of a taxonomy of more than two.

    A leaf that stands higher counts as it is on every level below it.
    """
    paths = {cause.id: path_of(cause) for cause in taxonomy.causes}
    rows = tuple(
        (str(level), *(_right_down_to(level, records, each, paths) for each in said.values()))
        for level in range(1, taxonomy.depth + 1)
    )
    title = "各级主因正确数(上文“二级”指末级)Primary causes right by level; level 2 above: leaves"
    return Table(title, ("级 level", *said), rows)


def _right_down_to(
    level: int,
    records: Sequence[LabelledRecord],
    said: Sequence[Prediction],
    paths: Mapping[str, tuple[str, ...]],
) -> str:
    pairs = zip(records, said, strict=True)
    right = sum(paths[r.primary][:level] == paths[p.primary][:level] for r, p in pairs)
    return f"{right}/{len(records)} {right / len(records):.3f}"


def _notes(records: Sequence[LabelledRecord], analyzer: Analyzer) -> tuple[str, ...]:
    texts, manifest = [one.record for one in records], analyzer.bundle.manifest
    notes = []
    if known := learned_from(texts, manifest):
        notes.append(
            f"{len(texts)} 条中有 {known} 条是训练文本,数字偏高。 "
            f"The bundle was tuned on {known} of these {len(texts)} texts: the figures flatter it."
        )
    if chosen := chosen_on(texts, manifest):
        notes.append(
            f"{len(texts)} 条中有 {chosen} 条用于选定阈值和校准,数字略偏高。 Thresholds and "
            f"calibration were chosen on {chosen} of these {len(texts)} texts: a little flattered."
        )
    return tuple(notes)


def measure_parts(
    parts: Mapping[str, Sequence[LabelledRecord]],
    *,
    analyzer: Analyzer,
    baseline: LinearBaseline | None,
) -> list[Measured]:
    """Each part that has records, in order."""
    return [
        measure_part(part, records, analyzer=analyzer, baseline=baseline)
        for part, records in parts.items()
        if records
    ]


def headline_of(evaluation: Evaluation) -> dict[str, float | int | None]:
    """The few figures that travel in the manifest."""
    return {
        "records": evaluation.records,
        "level1_accuracy": evaluation.level1_accuracy.value,
        "level2_accuracy": evaluation.level2_accuracy.value,
        "causes_micro_f1": evaluation.causes.micro.value,
        "signs_micro_f1": evaluation.signs.micro.value,
        "marks_micro_f1": evaluation.marks.micro.value,
    }
