"""Bursts: days on which far more cases of one cause arrive than the file's own pace explains.

An outage, a rise of price, a news report: people tell one event in their own words. Where the
file is short or knows no days, nothing is a burst.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from models.links.cases import Case

WINDOW = 3  # days from the first case to the last
_LEAST = 4
_TIMES = 8  # as many as the pace of the other days gives
_LEAST_SPAN = 30


def find_bursts(cases: Sequence[Case], joined: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The places of the cases of each burst, in order; bursts of a leaf cause or of its branch.

    A case that is ``joined`` to one outside the burst has another story: it is no witness.
    """
    dated = [(case.day, place) for place, case in enumerate(cases) if case.day is not None]
    if not dated or (max(dated)[0] - min(dated)[0]).days < _LEAST_SPAN:
        return []
    span = (max(dated)[0] - min(dated)[0]).days + 1
    leaves = _bursts_by(dated, lambda place: cases[place].cause, span)
    branches = _bursts_by(dated, lambda place: cases[place].cause.partition(".")[0], span)
    beside: dict[int, set[int]] = defaultdict(set)
    for left, right in joined:
        beside[left].add(right)
        beside[right].add(left)
    kept = (
        tuple(place for place in burst if beside[place] <= set(burst))
        for burst in {*leaves, *branches}
    )
    return sorted(burst for burst in kept if len(burst) >= _LEAST)


def _bursts_by(
    dated: Sequence[tuple[date, int]], name_of: Callable[[int], str], span: int
) -> list[tuple[int, ...]]:
    days: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for day, place in sorted(dated):
        days[name_of(place)].append((day, place))
    return [burst for found in days.values() for burst in _bursts_of(found, span)]


def _bursts_of(found: Sequence[tuple[date, int]], span: int) -> list[tuple[int, ...]]:
    bursts, start = [], 0
    while start < len(found):
        end = start
        while end + 1 < len(found) and (found[end + 1][0] - found[start][0]).days <= WINDOW:
            end += 1
        inside = end - start + 1
        pace = (len(found) - inside) / max(1, span - WINDOW - 1) * (WINDOW + 1)
        if inside >= _LEAST and inside >= _TIMES * pace:
            bursts.append(tuple(place for _, place in found[start : end + 1]))
        start = end + 1 if inside >= _LEAST else start + 1
    return bursts
