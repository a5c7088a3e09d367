"""Grouping: cases and what was measured of them in, groups with kind, levels and links out.

Pure, and the only way to a group: a file is grouped as a whole, an index groups the neighbourhood
of what has changed. Both get the same groups.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models.codebook import Codebook
from models.links.cases import Case
from models.links.clusters import find_clusters
from models.links.explanations import Evidence, decide_kind
from models.links.kinds import Kind, Kinds
from models.links.levels import Following, decide_level, following_signs
from models.links.likeness import Likeness
from models.links.limits import HINT, Limits
from models.links.ties import Around, Pair, Tie, find_ties


@dataclass(frozen=True, slots=True)
class Rules:
    """What groups are judged by: data of the package and of the bundle's codebook."""

    codebook: Codebook
    kinds: Kinds


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


@dataclass(frozen=True, slots=True)
class Found:
    """A group; ``ties`` are all between its members, also those that do not carry."""

    kind: Kind
    numbers: tuple[int, ...]
    ties: tuple[Tie, ...]
    why: tuple[str, ...]
    standings: Mapping[int, Standing] = field(repr=False)


def strongest(ties: Iterable[Tie]) -> list[Tie]:
    """The strongest tie of each kind between two cases: those to show."""
    best: dict[tuple[int, int, str], Tie] = {}
    for tie in ties:
        key = (tie.left, tie.right, tie.kind)
        if key not in best or tie.score > best[key].score:
            best[key] = tie
    return list(best.values())


def is_worth_keeping(likeness: Likeness, *, share: bool, limits: Limits) -> bool:
    """Whether a measured pair can ever join anything; ``share``: the two have a value in common."""
    return likeness.retold >= (min(HINT, limits.kept) if share else limits.kept)


def find_groups(
    cases: Sequence[Case],
    likeness: Mapping[Pair, Likeness],
    around: Around,
    *,
    rules: Rules,
    joined: Sequence[Joined] = (),
) -> tuple[Found, ...]:
    """The groups of these cases, in order of their first member."""
    by_number = {case.number: case for case in cases}
    ties = find_ties(cases, likeness, around)
    known = [one.numbers for one in joined]
    clusters = find_clusters(cases, ties, likeness, around.limits, joined=known)
    kinds = {number: one.kind for one in joined for number in one.numbers}
    inside = _inside(ties, clusters)
    return tuple(
        _group({n: by_number[n] for n in numbers}, held, rules, _known_kind(numbers, kinds))
        for numbers, held in zip(clusters, inside, strict=True)
    )


def _group(
    cases: Mapping[int, Case], ties: Sequence[Tie], rules: Rules, known: str | None
) -> Found:
    carrying = tuple(tie for tie in ties if tie.carries)
    evidence = Evidence(tuple(cases.values()), carrying)
    kind = rules.kinds.by_id[known] if known else decide_kind(evidence, rules.kinds)
    of_case: dict[int, list[Tie]] = defaultdict(list)
    for tie in ties:
        of_case[tie.left].append(tie)
        of_case[tie.right].append(tie)
    standings = {
        number: standing_of(case, cases, of_case[number], kind, rules)
        for number, case in cases.items()
    }
    return Found(kind, tuple(cases), tuple(ties), reasons_of(carrying), standings)


def standing_of(
    case: Case, cases: Mapping[int, Case], ties: Sequence[Tie], kind: Kind, rules: Rules
) -> Standing:
    """Where a case stands among the ``cases`` of its group; ``ties`` are those of the case."""
    signs = following_signs(case, cases, ties, kind=kind, kinds=rules.kinds)
    decision = decide_level(case, kind, signs, rules.codebook)
    shown = tuple(sign for sign in signs if sign.id in decision.shown)
    return Standing(decision.level, shown, (*decision.reasons, kind.meaning))


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
