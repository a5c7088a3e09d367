"""Days: how many cases of a cause came when, and which cases a new one makes part of a burst.

Beside the counts of days stand two rows a cause: all its cases, and how many bursts it has. With
them a case that comes on a quiet day costs a few rows, however long the history is.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection

from models.links.bursts import WINDOW, causes_of, may_be_burst, windows
from models.links.cases import Case
from models.links.hubs import CROWD
from serving.register import link_rows as rows
from serving.register import link_writes as writes

_TOTAL, _BURSTS = 0, -1  # in place of a day
Days = tuple[int, int]
"""First and last day of a burst."""
Arrivals = Mapping[str, Mapping[int, int]]
"""Counts by cause and day."""
_FEW = 4  # causes and days; of more, whole histories are read at once


def count_days(
    connection: Connection, cases: Sequence[Case], state: dict[str, int], *, sign: int = 1
) -> set[int]:
    """Count the days on which cases came; the cases of all bursts that this changes.

    The span of days only ever grows.
    """
    changes = Counter(
        (cause, day) for cause, days in days_of(cases).items() for day in days.elements()
    )
    if not changes:
        return set()
    before, grown = span_of(state), _grow(state, [day for _, day in changes])
    causes = {cause for cause, _ in changes}
    if len(changes) <= _FEW and not grown:
        near = _near(connection, changes)
        if not _may_change(near, changes, span=before, sign=sign):
            _add(connection, near, changes, sign=sign)
            return set()
    causes |= rows.read_causes(connection) if grown else set()
    old = rows.read_arrivals(connection, causes)
    new = _add(connection, old, changes, sign=sign)
    return _touched(connection, old, new, changes, spans=(before, span_of(state)))


def bursts_of(
    connection: Connection, cases: Iterable[Case], state: Mapping[str, int]
) -> dict[tuple[str, Days], tuple[int, ...]]:
    """The bursts in which these cases are, with the numbers of all their cases."""
    days = days_of(cases)
    counts = rows.read_arrivals(connection, days, days=[(_BURSTS, _BURSTS)])
    bursting = [cause for cause, found in counts.items() if found.get(_BURSTS)]
    every = rows.read_causes(connection) if bursting else set()
    return {
        (cause, window): tuple(sorted(_arrived(connection, cause, window, every)))
        for cause, found in rows.read_arrivals(connection, bursting).items()
        for window in windows(_only_days(found), span=span_of(state))
        if any(_is_in(day, window) for day in days[cause])
    }


def days_of(cases: Iterable[Case]) -> dict[str, Counter[int]]:
    """How many of these cases came on which day, by cause and branch."""
    found: dict[str, Counter[int]] = {}
    for case in cases:
        if case.said.day is not None:
            for cause in causes_of(case.said.cause):
                found.setdefault(cause, Counter())[case.said.day.toordinal()] += 1
    return found


def span_of(state: Mapping[str, int]) -> int:
    """Days from the first case to the last."""
    return state["last_day"] - state["first_day"] + 1 if state["first_day"] else 0


def _grow(state: dict[str, int], days: Sequence[int]) -> bool:
    span = span_of(state)
    state["first_day"] = min(days) if span == 0 else min(state["first_day"], *days)
    state["last_day"] = max(state["last_day"], *days)
    return span_of(state) != span


def _near(connection: Connection, changes: Collection[tuple[str, int]]) -> Arrivals:
    """The counts around these days, and those of all days."""
    days = [day for _, day in changes]
    window = (min(days) - WINDOW, max(days) + WINDOW)
    causes = {cause for cause, _ in changes}
    return rows.read_arrivals(connection, causes, days=[window, (_BURSTS, _TOTAL)])


def _may_change(
    near: Arrivals, changes: Mapping[tuple[str, int], int], *, span: int, sign: int
) -> bool:
    """Whether a cause has bursts, or may have one on one of these days."""
    for (cause, day), count in changes.items():
        more = max(0, sign) * count
        around = range(day - WINDOW, day + WINDOW + 1)
        inside = sum(near[cause].get(day, 0) for day in around) + more
        total = near[cause].get(_TOTAL, 0) + more
        if near[cause].get(_BURSTS) or may_be_burst(inside, total=total, span=span):
            return True
    return False


def _add(
    connection: Connection,
    known: Arrivals,
    changes: Mapping[tuple[str, int], int],
    *,
    sign: int,
) -> Arrivals:
    """Write the counts with these changes; the counts as they are then."""
    after = {cause: dict(counts) for cause, counts in known.items()}
    for (cause, day), count in changes.items():
        for place in (day, _TOTAL):
            after[cause][place] = after[cause].get(place, 0) + sign * count
    writes.save_arrivals(connection, known, after)
    return after


def _touched(
    connection: Connection,
    old: Arrivals,
    new: Arrivals,
    changes: Collection[tuple[str, int]],
    *,
    spans: tuple[int, int],
) -> set[int]:
    hit: set[tuple[str, Days]] = set()
    bursts: dict[str, dict[int, int]] = {}
    for cause in new:
        before = set(windows(_only_days(old[cause]), span=spans[0]))
        after = set(windows(_only_days(new[cause]), span=spans[1]))
        here = {day for other, day in changes if other == cause}
        touched = {window for window in after if any(_is_in(day, window) for day in here)}
        hit |= {(cause, window) for window in (before ^ after) | touched}
        if len(after) != new[cause].get(_BURSTS, 0):
            bursts[cause] = {_BURSTS: len(after)}
    writes.save_arrivals(connection, new, bursts)
    every = rows.read_causes(connection) if hit else set()
    return {n for cause, window in hit for n in _arrived(connection, cause, window, every)}


def _arrived(
    connection: Connection, cause: str, window: Days, causes: Collection[str]
) -> Sequence[int]:
    """Cases of a cause or branch between two days; none where they are too many to be paired."""
    under = [one for one in causes if cause in causes_of(one)]
    numbers = rows.read_arrived(connection, under, window, most=CROWD)
    return numbers if len(numbers) <= CROWD else ()


def _only_days(counts: Mapping[int, int]) -> dict[int, int]:
    return {day: count for day, count in counts.items() if day > _TOTAL and count > 0}


def _is_in(day: int, window: Days) -> bool:
    return window[0] <= day <= window[1]
