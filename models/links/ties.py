"""Ties: what joins two cases, how strongly, and why. Only ties that carry join a group.

A hub (an outlet, a branch's device, a crowd's number) carries only where the texts are alike too;
so does a building. Wording that is merely near carries only with something else beside it.
"""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations, pairwise

from models.links.bursts import find_bursts
from models.links.cases import Case, days_apart
from models.links.fingerprints import Comparison, Likeness, Wording, fingerprint
from models.links.hubs import is_crowd
from models.links.masking import mask

# Measured on 1,500 single complaints: about ten pairs of strangers with one cause stand above
# `Limits.near` in a file of any size, and one above `Limits.alike` (benchmarks/linking.py).
ALIKE = 0.13
NEAR = 0.05
HINT = 0.03  # with the same seller, or the same trouble in the same days
_STAFF = 1.6  # staff write in set phrases: their texts must be so much nearer
_COPIED = 0.5
_TOLD_AT_ALL = 0.005  # below, a pair is not kept
_FULL = 0.3  # retellings this near are as good as copies
_EVENT_DAYS = 3
_CROWD = 400  # more cases than this at one token are never paired

# A seller who speaks for his own customers against the house.
_SELLER_HELPS = re.compile(
    "作证|书面说明|出具.{0,6}(?:说明|证明)|证明.{0,3}(?:是|由)(?:他|她).{0,2}写|对[质职]|(?:他|她).{0,12}可以帮我"
)

_COUNTERS = frozenset({"branch_visit", "临柜", "柜面", "柜台", "网点"})
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


_SMALL = 170  # up to so many cases the limits hold as they stand


@dataclass(frozen=True, slots=True)
class Limits:
    """How near texts must be in a file of this size: more cases, more chance likeness."""

    alike: float
    near: float

    @property
    def ratio(self) -> float:
        """How much higher than in a small file."""
        return self.near / NEAR


def limits_for(size: int) -> Limits:
    """The limits for a file of ``size`` cases; a copy stays above them however large it is."""
    growth = math.log(max(size, _SMALL) / _SMALL)
    return Limits(min(0.4, ALIKE + 0.06 * growth), min(0.32, NEAR + 0.065 * growth))


@dataclass(frozen=True, slots=True)
class Tie:
    """A tie between the cases at two places, ``left < right``; ``score`` is 0-1.

    ``source`` says what it was read from: an identifier's kind, ``text``, ``seller``, ``event`` or
    ``helper``.
    """

    left: int
    right: int
    kind: str
    score: float
    why: str
    carries: bool
    source: str
    hub: bool = False


@dataclass(frozen=True, slots=True)
class Ties:
    """All ties of a file, and the likeness of every pair that was measured."""

    ties: tuple[Tie, ...]
    likeness: Mapping[tuple[int, int], Likeness]
    limits: Limits


def find_ties(cases: Sequence[Case], wording: Wording) -> Ties:
    """Every tie between the cases of one file, in order of their places."""
    prints = [fingerprint(mask(case.record)) for case in cases]
    comparison = Comparison(prints, wording)
    measured = ((pair, comparison.likeness(*pair)) for pair in sorted(comparison.candidates()))
    likeness = {pair: found for pair, found in measured if found.retold >= _TOLD_AT_ALL}
    shared = _shared_ties(cases, likeness)
    hubs = {(tie.left, tie.right) for tie in shared if tie.hub or tie.source == "site"}
    limits = limits_for(len(cases))
    texts = (
        _text_tie(cases, pair, found, limits=limits, near_hub=pair in hubs)
        for pair, found in likeness.items()
    )
    ties = (*shared, *(tie for tie in texts if tie is not None))
    ties = (*ties, *_story_ties(cases, {(t.left, t.right) for t in ties if t.carries}))
    return Ties(
        tuple(sorted(ties, key=lambda tie: (tie.left, tie.right, tie.kind))), likeness, limits
    )


def _shared_ties(cases: Sequence[Case], likeness: Mapping[tuple[int, int], Likeness]) -> list[Tie]:
    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    listed: set[str] = set()
    for place, case in enumerate(cases):
        for one in case.identifiers:
            holders[one.kind, one.token].append(place)
            listed.update([one.token] if one.hub else [])
    found: dict[tuple[int, int, str], Tie] = {}
    for (source, token), places in holders.items():
        if not 2 <= len(places) <= _CROWD:
            continue
        pairs = list(combinations(places, 2))
        alike = sum(_retold(pair, likeness) >= NEAR for pair in pairs)
        hub = token in listed or is_crowd(len(places), alike) or _is_counters(cases, places, alike)
        for pair in pairs:
            tie = _shared_tie(source, pair, hub=hub, retold=_retold(pair, likeness))
            best = found.get((*pair, source))
            if best is None or tie.carries > best.carries:
                found[(*pair, source)] = tie
    # The same door says more than the same building.
    return [
        tie
        for (left, right, source), tie in found.items()
        if not (source == "site" and (left, right, "address") in found)
    ]


def _is_counters(cases: Sequence[Case], places: Sequence[int], alike: int) -> bool:
    """Whether all came over a counter, in unlike words: staff typed the house's own number."""
    return not alike and all(cases[place].record.source in _COUNTERS for place in places)


def _shared_tie(source: str, pair: tuple[int, int], *, hub: bool, retold: float) -> Tie:
    weak = hub or source == "site"
    why = _WHY[source] + (",但多人共用,只作参考" if weak else "")
    return Tie(
        *pair,
        kind=_KIND.get(source, source),
        score=0.3 if weak else 1.0,
        why=why,
        carries=not weak or retold >= NEAR,
        source=source,
        hub=hub,
    )


def _text_tie(
    cases: Sequence[Case],
    pair: tuple[int, int],
    likeness: Likeness,
    *,
    limits: Limits,
    near_hub: bool,
) -> Tie | None:
    retold, copied = likeness.retold, likeness.copied
    score = round(min(1.0, max(retold / _FULL, copied if retold >= limits.near else 0.0)), 3)
    if retold >= limits.alike or (copied >= _COPIED and retold >= limits.near):
        why = f"遮去个人信息后文本雷同(重合 {copied:.0%},相同语句 {likeness.clauses} 处)"
        return Tie(*pair, "template", score, why, carries=True, source="text")
    left, right = cases[pair[0]], cases[pair[1]]
    staff = _STAFF if left.is_operators and right.is_operators else 1
    same = left.cause == right.cause and retold >= limits.near * staff
    if same or (near_hub and retold >= NEAR * staff):
        why = "少见的说法相近" + (",且反映同一类问题" if same else ",且同一地点")
        return Tie(*pair, "template", score, why, carries=True, source="text")
    if beside := _beside(left, right, retold, limits):
        source, words = beside
        return Tie(*pair, "template", score, f"说法相近,且{words}", carries=True, source=source)
    return None


def _story_ties(cases: Sequence[Case], joined: Set[tuple[int, int]]) -> list[Tie]:
    """Ties of cases that tell of one event, or whose seller now helps them, in unlike words."""
    bursts = find_bursts(cases, joined)
    groups = [("event", "数日内集中反映同一类问题", burst) for burst in bursts]
    sellers: dict[str, list[int]] = defaultdict(list)
    for place, case in enumerate(cases):
        if case.seller is not None and _SELLER_HELPS.search(case.record.text):
            sellers[case.seller].append(place)
    groups += [("helper", "同一原销售人员为其提供证明", tuple(p)) for p in sellers.values()]
    return [
        Tie(*pair, "template", 0.2, why, carries=True, source=source)
        for source, why, places in groups
        for pair in pairwise(sorted(places))
        if pair not in joined
    ]


def _beside(left: Case, right: Case, retold: float, limits: Limits) -> tuple[str, str] | None:
    """What else speaks for one story, where wording alone would not do."""
    if retold >= HINT and left.seller is not None and left.seller == right.seller:
        return "seller", "涉及同一销售人员"
    apart = days_apart(left, right)
    near_in_time = apart is not None and apart <= _EVENT_DAYS and left.cause == right.cause
    if near_in_time and retold >= HINT * limits.ratio:
        return "event", f"{_EVENT_DAYS} 日内反映同一类问题"
    return None


def _retold(pair: tuple[int, int], likeness: Mapping[tuple[int, int], Likeness]) -> float:
    found = likeness.get(pair)
    return 0.0 if found is None else found.retold
