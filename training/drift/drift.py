"""What has drifted between two sets of complaints that one bundle has read.

Three questions, of which only the last is about quality. Are the texts others? Are the answers
others? Is the bundle less sure? Its probabilities are calibrated, so the mean of those of the
primary causes is the share that it expects to name rightly (Guillory et al. 2021): the one figure
without labels that falls when answers get worse. It falls too little where texts are of a kind
that calibration never saw: a sample labelled by hand is the only proof.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import ttest_ind

from models.assessment import Assessment
from models.errors import XiaobaoError
from models.spellings import default_spellings
from models.text import normalise
from training.drift.shifts import CHANCE, Shift, corrected, shift_of_names, shift_of_numbers
from training.drift.telling import Telling, tell_apart
from training.evaluation.intervals import CONFIDENCE, Figure

LEAST = 50
"""Complaints a side: with fewer, large shifts pass for chance."""

_FALL = 0.03  # of the expected accuracy: as much as the calibration error may be
_APART = 0.6  # AUC from which the texts are others

VERDICTS = {
    "steady": "未见明显漂移 · no drift to speak of",
    "look": "有变化,请抽样核对 · something has changed: have a sample checked",
    "act": "预期准确率下降,请标注抽样 · less sure than before: label a sample",
}


class DriftError(XiaobaoError):
    """Sets that cannot be compared."""


@dataclass(frozen=True, slots=True)
class Read:
    """One set: texts and what the bundle answered, in one order."""

    texts: Sequence[str]
    answers: Sequence[Assessment]


@dataclass(frozen=True, slots=True)
class Drift:
    """What has moved, the largest first; ``fall`` is the accuracy expected after minus before.

    ``learned``: complaints of before that the bundle was tuned on, of which it is too sure.
    """

    bundle: str
    before: int
    after: int
    expected_before: float
    expected_after: float
    fall: Figure
    telling: Telling
    shifts: tuple[Shift, ...]
    learned: int = 0

    @property
    def verdict(self) -> str:
        """``act`` where the bundle is less sure, ``look`` where texts or answers are others."""
        value, high = self.fall.value, self.fall.high
        if value is not None and high is not None and high < 0 and value <= -_FALL:
            return "act"
        others = any(shift.size in ("some", "much") for shift in self.shifts)
        apart = self.telling.auc >= _APART and self.telling.chance < CHANCE
        return "look" if others or apart else "steady"


def find_drift(before: Read, after: Read, *, learned: int = 0, seed: int = 0) -> Drift:
    """Compare two sets. Raises DriftError for a set with fewer than LEAST complaints."""
    for name, one in (("before", before), ("after", after)):
        if len(one.texts) < LEAST:
            raise DriftError(
                f"{name}: found {len(one.texts)} complaints, wanted {LEAST} or more to compare"
            )
    sure = [[a.root_cause.primary.probability for a in one.answers] for one in (before, after)]
    return Drift(
        bundle=after.answers[0].model.bundle,
        before=len(before.texts),
        after=len(after.texts),
        expected_before=float(np.mean(sure[0])),
        expected_after=float(np.mean(sure[1])),
        fall=_fall(*sure),
        telling=tell_apart(before.texts, after.texts, seed=seed),
        shifts=corrected([*_shifts(before, after)]),
        learned=learned,
    )


def _fall(before: Sequence[float], after: Sequence[float]) -> Figure:
    """Difference of the means with Welch's interval (1947)."""
    value = float(np.mean(after) - np.mean(before))
    if np.ptp([*before, *after]) == 0:
        return Figure(value, value, value)
    interval = ttest_ind(after, before, equal_var=False).confidence_interval(CONFIDENCE)
    return Figure(value, float(interval.low), float(interval.high))


def _shifts(before: Read, after: Read) -> Iterator[Shift]:
    find = default_spellings().find
    disguised = ([len(find(normalise(text).text)) for text in o.texts] for o in (before, after))
    yield shift_of_numbers("变形词 disguised words", *disguised)
    for name, number in _NUMBERS.items():
        yield shift_of_numbers(name, *(list(map(number, o.answers)) for o in (before, after)))
    for name, told in _NAMES.items():
        yield shift_of_names(name, *(list(map(told, o.answers)) for o in (before, after)))


_NUMBERS: dict[str, Callable[[Assessment], float]] = {
    "字数 characters": lambda a: a.text.chars,
    "原因数 causes alleged": lambda a: len(a.root_cause.labels),
    "主因概率 probability of the primary cause": lambda a: a.root_cause.primary.probability,
    "代理概率 probability of an agent": lambda a: a.agent.probability,
    "迹象数 signs": lambda a: len(a.agent.signs),
    "保护标记数 protective marks": lambda a: len(a.agent.marks),
}
_NAMES: dict[str, Callable[[Assessment], str]] = {
    "语言 language": lambda a: a.text.language,
    "记录类型 record type": lambda a: a.facets.record_type,
    "投诉人 role": lambda a: a.facets.role,
    "一级主因 level-1 cause": lambda a: (a.root_cause.path or (a.root_cause.primary,))[0].name,
    "主因 primary cause": lambda a: a.root_cause.primary.name,
    "提示级别 level": lambda a: a.agent.level,
    "须人工复核 review needed": lambda a: "是 yes" if a.review.needed else "否 no",
}
