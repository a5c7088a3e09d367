"""Predictions: what a system says of one record, in the few words that evaluation compares.

The network and the baseline both end here, so that one ruler measures both. A prediction has
no names, reasons or notices; it knows nothing of how it was made.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from models.assessment import Assessment, Evidence, Label, SignFound
from models.record import Span


@dataclass(frozen=True, slots=True)
class Prediction:
    """One system's answer to one record.

    ``causes`` are leaf or technical cause ids and contain ``primary``; probabilities lie in
    [0, 1]; ``spans`` are code points of the original text, end exclusive.
    """

    primary: str
    primary_probability: float
    causes: frozenset[str]
    signs: frozenset[str]
    marks: frozenset[str]
    level: str
    agent_probability: float
    spans: tuple[Span, ...]
    review_needed: bool


def prediction_of(assessment: Assessment) -> Prediction:
    """The prediction that an assessment makes."""
    root, agent = assessment.root_cause, assessment.agent
    found: tuple[Label | SignFound, ...] = (*root.labels, *agent.signs, *agent.marks)
    return Prediction(
        primary=root.primary.id,
        primary_probability=root.primary.probability,
        causes=_ids(root.labels),
        signs=_ids(agent.signs),
        marks=_ids(agent.marks),
        level=agent.level,
        agent_probability=agent.probability,
        spans=tuple(_span(label.id, piece) for label in found for piece in label.evidence),
        review_needed=assessment.review.needed,
    )


def _ids(found: Iterable[Label | SignFound]) -> frozenset[str]:
    return frozenset(label.id for label in found)


def _span(label: str, piece: Evidence) -> Span:
    return Span(piece.start, piece.end, (label,))
