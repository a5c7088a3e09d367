"""Ties: what joins two cases, how strongly, and why. Only ties that carry join a group.

A hub (an outlet, a branch's device, a crowd's number) carries only where the texts are alike too;
so does a building. Wording that is merely near carries only with something else beside it. What a
tie is depends on its two cases and on what is known all round; so a neighbourhood of an index and
a whole file are tied by the same code.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations, pairwise

from models.links.bursts import LEAST
from models.links.cases import Case, days_apart
from models.links.hubs import CROWD, Sharing
from models.links.likeness import Likeness, Pair
from models.links.limits import HINT, Limits, near_at_hub

_STAFF = 1.6  # staff write in set phrases: their texts must be so much nearer
_COPIED = 0.5
AS_GOOD_AS_COPIED = 0.3
"""Retellings this near are as good as copies."""
_EVENT_DAYS = 3
_CAPPED = ";相近来件过多,只比对其中一部分"

_KIND = {"email": "phone", "wechat": "phone", "qq": "phone", "site": "address"}
_WHY = {
    "phone": "联系电话相同",
    "email": "电子邮箱相同",
    "wechat": "微信号相同",
    "qq": "QQ号相同",
    "address": "地址相同",
    "site": "同一楼宇或门牌",
    "account": "收款账户相同",
    "author": "附件作者相同",
}


@dataclass(frozen=True, slots=True)
class Around:
    """What must be known beyond the cases at hand.

    ``limits`` by the size of the whole; ``sharing``: counts by the names of values; ``bursts``:
    numbers of the cases of each.
    """

    limits: Limits
    sharing: Mapping[str, Sharing]
    bursts: Sequence[Sequence[int]] = field(default=())


@dataclass(frozen=True, slots=True)
class Tie:
    """A tie between the cases of two numbers, ``left < right``; ``score`` is 0-1.

    ``source`` says what it was read from: an identifier's kind, ``text``, ``seller``, ``event`` or
    ``helper``; ``retold`` is that of the texts, 0 where they were not asked.
    """

    left: int
    right: int
    kind: str
    score: float
    why: str
    carries: bool
    source: str
    hub: bool = False
    retold: float = 0.0


def find_ties(
    cases: Sequence[Case], likeness: Mapping[Pair, Likeness], around: Around
) -> tuple[Tie, ...]:
    """Every tie between these cases, in order of their numbers."""
    by_number = {case.number: case for case in cases}
    shared, at_hubs = _shared_ties(cases, likeness, around)
    texts = (
        _text_tie(by_number, pair, found, limits=around.limits, at_hub=at_hubs.get(pair, 1.0))
        for pair, found in likeness.items()
    )
    ties = [*shared, *(tie for tie in texts if tie is not None)]
    ties += _story_ties(by_number, {(t.left, t.right) for t in ties if t.carries}, around)
    return tuple(sorted(ties, key=lambda tie: (tie.left, tie.right, tie.kind, tie.source)))


def _shared_ties(
    cases: Sequence[Case], likeness: Mapping[Pair, Likeness], around: Around
) -> tuple[list[Tie], dict[Pair, float]]:
    """Ties of values in common; and how near texts must be for pairs at a hub or building."""
    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for case in sorted(cases, key=lambda case: case.number):
        for one in case.identifiers:
            if not around.sharing[one.token].is_crowd:
                holders[one.kind, one.token].append(case.number)
    found: dict[tuple[int, int, str], Tie] = {}
    at_hubs: dict[Pair, float] = {}
    for (source, token), numbers in sorted(holders.items()):
        sharing = around.sharing[token]
        weak = sharing.is_hub or source == "site"
        near = near_at_hub(sharing.step) if weak else 0.0
        for pair in combinations(numbers, 2):
            retold = likeness[pair].retold if pair in likeness else 0.0
            tie = _shared_tie(source, pair, hub=sharing.is_hub, carries=retold >= near)
            best = found.get((*pair, source))
            if best is None or tie.carries > best.carries:
                found[(*pair, source)] = tie
            if weak:
                at_hubs[pair] = min(near, at_hubs.get(pair, near))
    # The same door says more than the same building.
    ties = [
        tie
        for (left, right, source), tie in found.items()
        if not (source == "site" and (left, right, "address") in found)
    ]
    return ties, at_hubs


def _shared_tie(source: str, pair: Pair, *, hub: bool, carries: bool) -> Tie:
    weak = hub or source == "site"
    why = _WHY[source] + (",但多人共用,只作参考" if weak else "")
    return Tie(
        *pair,
        kind=_KIND.get(source, source),
        score=0.3 if weak else 1.0,
        why=why,
        carries=carries,
        source=source,
        hub=hub,
    )


def _text_tie(
    cases: Mapping[int, Case], pair: Pair, likeness: Likeness, *, limits: Limits, at_hub: float
) -> Tie | None:
    retold, copied = likeness.retold, likeness.copied
    left, right = cases[pair[0]], cases[pair[1]]
    capped = _CAPPED if left.capped or right.capped else ""
    as_copied = copied if retold >= limits.near else 0.0
    score = round(min(1.0, max(retold / AS_GOOD_AS_COPIED, as_copied)), 3)
    if retold >= limits.alike or (copied >= _COPIED and retold >= limits.near):
        why = f"遮去个人信息后文本雷同(重合 {copied:.0%},相同语句 {likeness.clauses} 处)"
        return Tie(
            *pair, "template", score, why + capped, carries=True, source="text", retold=retold
        )
    staff = _STAFF if left.said.is_operators and right.said.is_operators else 1
    same = left.said.cause == right.said.cause and retold >= limits.near * staff
    if same or retold >= at_hub * staff:
        why = "少见的说法相近" + (",且反映同一类问题" if same else ",且有多人共用的号码或地点相同")
        return Tie(
            *pair, "template", score, why + capped, carries=True, source="text", retold=retold
        )
    if beside := _beside(left, right, retold, limits):
        source, words = beside
        return Tie(*pair, "template", score, f"说法相近,且{words}", carries=True, source=source)
    return None


def _story_ties(cases: Mapping[int, Case], joined: Set[Pair], around: Around) -> list[Tie]:
    """Ties of cases that tell of one event, or whose seller now helps them, in unlike words."""
    bursts = _witnesses(around.bursts, joined)
    groups = [("event", "数日内集中反映同一类问题", burst) for burst in bursts]
    sellers: dict[str, list[int]] = defaultdict(list)
    for number, case in cases.items():
        if case.helper is not None:
            sellers[case.helper].append(number)
    helped = (numbers for numbers in sellers.values() if len(numbers) <= CROWD)
    groups += [("helper", "同一原销售人员为其提供证明", numbers) for numbers in helped]
    found = {
        ((one, two) if one < two else (two, one), source): why
        for source, why, numbers in groups
        for one, two in pairwise(sorted(numbers, key=lambda number: _arrival(cases[number])))
    }
    return [
        Tie(*pair, "template", 0.2, why, carries=True, source=source)
        for (pair, source), why in found.items()
        if pair not in joined
    ]


def _witnesses(bursts: Sequence[Sequence[int]], joined: Set[Pair]) -> list[list[int]]:
    """Bursts without the cases that are joined to one outside: those have another story."""
    beside: dict[int, set[int]] = defaultdict(set)
    for left, right in joined:
        beside[left].add(right)
        beside[right].add(left)
    kept = ([n for n in burst if beside[n] <= set(burst)] for burst in bursts)
    return [burst for burst in kept if LEAST <= len(burst) <= CROWD]


def _arrival(case: Case) -> tuple[date, str]:
    return case.said.day or date.max, case.said.id


def _beside(left: Case, right: Case, retold: float, limits: Limits) -> tuple[str, str] | None:
    """What else speaks for one story, where wording alone would not do."""
    if retold >= HINT and left.seller is not None and left.seller == right.seller:
        return "seller", "涉及同一销售人员"
    apart = days_apart(left, right)
    near_in_time = (
        apart is not None and apart <= _EVENT_DAYS and left.said.cause == right.said.cause
    )
    if near_in_time and retold >= HINT * limits.ratio:
        return "event", f"{_EVENT_DAYS} 日内反映同一类问题"
    return None
