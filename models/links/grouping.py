"""Grouping: cases and what was measured of them in, groups with kind, levels and links out.

Pure, and the only way to a group: a file is grouped as a whole, an index groups the neighbourhood
of what has changed. Both get the same groups.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from models.codebook import Codebook
from models.links.cases import Case
from models.links.clusters import find_clusters
from models.links.explanations import GroupEvidence, decide_kind
from models.links.kinds import Kind, Kinds
from models.links.levels import Following, Levels, following_signs
from models.links.likeness import Likeness, Pair
from models.links.limits import HINT, Limits
from models.links.ties import Around, Tie, find_ties


@dataclass(frozen=True)
class Rules:
    """What groups are judged by: data of the package and of the bundle's codebook."""

    codebook: Codebook
    kinds: Kinds

    @cached_property
    def levels(self) -> Levels:
        """The codebook's policy."""
        return Levels(self.codebook)


@dataclass(frozen=True, slots=True)
class Joined:
    """Cases of a group too large to be looked at as a whole; its ``kind`` stands."""

    numbers: tuple[int, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a case stands in its group: its level and why, and the signs that follow."""

    level: str
    signs: tuple[Following, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class FoundGroup:
    """A group; ``ties`` are all between its members, also those that do not carry.

    What it is and where its members stand is decided when asked for: about a group that an
    index has just read again and found unchanged, nobody asks. ``known``: the kind that stands.
    """

    cases: Mapping[int, Case] = field(repr=False)
    ties: tuple[Tie, ...] = field(repr=False)
    rules: Rules = field(repr=False)
    known: str | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of its members."""
        return tuple(self.cases)

    @cached_property
    def kind(self) -> Kind:
        """What explains it."""
        if self.known is not None:
            return self.rules.kinds.by_id[self.known]
        return decide_kind(
            GroupEvidence(tuple(self.cases.values()), self._carrying), self.rules.kinds
        )

    @property
    def why(self) -> tuple[str, ...]:
        """Why it holds together, in Chinese."""
        return reasons_of(self._carrying)

    @cached_property
    def standings(self) -> Mapping[int, Standing]:
        """Where each member stands."""
        of_case: dict[int, list[Tie]] = defaultdict(list)
        for tie in self.ties:
            of_case[tie.left].append(tie)
            of_case[tie.right].append(tie)
        return {
            number: standing_of(case, self.cases, of_case[number], self.kind, self.rules)
            for number, case in self.cases.items()
        }

    @cached_property
    def _carrying(self) -> tuple[Tie, ...]:
        return tuple(tie for tie in self.ties if tie.carries)


def strongest(ties: Iterable[Tie]) -> list[Tie]:
    """The strongest tie of each kind between two cases: those to show."""
    best: dict[tuple[int, int, str], Tie] = {}
    for tie in ties:
        key = (tie.left, tie.right, tie.kind)
        if key not in best or tie.score > best[key].score:
            best[key] = tie
    return list(best.values())


def is_worth_keeping(
    likeness: Likeness, *, share: bool, same_cause: bool = True, limits: Limits
) -> bool:
    """Whether a measured pair can ever join anything; ``share``: the two have a value in common.

    ``same_cause``: whether they tell of one cause, true where that is not known. Two that have
    neither in common are joined by nothing weaker than nearness.
    """
    if share:
        return likeness.retold >= min(HINT, limits.kept)
    return likeness.retold >= (limits.kept if same_cause else limits.near)


def find_groups(
    cases: Sequence[Case],
    likeness: Mapping[Pair, Likeness],
    around: Around,
    *,
    rules: Rules,
    joined: Sequence[Joined] = (),
) -> tuple[FoundGroup, ...]:
    """The groups of these cases, in order of their first member."""
    by_number = {case.number: case for case in cases}
    ties = find_ties(cases, likeness, around)
    known = [one.numbers for one in joined]
    clusters = find_clusters(cases, ties, likeness, around.limits, joined=known)
    kinds = {number: one.kind for one in joined for number in one.numbers}
    inside = _inside(ties, clusters)
    return tuple(
        FoundGroup(
            {n: by_number[n] for n in numbers}, tuple(held), rules, _known_kind(numbers, kinds)
        )
        for numbers, held in zip(clusters, inside, strict=True)
    )


def standing_of(
    case: Case, cases: Mapping[int, Case], ties: Sequence[Tie], kind: Kind, rules: Rules
) -> Standing:
    """Where a case stands among the ``cases`` of its group; ``ties`` are those of the case."""
    signs = following_signs(case, cases, ties, kind=kind, kinds=rules.kinds)
    decision = rules.levels.decide(case, kind, signs)
    shown = tuple(sign for sign in signs if sign.id in decision.shown)
    # Who is helped is told of the help, not of what a group may mean.
    meaning = () if decision.route is not None else (kind.meaning,)
    return Standing(decision.level, shown, (*decision.reasons, *meaning))


def _inside(ties: Sequence[Tie], clusters: Sequence[Sequence[int]]) -> list[list[Tie]]:
    place = {number: at for at, numbers in enumerate(clusters) for number in numbers}
    held: list[list[Tie]] = [[] for _ in clusters]
    for tie in ties:
        at = place.get(tie.left)
        if at is not None and at == place.get(tie.right):
            held[at].append(tie)
    return held


def _known_kind(numbers: Sequence[int], kinds: Mapping[int, str]) -> str | None:
    found = [kinds[number] for number in numbers if number in kinds]
    return max(sorted(set(found)), key=found.count) if found else None


def reasons_of(ties: Sequence[Tie]) -> tuple[str, ...]:
    """Why a group holds together: each reason once, the one that joins most pairs first."""
    count: dict[str, int] = defaultdict(int)
    for tie in ties:
        count[tie.why.partition("(")[0]] += 1
    ordered = sorted(count.items(), key=lambda found: (-found[1], found[0]))
    return tuple(f"{why} {times} 对" for why, times in ordered)
