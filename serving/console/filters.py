"""Filters: the query of the worklist read into what is wanted, and written again for links.

What cannot be meant is passed over: an address typed by hand still shows a list.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, get_args

from serving.register.asked import ORDERS, REVIEWS, CaseFilter, Order
from serving.vocabulary import Vocabulary

PAGE_SIZE = 25
_LONGEST_WORDS = 100
_LAST_PAGE = 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted, in which order, and the page of it (from 1).

    ``cause``: the leaf or branch whose leaves are wanted.
    """

    wanted: CaseFilter
    cause: str | None = None
    order: Order = "newest"
    page: int = 1

    @property
    def offset(self) -> int:
        """How many cases come before the page."""
        return (self.page - 1) * PAGE_SIZE

    def query(self, **changes: Any) -> dict[str, Any]:
        """The query that asks for this, with changes; the first page unless one is named."""
        order = None if self.order == "newest" else self.order
        kept = {name: value for name, value in asdict(self.wanted).items() if name != "causes"}
        return {**kept, "cause": self.cause, "order": order, **changes}

    def is_narrowed(self) -> bool:
        """Whether some cases may be left out."""
        return self.wanted != CaseFilter()


def read_query(query: Mapping[str, str], vocabulary: Vocabulary) -> Asked:
    """The query as what is wanted."""
    cause = query.get("cause")
    causes = tuple(leaf for leaf, path in vocabulary.paths.items() if cause in path)
    level, route = query.get("level"), query.get("route")
    wanted = CaseFilter(
        level=level if level in vocabulary.levels else None,
        route=route if route in vocabulary.routes else None,
        causes=causes,
        since=_day(query.get("since")),
        until=_day(query.get("until")),
        words=query.get("words", "").strip()[:_LONGEST_WORDS] or None,
    )
    for review in REVIEWS:
        if query.get("review") == review:
            wanted = replace(wanted, review=review)
    order = next((one for one in ORDERS if one == query.get("order")), get_args(Order)[0])
    return Asked(wanted, cause if causes else None, order, page_number(query))


def page_number(query: Mapping[str, str]) -> int:
    """The page asked for, the first where none is."""
    given = query.get("page", "")
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 1
    return min(max(number, 1), _LAST_PAGE)


def _day(given: str | None) -> str | None:
    try:
        return date.fromisoformat(given or "").isoformat()
    except ValueError:
        return None
