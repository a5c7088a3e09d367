"""Levels: a case's own signs and those that follow from its group, through the codebook's policy.

A group whose kind is innocent adds protective marks and no sign of what others sent. What one
person sent before is another matter: it shows in a household too, and alone is only noted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from models.codebook import Codebook
from models.links.cases import Case, days_apart
from models.links.kinds import Kind, Kinds
from models.links.persons import persons_of
from models.links.repeats import repeats_too_often
from models.links.sign_rules import SignRule
from models.links.ties import Tie
from models.policy import Decision, decide

_REMEMBERED = 10_000  # decisions: members of a group often have the same signs and marks


@dataclass(frozen=True, slots=True)
class Following:
    """A sign that follows from the group, and why, in Chinese."""

    id: str
    why: str


def following_signs(
    case: Case, cases: Mapping[int, Case], ties: Sequence[Tie], *, kind: Kind, kinds: Kinds
) -> tuple[Following, ...]:
    """The signs that follow for a case among the ``cases`` of a group of this kind.

    ``ties`` are those of the case. One that does not carry counts too: what joined the group is
    proof enough that it means something.
    """
    of_source: dict[str, list[Tie]] = defaultdict(list)
    for tie in ties:
        of_source[tie.source].append(tie)
    linked = kinds.signs if kind.links else ()
    repeats = kinds.repeats if kind.repeats else ()
    return (
        *(Following(rule.id, rule.why) for rule in linked if _holds(rule, case, cases, of_source)),
        *(
            Following(rule.id, rule.why)
            for rule in repeats
            if repeats_too_often(rule, case, cases, ties)
        ),
    )


class Levels:
    """Decides levels by the policy of one codebook; what was asked before is remembered."""

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook
        self._signs = frozenset(sign.id for sign in codebook.signs)
        self._marks = frozenset(mark.id for mark in codebook.marks)
        self._decide = lru_cache(_REMEMBERED)(self._decided)

    def decide(self, case: Case, kind: Kind, following: Sequence[Following]) -> Decision:
        """For a case of a group; a victim's report keeps no level in any company.

        Company from which no sign follows never raises a level: alone, the case was judged by how
        its text is told too, which its record need not say.
        """
        signs = {*case.said.signs, *(sign.id for sign in following)}
        marks = {*case.said.marks, *kind.marks, *self._codebook.implied_by(case.said.cause)}
        found = self._decide(self._signs & signs, self._marks & marks, case.said.genre)
        rank_of = self._codebook.rank_of
        if not following and rank_of(found.level) > rank_of(case.said.level):
            return replace(found, level=case.said.level, reasons=case.said.reasons)
        return found

    def _decided(self, signs: frozenset[str], marks: frozenset[str], genre: str | None) -> Decision:
        return decide(signs, marks, codebook=self._codebook, genre=genre)


def _holds(
    rule: SignRule, case: Case, cases: Mapping[int, Case], of_source: Mapping[str, Sequence[Tie]]
) -> bool:
    if _is_left_out(rule, case):
        return False
    beside = {
        tie.left + tie.right - case.number
        for source in rule.sources & of_source.keys()
        for tie in of_source[source]
        if _speaks(rule, tie)
    }
    if len(beside) + 1 < rule.persons:
        return False
    others = (cases[number] for number in beside if number in cases)
    found = [other for other in others if not _is_left_out(rule, other)]
    if rule.days is not None:
        found = [other for other in found if _within(case, other, rule.days)]
    cities = {other.city for other in (case, *found)} - {None}
    return persons_of((case, *found)) >= rule.persons and len(cities) >= rule.cities


def _speaks(rule: SignRule, tie: Tie) -> bool:
    near = tie.source != "text" or tie.retold >= rule.near
    return near and (rule.hubs or not tie.hub)


def _is_left_out(rule: SignRule, case: Case) -> bool:
    staff = rule.own_words and case.said.is_operators
    return staff or bool(rule.leaves_out & set(case.said.speaks))


def _within(case: Case, other: Case, days: int) -> bool:
    apart = days_apart(case, other)
    return apart is not None and apart <= days
