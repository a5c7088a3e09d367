"""Levels: a case's own signs and those that follow from its group, through the codebook's policy.

A group whose kind is innocent adds protective marks and no sign; so it never raises a level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.codebook import Codebook
from models.links.cases import Case, days_apart
from models.links.kinds import Kind, Kinds, SignRule
from models.links.ties import Tie
from models.policy import Decision, decide


@dataclass(frozen=True, slots=True)
class Following:
    """A sign that follows from the group, and why, in Chinese."""

    id: str
    why: str


def following_signs(
    case: Case, cases: Mapping[int, Case], ties: Sequence[Tie], kinds: Kinds
) -> tuple[Following, ...]:
    """The link signs of a case among the ``cases`` of a group whose kind lets signs follow.

    ``ties`` are those of the case. One that does not carry counts too: what joined the group is
    proof enough that it means something.
    """
    return tuple(
        Following(rule.id, rule.why) for rule in kinds.signs if _holds(rule, case, cases, ties)
    )


def decide_level(
    case: Case, kind: Kind, following: Sequence[Following], codebook: Codebook
) -> Decision:
    """The decision for a case of a group; a victim's report keeps no level in any company."""
    known_signs = {sign.id for sign in codebook.signs}
    known_marks = {mark.id for mark in codebook.marks}
    implied = {mark.id for mark in codebook.marks if mark.sets.get("cause") == case.said.cause}
    signs = {*case.said.signs, *(sign.id for sign in following)}
    marks = {*case.said.marks, *kind.marks, *implied}
    return decide(
        signs & known_signs, marks & known_marks, codebook=codebook, genre=case.said.genre
    )


def _holds(rule: SignRule, case: Case, cases: Mapping[int, Case], ties: Sequence[Tie]) -> bool:
    beside = {
        tie.left + tie.right - case.number
        for tie in ties
        if tie.source in rule.sources and (rule.hubs or not tie.hub)
    }
    found = [case, *(cases[other] for other in sorted(beside & set(cases)))]
    if rule.days is not None:
        found = [other for other in found if _within(case, other, rule.days)]
    cities = {other.city for other in found if other.city is not None}
    persons = {other.who for other in found}
    return bool(beside) and len(persons) >= rule.persons and len(cities) >= rule.cities


def _within(case: Case, other: Case, days: int) -> bool:
    apart = days_apart(case, other)
    return apart is not None and apart <= days
