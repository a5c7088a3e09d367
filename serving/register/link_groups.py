"""Groups as rows: kept when they change. How they are told is in `link_shown`.

A group keeps its id while it grows; of two that merge the larger keeps its own, and so does the
larger part of one that falls apart.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, func, select

from models.codebook import Level
from models.links.grouping import FoundGroup
from serving.register import link_rows as rows
from serving.register import link_writes as writes
from serving.register.link_region import Region
from serving.register.link_rows import GroupRow
from serving.register.link_tables import linked_cases


def save(
    connection: Connection,
    region: Region,
    found: Sequence[FoundGroup],
    state: dict[str, int],
    *,
    seeds: Collection[int],
    levels: Sequence[Level],
    most: float,
) -> list[GroupRow]:
    """Write the groups of a region and who is in them; what stayed as it was is not written.

    ``seeds``: the cases about which something has changed. A group without any that has the
    members it had is not decided again. The groups of ``found`` as they are kept, in its order.
    """
    order = {level.id: rank for rank, level in enumerate(levels)}
    large = region.large(most)
    ids = _ids(region, found, state, large)
    after = {id_: one for id_, one in region.groups.items() if id_ in large and id_ not in ids}
    places: dict[int, tuple[int | None, str]] = {
        number: (None, kept.case.said.level)
        for number, kept in region.cases.items()
        if kept.group not in large
    }
    for id_, one in zip(ids, found, strict=True):
        if id_ not in large and _stands(id_, one, region, seeds):
            after[id_] = region.groups[id_]
            places |= {n: (id_, region.cases[n].level) for n in one.numbers}
            continue
        merged = {kept.group for n in one.numbers if (kept := region.cases[n]).group in large}
        for other in merged - {id_, None}:
            after.pop(other, None)
            writes.move_group(connection, other, into=id_)
        after[id_] = _row(id_, one, region, merged, order)
        places |= {
            number: (id_, one.standings[number].level)
            for number in one.numbers
            if region.cases[number].group not in large
        }
    writes.save_groups(connection, region.groups, after)
    now = {number: (kept.group, kept.level) for number, kept in region.cases.items()}
    writes.place_cases(connection, {n: place for n, place in places.items() if now[n] != place})
    return [after[id_] for id_ in ids]


def drop_if_empty(connection: Connection, group: int) -> None:
    """Delete a group of which less than two cases are left."""
    found = rows.read_groups(connection, [group])
    count = select(func.count()).where(linked_cases.c.group_row == group)
    if found and connection.execute(count).scalar_one() < 2:
        writes.save_groups(connection, found, {})


def _stands(id_: int, found: FoundGroup, region: Region, seeds: Collection[int]) -> bool:
    """Whether a group is the one that is kept, and nothing has changed about its members."""
    numbers = found.numbers
    if id_ not in region.groups or region.groups[id_].size != len(numbers):
        return False
    return all(region.cases[n].group == id_ and n not in seeds for n in numbers)


def _ids(
    region: Region, found: Sequence[FoundGroup], state: dict[str, int], large: set[int]
) -> list[int]:
    """An id for each group: that of the old group most of whose cases it has, or a new one."""
    votes = []
    for place, one in enumerate(found):
        count = Counter(region.cases[number].group for number in one.numbers)
        for group, many in count.items():
            if group is not None:
                many = region.groups[group].size if group in large else many
                votes.append((-many, group, place))
    ids: dict[int, int] = {}
    for _, group, place in sorted(votes):
        if place not in ids and group not in ids.values():
            ids[place] = group
    for place in range(len(found)):
        if place not in ids:
            state["group"] += 1
            ids[place] = state["group"]
    return [ids[place] for place in range(len(found))]


def _row(
    id_: int,
    found: FoundGroup,
    region: Region,
    merged: Collection[int | None],
    order: Mapping[str, int],
) -> GroupRow:
    """The group's row; of a large one only what new cases add is known."""
    old = [region.groups[group] for group in merged if group is not None]
    new = [n for n in found.numbers if region.cases[n].group not in merged or not merged]
    numbers = [*found.numbers, *(n for one in old for n in (one.oldest, one.newest))]
    levels = [*(found.standings[n].level for n in new), *(one.level for one in old)]
    largest = max(old, key=lambda one: one.size, default=None)
    return GroupRow(
        id=id_,
        kind=found.kind.id,
        size=sum(one.size for one in old) + len(new),
        oldest=min(numbers),
        newest=max(numbers),
        level=max(levels, key=lambda level: order[level]),
        why=json.dumps(found.why, ensure_ascii=False) if largest is None else largest.why,
    )
