"""Calibration: from development logits to probabilities, thresholds and shares of evidence.

A development split holds few records of a rare label. Scale and bias are therefore those of its
kind (causes, signs, marks), and each label's own bias moves away from it only as far as its
positives carry; the same holds for thresholds. Two kinds of label do not follow F1 alone: strong
signs are shown late, marks that leave a case without a level early.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from models.calibration import Array, Calibration, LabelCalibration, sigmoid, softmax
from models.codebook import Codebook
from models.evidence import find_evidence
from models.labels import KINDS, LabelSpace
from models.record import LabelledRecord
from models.scores import TextScores

PRIOR = 4.0  # inverse variance of a label's own bias around its kind's, in logits
# A false flag costs trust: signs are shown a little later than the best F1 says.
BETA = {"causes": 1.0, "signs": 0.8, "marks": 1.0}
GRID = np.linspace(0.05, 0.95, 91)
EVIDENCE_GRID = tuple(round(float(share), 2) for share in np.linspace(0.2, 0.8, 13))
# One strong sign may raise a case to REVIEW: none is shown that is more likely absent than there.
SURE = 0.5
FAINT = 0.02  # such a mark is never shown below this probability, however quiet the others are
QUIET = 0.985  # share of the records without such a mark that stay below its threshold


@dataclass(frozen=True, slots=True)
class DevelopmentLogits:
    """Pooled logits of the development records, one row each.

    labels: (records, evidence labels); primary: (records, causes); agent: (records,);
    demand: (records, demands).
    """

    labels: Array
    primary: Array
    agent: Array
    demand: Array


def calibrate(
    logits: DevelopmentLogits,
    records: Sequence[LabelledRecord],
    *,
    labels: LabelSpace,
    codebook: Codebook,
    evidence: Mapping[str, float],
    review: float = 0.5,
    sure: float = SURE,
) -> Calibration:
    """The calibration that fits the development split best, strong signs and victims aside.

    evidence: share of the best clause by kind. review: a primary cause less probable than this
    is sent to a person. sure: no strong sign is shown below this probability.
    """
    gold = _gold(records, labels)
    fitted = _fit_labels(logits.labels, gold, labels)
    fitted |= _sure(fitted, codebook, sure) | _watchful(
        fitted, logits.labels, gold, labels, codebook
    )
    demand = np.array([[d in r.demand for d in labels.demand] for r in records], dtype=float)
    agent = np.array([[r.agent_run] for r in records], dtype=float)
    primary = np.array([labels.causes.index(r.primary) for r in records])
    return Calibration(
        labels=fitted,
        demand=dict(zip(labels.demand, _fit_kind(logits.demand, demand, beta=1.0), strict=True)),
        agent=_fit_kind(logits.agent[:, None], agent, beta=1.0)[0],
        primary_temperature=fit_temperature(logits.primary, primary),
        evidence=dict(evidence),
        review=review,
    )


def _fit_labels(logits: Array, gold: Array, labels: LabelSpace) -> dict[str, LabelCalibration]:
    fitted: dict[str, LabelCalibration] = {}
    for kind in KINDS:
        ids: tuple[str, ...] = getattr(labels, kind)
        columns = slice(len(fitted), len(fitted) + len(ids))
        each = _fit_kind(logits[:, columns], gold[:, columns], beta=BETA[kind])
        fitted |= dict(zip(ids, each, strict=True))
    return fitted


def _sure(
    fitted: Mapping[str, LabelCalibration], codebook: Codebook, sure: float
) -> dict[str, LabelCalibration]:
    """The strong signs, none with a threshold below ``sure``."""
    strongest = codebook.strengths[-1].id
    strong = {s.id: fitted[s.id] for s in codebook.signs if s.strength == strongest}
    return {id_: replace(own, threshold=max(own.threshold, sure)) for id_, own in strong.items()}


def _watchful(
    fitted: Mapping[str, LabelCalibration],
    logits: Array,
    gold: Array,
    labels: LabelSpace,
    codebook: Codebook,
) -> dict[str, LabelCalibration]:
    """The marks that leave a case without a level, with thresholds that overlook few.

    Who is not seen as a victim may be taken for an agent; that must not happen.
    """
    silent = [mark.id for mark in codebook.marks if mark.no_level]
    at = {id_: labels.evidence.index(id_) for id_ in silent}
    return {i: _with_quiet(fitted[i], logits[:, at[i]], gold[:, at[i]]) for i in silent}


def fit_temperature(logits: Array, right: Array) -> float:
    """The temperature of least cross-entropy; logits: (records, classes), right: (records,)."""

    def loss(log_temperature: float) -> float:
        shares = softmax(logits, temperature=float(np.exp(log_temperature)))
        return float(-np.log(shares[np.arange(len(right)), right] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def _gold(records: Sequence[LabelledRecord], labels: LabelSpace) -> Array:
    held = [{*r.causes, *r.signs, *r.marks} for r in records]
    return np.array([[id_ in own for id_ in labels.evidence] for own in held], dtype=float)


def _fit_kind(logits: Array, gold: Array, *, beta: float) -> list[LabelCalibration]:
    if not gold.shape[1]:  # a codebook may have no marks
        return []
    scale, bias = _platt(logits.ravel(), gold.ravel())
    biases = [_own_bias(logits[:, i], gold[:, i], scale, bias) for i in range(gold.shape[1])]
    shares = sigmoid(scale * logits + np.array(biases))
    common = _best_threshold(shares.ravel(), gold.ravel(), beta=beta)
    return [
        LabelCalibration(
            scale=scale,
            bias=biases[i],
            threshold=_own_threshold(shares[:, i], gold[:, i], common, beta=beta),
            positives=int(gold[:, i].sum()),
        )
        for i in range(gold.shape[1])
    ]


def _platt(logits: Array, gold: Array) -> tuple[float, float]:
    """Scale and bias of least cross-entropy (Platt 1999), the scale kept positive."""

    def loss(parameters: Array) -> float:
        return _cross_entropy(np.exp(parameters[0]) * logits + parameters[1], gold)

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-2.0, 2.0), (-8.0, 8.0)])
    return float(np.exp(found.x[0])), float(found.x[1])


def _own_bias(logits: Array, gold: Array, scale: float, bias: float) -> float:
    """The maximum a posteriori bias of one label, drawn to its kind's."""

    def loss(own: float) -> float:
        fit = _cross_entropy(scale * logits + own, gold) * len(gold)
        return fit + 0.5 * PRIOR * (own - bias) ** 2

    return float(minimize_scalar(loss, bounds=(bias - 4, bias + 4), method="bounded").x)


def _cross_entropy(logits: Array, gold: Array) -> float:
    return float((np.logaddexp(0.0, logits) - gold * logits).mean())


def _best_threshold(shares: Array, gold: Array, *, beta: float) -> float:
    scores = [_f_beta(shares >= threshold, gold > 0, beta=beta) for threshold in GRID]
    best = np.flatnonzero(np.array(scores) >= max(scores) - 1e-9)
    return float(GRID[best[len(best) // 2]])


def _with_quiet(calibration: LabelCalibration, logits: Array, gold: Array) -> LabelCalibration:
    """The same with the lowest threshold that nearly all records without the mark stay under."""
    shares = sigmoid(calibration.scale * logits + calibration.bias)
    others = shares[gold == 0]
    quiet = float(np.quantile(others, QUIET)) if len(others) else 0.0
    threshold = min(calibration.threshold, max(quiet, FAINT))
    return replace(calibration, threshold=threshold)


def fit_evidence(
    scores: Sequence[TextScores], records: Sequence[LabelledRecord], *, labels: LabelSpace
) -> dict[str, float]:
    """The share of the best clause, by kind, that gives the best F1 over characters.

    scores: of the same records, in order; only labels that a record holds are compared.
    """
    return {kind: _fit_evidence_kind(scores, records, labels, kind) for kind in KINDS}


def _fit_evidence_kind(
    scores: Sequence[TextScores], records: Sequence[LabelledRecord], labels: LabelSpace, kind: str
) -> float:
    ids = set(getattr(labels, kind))
    cases = [
        (each, each.characters(labels.evidence.index(id_)), _gold_characters(record, id_))
        for each, record in zip(scores, records, strict=True)
        for id_ in sorted({label for span in record.spans for label in span.labels} & ids)
    ]
    f1 = {share: _character_f1(cases, share) for share in EVIDENCE_GRID}
    return max(f1, key=lambda share: f1[share])


def _gold_characters(record: LabelledRecord, id_: str) -> set[int]:
    spans = [span for span in record.spans if id_ in span.labels]
    return {place for span in spans for place in range(span.start, span.end)}


def _character_f1(cases: Sequence[tuple[TextScores, Array, set[int]]], share: float) -> float:
    hits = found = wanted = 0
    for scores, characters, gold in cases:
        spans = find_evidence(scores.text, characters, share=share)
        shown = {place for span in spans for place in range(span.start, span.end)}
        hits, found, wanted = hits + len(shown & gold), found + len(shown), wanted + len(gold)
    return 2 * hits / max(1, found + wanted)


def _own_threshold(shares: Array, gold: Array, common: float, *, beta: float) -> float:
    """Between the kind's threshold and the label's own, nearer to its own the more positives."""
    positives = float(gold.sum())
    if positives == 0:
        return common
    own = _best_threshold(shares, gold, beta=beta)
    trust = positives / (positives + 20.0)
    return float(trust * own + (1 - trust) * common)


def _f_beta(shown: NDArray[np.bool_], held: NDArray[np.bool_], *, beta: float) -> float:
    hits = float((shown & held).sum())
    weight = beta * beta
    missed, false = float((held & ~shown).sum()), float((shown & ~held).sum())
    total = (1 + weight) * hits + weight * missed + false
    return (1 + weight) * hits / total if total else 0.0
