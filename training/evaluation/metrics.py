"""Measure a system: gold records beside its predictions become an ``Evaluation``.

The network and the baseline are measured by the same call; with the same records and seed they
meet the same resamples, so that their difference can be taken draw by draw. Nothing is written
or drawn here, and no record's text enters an evaluation.

Signs are those annotators found in the texts. Signs that only metadata or other cases show are
not in gold: a system that adds them is charged for it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from models.codebook import Codebook
from models.errors import XiaobaoError
from models.record import LabelledRecord
from models.taxonomy import RootCauseTaxonomy
from training.evaluation.agreement import Agreement
from training.evaluation.intervals import Array, Figure, Rate, figure_of, mean_over, resampled
from training.evaluation.label_sets import LabelSets
from training.evaluation.levels import NONE, REVIEW, WATCH, LevelFigures, gold_level, level_figures
from training.evaluation.overlap import Overlap
from training.evaluation.ranking import (
    CoveragePoint,
    Ranking,
    Reliability,
    coverage_curve,
    ranking,
    reliability,
)
from training.evaluation.slices import Outcomes, Slice, slices
from training.predictions import Prediction


class EvaluationError(XiaobaoError):
    """Records and predictions that cannot be measured together."""


@dataclass(frozen=True, slots=True)
class ReviewFigures:
    """What is handed to a person, and how right the primary is on the rest.

    ``curve``: the share wrong if only the surest share of the records were answered.
    """

    reviewed: Rate
    level1_accuracy_on_rest: Figure
    level2_accuracy_on_rest: Figure
    curve: tuple[CoveragePoint, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every figure of one system on one set of records.

    ``level1_primary`` and ``level2_primary`` compare one primary a record (micro F1 equals
    accuracy there); ``level1_causes`` and ``causes`` compare all causes. ``levels`` are the
    system's; ``ceiling`` is what the codebook makes of the gold labels: a perfect
    reader's levels. ``digest`` names records and resamples: only equal digests are subtracted.
    """

    records: int
    units: int
    seed: int
    resamples: int
    digest: str
    level1_accuracy: Figure
    level2_accuracy: Figure
    level1_primary: Agreement
    level2_primary: Agreement
    level1_causes: Agreement
    causes: Agreement
    signs: Agreement
    marks: Agreement
    evidence: tuple[Overlap, ...]
    levels: LevelFigures
    ceiling: LevelFigures
    agent: Ranking
    primary_calibration: Reliability
    agent_calibration: Reliability
    review: ReviewFigures
    slices: tuple[Slice, ...]


def measure(
    golds: Sequence[LabelledRecord],
    predictions: Sequence[Prediction],
    *,
    taxonomy: RootCauseTaxonomy,
    codebook: Codebook,
    seed: int = 0,
    resamples: int = 1000,
) -> Evaluation:
    """Measure ``predictions`` (one a gold record, same order).

    Units of resampling are groups, else single records. Raises EvaluationError when there is no
    record, the counts differ, or an id is not in the taxonomy or codebook.
    """
    _check(golds, predictions, taxonomy=taxonomy, codebook=codebook)
    units = [_unit(gold) for gold in golds]
    weights = resampled(units, seed=seed, resamples=resamples)
    sets = LabelSets(golds, predictions, taxonomy, codebook, weights)
    primary = [said.primary for said in predictions]
    level2_right = _right([gold.primary for gold in golds], primary)
    level1_right = _right(sets.gold_parents, sets.predicted_parents)
    expected = [gold_level(gold, codebook) for gold in golds]
    given = [said.level for said in predictions]
    sure = np.array([said.primary_probability for said in predictions])
    agent = np.array([said.agent_probability for said in predictions])
    agent_run = np.array([float(gold.agent_run) for gold in golds])
    return Evaluation(
        records=len(golds),
        units=len(set(units)),
        seed=seed,
        resamples=resamples,
        digest=_digest(golds, seed=seed, resamples=resamples),
        level1_accuracy=figure_of(mean_over(level1_right), weights),
        level2_accuracy=figure_of(mean_over(level2_right), weights),
        level1_primary=sets.level1_primary(),
        level2_primary=sets.level2_primary(),
        level1_causes=sets.level1_causes(),
        causes=sets.causes(),
        signs=sets.signs(),
        marks=sets.marks(),
        evidence=sets.evidence(),
        levels=level_figures(golds, expected, given, codebook=codebook, weights=weights),
        ceiling=level_figures(golds, expected, expected, codebook=codebook, weights=weights),
        agent=ranking(agent, agent_run, weights),
        primary_calibration=reliability(sure, level2_right, weights),
        agent_calibration=reliability(agent, agent_run, weights),
        review=_review(predictions, level1_right, level2_right, sure, weights),
        slices=slices(
            golds,
            _outcomes(golds, predictions, level1_right, level2_right, codebook),
            weights=weights,
        ),
    )


def _right(golds: Sequence[str], ours: Sequence[str]) -> Array:
    return np.array([float(gold == said) for gold, said in zip(golds, ours, strict=True)])


def _review(
    predictions: Sequence[Prediction],
    level1_right: Array,
    level2_right: Array,
    sure: Array,
    weights: Array,
) -> ReviewFigures:
    rest = np.array([float(not said.review_needed) for said in predictions])
    return ReviewFigures(
        reviewed=Rate(int(len(rest) - rest.sum()), len(rest)),
        level1_accuracy_on_rest=figure_of(mean_over(level1_right, where=rest), weights),
        level2_accuracy_on_rest=figure_of(mean_over(level2_right, where=rest), weights),
        curve=coverage_curve(sure, level2_right),
    )


def _outcomes(
    golds: Sequence[LabelledRecord],
    predictions: Sequence[Prediction],
    level1_right: Array,
    level2_right: Array,
    codebook: Codebook,
) -> Outcomes:
    order = [level.id for level in codebook.levels]
    pairs = list(zip(golds, predictions, strict=True))
    return Outcomes(
        level1_right=level1_right,
        level2_right=level2_right,
        signs_hit=_numbers(len(said.signs & set(gold.signs)) for gold, said in pairs),
        signs_on_either_side=_numbers(len(said.signs) + len(gold.signs) for gold, said in pairs),
        genuine=_numbers(not gold.agent_run for gold in golds),
        flagged=_numbers(order.index(s.level) >= order.index(REVIEW) for s in predictions),
        reviewed=_numbers(said.review_needed for said in predictions),
    )


def _numbers(values: Iterable[float]) -> Array:
    return np.array(list(values), dtype=np.float64)


def _unit(gold: LabelledRecord) -> str:
    """Records of one group are drawn together; a lone record is its own unit, by its text."""
    return f"group {gold.group}" if gold.group else f"text {gold.record.text}"


def _digest(golds: Sequence[LabelledRecord], *, seed: int, resamples: int) -> str:
    """Names the records, their labels and the resampling, whatever the order of the records."""
    lines = sorted(repr((_unit(g), g.primary, g.causes, g.signs, g.marks)) for g in golds)
    return hashlib.sha256(repr((seed, resamples, lines)).encode()).hexdigest()


def _check(
    golds: Sequence[LabelledRecord],
    predictions: Sequence[Prediction],
    *,
    taxonomy: RootCauseTaxonomy,
    codebook: Codebook,
) -> None:
    if not golds:
        raise EvaluationError("golds: 0 records, at least 1 wanted")
    if len(golds) != len(predictions):
        raise EvaluationError(f"predictions: {len(predictions)}, {len(golds)} wanted, one a record")
    known = {
        "cause": {cause.id for cause in taxonomy.causes},
        "sign": {sign.id for sign in codebook.signs},
        "mark": {mark.id for mark in codebook.marks},
        "level": {level.id for level in codebook.levels},
    }
    _check_ids("codebook", {"level": (NONE, WATCH, REVIEW)}, known)
    for at, gold in enumerate(golds):
        causes = (gold.primary, *gold.causes)
        found = {"cause": causes, "sign": gold.signs, "mark": gold.marks}
        _check_ids(f"gold record {at}", found, known)
    for at, said in enumerate(predictions):
        causes = (said.primary, *said.causes)
        ids = {"cause": causes, "sign": said.signs, "mark": said.marks, "level": (said.level,)}
        _check_ids(f"prediction {at}", ids, known)


def _check_ids(
    place: str, found: Mapping[str, Iterable[str]], known: Mapping[str, AbstractSet[str]]
) -> None:
    for kind, ids in found.items():
        unknown = sorted(set(ids) - known[kind])
        if unknown:
            raise EvaluationError(f"{place}: found {kind} {unknown[0]}, wanted one in use")
