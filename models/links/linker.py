"""The linker: the cases of one file in, groups and levels out. The one way through this package.

Cases, ties, clusters, kinds, levels. Works on a whole file at once and keeps nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from models.assessment import Assessment, Link
from models.codebook import Codebook
from models.links.cases import Case, make_cases
from models.links.clusters import find_clusters
from models.links.explanations import Evidence, decide_kind
from models.links.fingerprints import read_wording
from models.links.hubs import HubList, read_hubs
from models.links.identifiers import Key
from models.links.kinds import Kind, Kinds, read_kinds
from models.links.levels import Following, decide_level, following_signs
from models.links.ties import Tie, find_ties
from models.record import Record


@dataclass(frozen=True, slots=True)
class LinkedCase:
    """One case with its group, its level in that company, and its ties to other members."""

    case_id: str
    group_id: str | None
    group_kind: str | None
    level: str
    links: tuple[Link, ...] = ()
    signs: tuple[Following, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that belong together; says what to verify and nothing about any member."""

    id: str
    kind: Kind
    case_ids: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """The cases in the order given, and the groups in order of their first case."""

    cases: tuple[LinkedCase, ...]
    groups: tuple[Group, ...]


class Linker:
    """Links the cases of a file; ``key`` makes the tokens of identifiers, random by default."""

    def __init__(
        self, codebook: Codebook, *, key: Key | None = None, hubs: HubList | None = None
    ) -> None:
        self._codebook = codebook
        self._key = key or Key()
        self._hubs = hubs or read_hubs()
        self._kinds: Kinds = read_kinds()
        self._wording = read_wording()

    def link(self, records: Sequence[Record], assessments: Sequence[Assessment]) -> Linked:
        """Groups and levels for the records, each with its own assessment, in one order."""
        cases = make_cases(records, assessments, key=self._key, hubs=self._hubs)
        found = find_ties(cases, self._wording)
        groups: list[Group] = []
        answers = {place: _alone(case) for place, case in enumerate(cases)}
        for members in find_clusters(cases, found):
            inside = _inside(found.ties, members)
            carrying = tuple(tie for tie in inside if tie.carries)
            evidence = Evidence(tuple(cases[place] for place in members), carrying)
            kind = decide_kind(evidence, self._kinds)
            group = Group(
                id=f"G{len(groups) + 1:04d}",
                kind=kind,
                case_ids=tuple(cases[place].id for place in members),
                why=_reasons_of(carrying),
            )
            groups.append(group)
            for place in members:
                answers[place] = self._member(place, members, cases, inside, group)
        return Linked(tuple(answers[place] for place in range(len(cases))), tuple(groups))

    def _member(
        self,
        place: int,
        members: Sequence[int],
        cases: Sequence[Case],
        ties: Sequence[Tie],
        group: Group,
    ) -> LinkedCase:
        kinds = self._kinds
        signs = following_signs(place, members, cases, ties, kinds) if group.kind.links else ()
        decision = decide_level(cases[place], group.kind, signs, self._codebook)
        shown = tuple(sign for sign in signs if sign.id in decision.shown)
        return LinkedCase(
            case_id=cases[place].id,
            group_id=group.id,
            group_kind=group.kind.id,
            level=decision.level,
            links=_links_of(place, cases, ties),
            signs=shown,
            reasons=(*decision.reasons, group.kind.meaning),
        )


def _alone(case: Case) -> LinkedCase:
    agent = case.assessment.agent
    return LinkedCase(case.id, None, None, agent.level, reasons=agent.reasons)


def _inside(ties: Sequence[Tie], members: Sequence[int]) -> tuple[Tie, ...]:
    held = set(members)
    return tuple(tie for tie in ties if tie.left in held and tie.right in held)


def _links_of(place: int, cases: Sequence[Case], ties: Sequence[Tie]) -> tuple[Link, ...]:
    """The strongest tie of each kind to each other case."""
    best: dict[tuple[int, str], Tie] = {}
    for tie in ties:
        if place in (tie.left, tie.right):
            other = (tie.left + tie.right - place, tie.kind)
            if other not in best or tie.score > best[other].score:
                best[other] = tie
    return tuple(
        Link(cases[other].id, kind, tie.score, tie.why)
        for (other, kind), tie in sorted(best.items(), key=lambda found: found[0])
    )


def _reasons_of(ties: Sequence[Tie]) -> tuple[str, ...]:
    """Why the group holds together: each reason once, the one that joins most pairs first."""
    count: dict[str, int] = defaultdict(int)
    for tie in ties:
        count[tie.why.partition("(")[0]] += 1
    ordered = sorted(count.items(), key=lambda found: (-found[1], found[0]))
    return tuple(f"{why} {times} 对" for why, times in ordered)
