"""Values: the counts of what cases share, and the cases that a changed count sets free or binds.

A phone that is a hub from today on joins nobody any more; so its cases are looked at again.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from models.links.cases import Case
from models.links.hubs import CROWD
from models.links.likeness import Likeness, Pair
from models.links.limits import NEAR
from serving.register import link_rows as rows
from serving.register import link_writes as writes
from serving.register.link_names import NamedCases, with_counts, without
from serving.register.link_rows import Kept


def near_pairs(likeness: Mapping[Pair, Likeness]) -> list[Pair]:
    """The pairs that count as writing alike at the values that both have."""
    return [pair for pair, one in likeness.items() if one.retold >= NEAR]


def ends_of(pairs: Collection[Pair]) -> set[int]:
    """The cases of these pairs."""
    return {number for pair in pairs for number in pair}


def save_values(
    connection: Connection, named: NamedCases, near: Collection[Pair], cases: Mapping[int, Kept]
) -> set[int]:
    """Write the values of new cases; the cases whose groups that may change.

    ``cases``: the new ones, and those of the pairs that are ``near``.
    """
    after = dict(named.after)
    _count_alike(after, near, cases, sign=1)
    writes.save_handles(connection, named.before, after)
    writes.add_holdings(connection, named.held)
    joining = {handle for handle, _ in named.held if _may_join(after[handle])}
    new = {number for handle, number in named.held if handle in joining}
    return new | _holders_of(connection, _flipped(named.before, after))


def forget_values(
    connection: Connection, case: Case, likeness: Mapping[Pair, Likeness]
) -> set[int]:
    """Count a case off its values; the other cases whose groups that may change."""
    before = rows.read_handles(connection, [int(value) for value in case.values])
    after = without(case, before)
    near = [pair for pair in near_pairs(likeness) if case.number in pair]
    _count_alike(after, near, rows.read_cases(connection, ends_of(near)), sign=-1)
    writes.save_handles(connection, before, after)
    return _holders_of(connection, _flipped(before, after)) - {case.number}


def _count_alike(
    handles: dict[int, rows.Handle],
    near: Collection[Pair],
    cases: Mapping[int, Kept],
    *,
    sign: int,
) -> None:
    """Count pairs that write alike at each value that both have."""
    for left, right in near:
        for value in set(cases[left].case.shared) & set(cases[right].case.shared):
            if int(value) in handles:
                handles[int(value)] = with_counts(handles[int(value)], alike=sign)


def _flipped(before: Mapping[int, rows.Handle], after: Mapping[int, rows.Handle]) -> set[int]:
    """Values that may join other cases now than before."""
    return {id_ for id_, one in before.items() if _joins(one) != _joins(after[id_])}


def _joins(handle: rows.Handle) -> tuple[bool, bool, int]:
    sharing = handle.sharing
    weak = sharing.is_hub or handle.kind == "site"
    return sharing.is_hub, sharing.is_crowd, sharing.step if weak else 0


def _may_join(handle: rows.Handle) -> bool:
    """Whether a value joins cases of itself; a seller or building does so with like texts only."""
    sharing = handle.sharing
    weak = handle.kind in ("seller", "site") or sharing.is_hub or sharing.is_crowd
    return sharing.cases > 1 and not weak


def _holders_of(connection: Connection, flipped: Collection[int]) -> set[int]:
    holders = rows.read_holders(connection, flipped)
    return {number for numbers in holders.values() for number in numbers[: CROWD + 1]}
