"""Regions: the cases whose groups a change can touch, and what must be known around them.

What joins two cases depends on the two alone, on the counts of what they share and on the days of
their cause. So a change reaches the cases it is paired with, their groups, and what stands near
those; all else stays. A group larger than `LARGE` is not looked at as a whole.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field

from sqlalchemy import Connection

from models.links.grouping import Joined, is_worth_keeping
from models.links.likeness import Likeness, Pair
from models.links.limits import Limits, limits_at
from models.links.ties import Around
from serving.register import link_rows as rows
from serving.register.link_days import bursts_of
from serving.register.link_rows import GroupRow, Kept

LARGE = 150
_SECOND_STEP = 150  # so many cases at most are asked for what stands near them


@dataclass(frozen=True, slots=True)
class Known:
    """What a writer has read or written already: cases, and all pairs of those ``asked``."""

    cases: Mapping[int, Kept] = field(default_factory=dict)
    likeness: Mapping[Pair, Likeness] = field(default_factory=dict)
    asked: Set[int] = frozenset()


@dataclass(slots=True)
class Region:
    """Cases of a neighbourhood with all that grouping asks for.

    ``asked``: the cases all of whose pairs are among ``likeness``; ``known``: what is not read.
    """

    cases: dict[int, Kept] = field(default_factory=dict)
    groups: dict[int, GroupRow] = field(default_factory=dict)
    likeness: dict[Pair, Likeness] = field(default_factory=dict)
    bursts: list[tuple[int, ...]] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)
    known: Known = field(default_factory=Known)

    def large(self, most: float) -> set[int]:
        """Groups that are not looked at as a whole."""
        return {id_ for id_, group in self.groups.items() if group.size > most}

    def joined(self, most: float) -> tuple[Joined, ...]:
        """The cases that are here of each large group."""
        members: dict[int, list[int]] = {id_: [] for id_ in self.large(most)}
        for number, kept in sorted(self.cases.items()):
            if kept.group in members:
                members[kept.group].append(number)
        return tuple(
            Joined(tuple(numbers), self.groups[id_].kind)
            for id_, numbers in sorted(members.items())
            if numbers
        )


def read_region(
    connection: Connection,
    seeds: Collection[int],
    *,
    state: Mapping[str, int],
    most: float = LARGE,
    known: Known | None = None,
) -> Region:
    """The neighbourhood of these cases; groups of more than ``most`` are not read as a whole."""
    region = Region(known=known or Known())
    _take(connection, region, seeds, most=most)
    _take(connection, region, _sharing(connection, region, seeds), most=most)
    _ask_pairs(connection, region, _small(region, most).union(seeds))
    _take(connection, region, _ends(region.likeness), most=most)
    if len(region.cases) <= _SECOND_STEP:
        _ask_pairs(connection, region, _small(region, most))
        _take(connection, region, _ends(region.likeness), most=most)
    _add_bursts(connection, region, state, most=most)
    _ask_pairs(connection, region, _small(region, most))
    region.likeness = dict(_worth_keeping(region, limits_at(state["step"])))
    return region


def read_inside(
    connection: Connection, cases: Mapping[int, Kept], *, state: Mapping[str, int]
) -> Region:
    """These cases with what is between them, and nothing else."""
    region = Region(cases=dict(cases))
    _ask_pairs(connection, region, cases)
    bursts = bursts_of(connection, [kept.case for kept in cases.values()], state)
    region.bursts = sorted({burst for burst in bursts.values() if set(burst) <= set(cases)})
    region.likeness = dict(_worth_keeping(region, limits_at(state["step"])))
    return region


def read_around(connection: Connection, region: Region, *, state: Mapping[str, int]) -> Around:
    """What must be known beyond the cases of a region."""
    values = {int(one.token) for kept in region.cases.values() for one in kept.case.identifiers}
    handles = rows.read_handles(connection, values).values()
    sharing = {str(one.id): one.sharing for one in handles}
    lost = {str(value): rows.NOBODY for value in values}  # their keys have retired
    return Around(limits_at(state["step"]), {**lost, **sharing}, region.bursts)


def _take(connection: Connection, region: Region, numbers: Iterable[int], *, most: float) -> None:
    """Add these cases, and all of their groups that are not too large."""
    missing = set(numbers).difference(region.cases)
    known = {n: kept for n, kept in region.known.cases.items() if n in missing}
    region.cases |= known | rows.read_cases(connection, missing.difference(known))
    wanted = {kept.group for kept in region.cases.values() if kept.group is not None}
    new = wanted.difference(region.groups)
    region.groups |= rows.read_groups(connection, new)
    whole = [id_ for id_ in new if region.groups[id_].size <= most]
    members = rows.read_members(connection, whole)
    region.cases |= members


def _sharing(connection: Connection, region: Region, seeds: Collection[int]) -> set[int]:
    """The cases that have a value in common with a seed by which they may be joined."""
    cases = [region.cases[number].case for number in seeds if number in region.cases]
    values = {int(one.token) for case in cases for one in case.identifiers}
    values |= {int(case.helper) for case in cases if case.helper is not None}
    handles = rows.read_handles(connection, values).values()
    joining = [one.id for one in handles if not (one.sharing.is_hub or one.sharing.is_crowd)]
    return {n for numbers in rows.read_holders(connection, joining).values() for n in numbers}


def _ask_pairs(connection: Connection, region: Region, numbers: Collection[int]) -> None:
    """Add the pairs of these cases, unless they were asked for before."""
    new = set(numbers).difference(region.asked)
    known = new & region.known.asked
    region.likeness |= {
        p: one for p, one in region.known.likeness.items() if p[0] in known or p[1] in known
    }
    region.likeness |= rows.read_pairs(connection, new - known)
    region.asked |= new


def _small(region: Region, most: float) -> set[int]:
    large = region.large(most)
    return {number for number, kept in region.cases.items() if kept.group not in large}


def _ends(likeness: Mapping[Pair, Likeness]) -> set[int]:
    return {number for pair in likeness for number in pair}


def _worth_keeping(region: Region, limits: Limits) -> Iterable[tuple[Pair, Likeness]]:
    """Pairs inside the region that count under the limits of today."""
    for pair, found in sorted(region.likeness.items()):
        if pair[0] in region.cases and pair[1] in region.cases:
            one, two = (region.cases[number].case for number in pair)
            share = found.retold < limits.kept and bool(set(one.shared) & set(two.shared))
            if is_worth_keeping(found, share=share, limits=limits):
                yield pair, found


def _add_bursts(
    connection: Connection, region: Region, state: Mapping[str, int], *, most: float
) -> None:
    """Add the bursts that cases of the region are part of, with all cases of each."""
    asked: set[int] = set()
    known: dict[object, tuple[int, ...]] = {}
    while new := set(region.cases).difference(asked):
        asked |= new
        found = bursts_of(connection, [region.cases[n].case for n in new], state)
        known |= found
        _take(connection, region, {n for burst in found.values() for n in burst}, most=most)
    region.bursts = sorted({numbers for numbers in known.values() if numbers})
