"""Repeats: one person who sends the same matter again and again, with nothing new.

Looks back only: the first cases of a series are no repeats, whatever follows. Two persons of one
name are two: a case counts where its text is nearly that of the other. Knows nothing of replies
beyond what the texts say; a person who says that none came is never counted.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean, pstdev

from models.links.cases import Case
from models.links.persons import is_same_person
from models.links.sign_rules import RepeatRule
from models.links.ties import Tie

_LEAST_GAPS = 3  # three cases on two equal gaps are a chance


def repeats_too_often(
    rule: RepeatRule, case: Case, cases: Mapping[int, Case], ties: Sequence[Tie]
) -> bool:
    """Whether a case is one too many of its person; ``ties`` are those of the case.

    ``cases``: those of its group by number.
    """
    series = _series(rule, case, cases, ties)
    if len(series) < rule.times or any(_is_held(rule, one) for one in series):
        return False
    sources = {one.said.source for one in series} - {None}
    return len(sources) >= rule.channels or _has_rhythm(series, rule.spread)


def _series(
    rule: RepeatRule, case: Case, cases: Mapping[int, Case], ties: Sequence[Tie]
) -> list[Case]:
    """The case and those before it, on one cause and of one person, that say the same."""
    near = {tie.left + tie.right - case.number for tie in ties if tie.retold >= rule.near}
    beside = (cases[number] for number in sorted(near & set(cases)))
    before = [one for one in beside if _is_earlier(rule, one, case)]
    return [one for one in (case, *before) if _counts(rule, one)]


def _is_earlier(rule: RepeatRule, one: Case, case: Case) -> bool:
    if not is_same_person(one, case) or one.said.cause != case.said.cause:
        return False
    first, last = one.said.day, case.said.day
    return first is not None and last is not None and 0 <= (last - first).days <= rule.days


def _counts(rule: RepeatRule, case: Case) -> bool:
    return not case.said.is_operators and not rule.leaves_out & set(case.said.speaks)


def _is_held(rule: RepeatRule, case: Case) -> bool:
    said = case.said
    return bool(rule.held_by & set(said.speaks) or rule.held_by_marks & set(said.marks))


def _has_rhythm(series: Sequence[Case], spread: float) -> bool:
    days = sorted({case.said.day.toordinal() for case in series if case.said.day is not None})
    gaps = [later - earlier for earlier, later in pairwise(days)]
    return len(gaps) >= _LEAST_GAPS and pstdev(gaps) <= spread * fmean(gaps)
