"""Levels: a case's own signs and those that follow from its group, through the codebook's policy.

A group whose kind is innocent adds protective marks and no sign; so it never raises a level.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.codebook import Codebook
from models.links.addresses import city_of
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
    place: int, members: Sequence[int], cases: Sequence[Case], ties: Sequence[Tie], kinds: Kinds
) -> tuple[Following, ...]:
    """The link signs of the case at ``place`` in a group whose kind lets signs follow.

    Ties that do not carry count too: what joined the group is proof enough that they mean it.
    """
    return tuple(
        Following(rule.id, rule.why)
        for rule in kinds.signs
        if _holds(rule, place, members, cases, ties)
    )


def decide_level(
    case: Case, kind: Kind, following: Sequence[Following], codebook: Codebook
) -> Decision:
    """The decision for a case of a group; a victim's report keeps no level in any company."""
    agent = case.assessment.agent
    known_signs = {sign.id for sign in codebook.signs}
    known_marks = {mark.id for mark in codebook.marks}
    implied = {mark.id for mark in codebook.marks if mark.sets.get("cause") == case.cause}
    signs = {sign.id for sign in agent.signs} | {sign.id for sign in following}
    marks = {mark.id for mark in agent.marks} | set(kind.marks) | implied
    return decide(
        signs & known_signs, marks & known_marks, codebook=codebook, genre=case.record.genre
    )


def _holds(
    rule: SignRule,
    place: int,
    members: Sequence[int],
    cases: Sequence[Case],
    ties: Sequence[Tie],
) -> bool:
    beside = {
        tie.left + tie.right - place
        for tie in ties
        if tie.source in rule.sources and place in (tie.left, tie.right)
        if rule.hubs or not tie.hub
    }
    found = [cases[other] for other in sorted({place, *beside & set(members)})]
    if rule.days is not None:
        found = [other for other in found if _within(cases[place], other, rule.days)]
    cities = {city for other in found if (city := city_of(other.record.address))}
    persons = {other.person for other in found}
    return bool(beside) and len(persons) >= rule.persons and len(cities) >= rule.cities


def _within(case: Case, other: Case, days: int) -> bool:
    apart = days_apart(case, other)
    return apart is not None and apart <= days
