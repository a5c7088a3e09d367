"""Bursts: days on which far more cases of one cause arrive than the pace of all days explains.

An outage, a rise of price, a news report: people tell one event in their own words. Where the
history is short or knows no days, nothing is a burst. Days are ordinals: counts are enough.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from models.links.cases import Case

WINDOW = 3  # days from the first case to the last
LEAST = 4
_TIMES = 8  # as many as the pace of the other days gives
_LEAST_SPAN = 30


def windows(arrivals: Mapping[int, int], *, span: int) -> list[tuple[int, int]]:
    """First and last day of each burst in the arrivals of one cause, by day.

    ``span``: days from the first case of any cause to the last.
    """
    total = sum(arrivals.values())
    most = (WINDOW + 1) * max(arrivals.values(), default=0)
    if not may_be_burst(most, total=total, span=span):  # as with most causes, most of the time
        return []
    days = sorted(arrivals)
    found, start = [], 0
    while start < len(days):
        end = start
        while end + 1 < len(days) and days[end + 1] - days[start] <= WINDOW:
            end += 1
        inside = sum(arrivals[day] for day in days[start : end + 1])
        is_burst = may_be_burst(inside, total=total, span=span)
        if is_burst:
            found.append((days[start], days[end]))
        start = end + 1 if is_burst else start + 1
    return found


def may_be_burst(inside: int, *, total: int, span: int) -> bool:
    """Whether so many cases within `WINDOW` days are a burst; with more days, whether they may be.

    ``total``: all cases of the cause.
    """
    pace = (total - inside) / max(1, span - WINDOW - 1) * (WINDOW + 1)
    return span > _LEAST_SPAN and inside >= LEAST and inside >= _TIMES * pace


def causes_of(cause: str) -> tuple[str, ...]:
    """The causes among which a case may be part of a burst: its own, and its branch."""
    return tuple(dict.fromkeys((cause, cause.partition(".")[0])))


def find_bursts(cases: Sequence[Case]) -> list[tuple[int, ...]]:
    """Numbers of the cases of each burst of a file, by leaf cause or by branch."""
    dated = [case for case in cases if case.said.day is not None]
    days = [_day(case) for case in dated]
    span = max(days) - min(days) + 1 if days else 0
    found = {
        tuple(case.number for case in held if first <= _day(case) <= last)
        for held in _by_cause(dated)
        for first, last in windows(Counter(map(_day, held)), span=span)
    }
    return sorted(found)


def _by_cause(dated: Sequence[Case]) -> Iterator[list[Case]]:
    causes = sorted({cause for case in dated for cause in causes_of(case.said.cause)})
    for cause in causes:
        yield [case for case in dated if cause in causes_of(case.said.cause)]


def _day(case: Case) -> int:
    return case.said.day.toordinal() if case.said.day else 0
