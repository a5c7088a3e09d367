"""Explanations: what accounts for a group, decided by evidence, innocent kinds first.

The words that speak for a kind are data (`kinds.yaml`); here is what must be true beside them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from models.links.cases import Case
from models.links.kinds import Kind, Kinds
from models.links.limits import ALIKE
from models.links.persons import persons_of
from models.links.ties import AS_GOOD_AS_COPIED, Tie

_IDENTIFYING = frozenset({"phone", "email", "wechat", "qq", "address", "account", "author"})
_DOOR = frozenset({"address"})
_HOME = frozenset({"address", "phone", "account"})
_LAW_FIRM, _COMMUNITY, _HOUSEHOLD = "law_firm", "community_helper", "household"
_MOST = 0.6
_NEARLY_ALL = 0.8
_LARGEST_HOUSEHOLD = 8


@dataclass(frozen=True, slots=True)
class GroupEvidence:
    """What a group is judged by: its cases and the ties that carry between them."""

    cases: tuple[Case, ...]
    ties: tuple[Tie, ...]

    @property
    def persons(self) -> int:
        """How many they are about: one who writes ten times is no crowd."""
        return persons_of(self.cases)

    @property
    def identified(self) -> bool:
        """Whether persons share an identifier that is no hub."""
        return any(tie.source in _IDENTIFYING and not tie.hub for tie in self.ties)

    def speak_for(self, kind: str) -> bool:
        """Whether most members speak for a kind."""
        return _share([kind in case.said.speaks for case in self.cases]) >= _MOST

    def shares_all(self, sources: frozenset[str]) -> bool:
        """Whether every member shares one of these with another."""
        held = {p for t in self.ties if t.source in sources for p in (t.left, t.right)}
        return len(held) == len(self.cases)


def decide_kind(evidence: GroupEvidence, kinds: Kinds) -> Kind:
    """The kind of a group; the first that its evidence bears out, else ``unknown``."""
    name = next((id_ for id_, holds in _RULES if holds(evidence)), "unknown")
    return kinds.by_id[name]


def main_seller(cases: Sequence[Case]) -> str | None:
    """The seller whom most of the cases name."""
    named = Counter(case.seller for case in cases if case.seller is not None)
    seller, count = named.most_common(1)[0] if named else (None, 0)
    return seller if count >= max(2, _MOST * len(cases)) else None


def _share(holds: Sequence[bool]) -> float:
    """The share of the members for which it holds."""
    return fmean(holds) if holds else 0.0


def _is_law_firm(evidence: GroupEvidence) -> bool:
    against = [_LAW_FIRM in case.said.against for case in evidence.cases]
    return evidence.speak_for(_LAW_FIRM) and _share(against) < 1 - _NEARLY_ALL


def _is_community(evidence: GroupEvidence) -> bool:
    return evidence.speak_for(_COMMUNITY)


def _is_household(evidence: GroupEvidence) -> bool:
    """One door or number for all, and either one surname or the words of a family with it."""
    if len(evidence.cases) > _LARGEST_HOUSEHOLD:
        return False
    names = Counter(case.surname for case in evidence.cases)
    one_name = None not in names and max(names.values()) >= _NEARLY_ALL * len(evidence.cases)
    if not evidence.shares_all(_HOME if one_name or _one_door(evidence) else _DOOR):
        return False
    return one_name or (
        evidence.speak_for(_HOUSEHOLD)
        and not any(tie.source == "text" for tie in evidence.ties)
        and _few_want_all(evidence.cases)
    )


def _one_door(evidence: GroupEvidence) -> bool:
    """Whether no two members are known to live at different doors."""
    doors = {one.token for c in evidence.cases for one in c.identifiers if one.kind == "address"}
    return len(doors) <= 1


def _few_want_all(cases: Sequence[Case]) -> bool:
    """Whether no more than half want every premium back: the one demand that agents live on."""
    return sum(case.said.wants_all for case in cases) <= len(cases) / 2


def _is_same_seller(evidence: GroupEvidence) -> bool:
    """Most name one seller, who does not himself help them, and no account or file is shared."""
    if main_seller(evidence.cases) is None or evidence.persons < 2:
        return False
    helped = [case.said.seller_left for case in evidence.cases]
    filed = any(t.source in ("author", "account") and not t.hub for t in evidence.ties)
    return (
        not filed
        and not any(tie.source == "helper" for tie in evidence.ties)
        and (_share(helped) < _NEARLY_ALL)
    )


def _is_operator_wording(evidence: GroupEvidence) -> bool:
    staff = [case.said.is_operators for case in evidence.cases]
    return not evidence.identified and _share(staff) >= _NEARLY_ALL


def _is_web_form(evidence: GroupEvidence) -> bool:
    """Most texts have two headings in common with another, and nothing else joins them."""
    heads = [set(case.said.headings) for case in evidence.cases]
    count = Counter(head for one in heads for head in one)
    common = {head for head, times in count.items() if times >= _MOST * len(heads)}
    return not evidence.identified and (
        len(common) >= 2 and _share([len(one & common) >= 2 for one in heads]) >= _MOST
    )


def _is_shared_event(evidence: GroupEvidence) -> bool:
    """Within days, own words, no identifier, and most do not ask for all premiums back."""
    days = [case.said.day for case in evidence.cases if case.said.day is not None]
    if evidence.identified or evidence.persons < 3 or len(days) < len(evidence.cases):
        return False
    texts = [tie for tie in evidence.ties if tie.source in ("text", "event")]
    least = ALIKE / AS_GOOD_AS_COPIED
    alike = [tie for tie in texts if tie.source == "text" and tie.score >= least]
    return (max(days) - min(days)).days <= 7 and not alike and _few_want_all(evidence.cases)


def _is_ring(evidence: GroupEvidence) -> bool:
    """Persons not of one family share an identifier, or several write one text."""
    texts = [tie for tie in evidence.ties if tie.source == "text"]
    alike = {place for tie in texts for place in (tie.left, tie.right)}
    same_words = evidence.persons >= 3 and len(alike) >= _MOST * len(evidence.cases)
    return evidence.persons >= 2 and (evidence.identified or same_words)


_RULES = (
    (_LAW_FIRM, _is_law_firm),
    (_COMMUNITY, _is_community),
    (_HOUSEHOLD, _is_household),
    ("operator_wording", _is_operator_wording),
    ("web_form", _is_web_form),
    ("same_seller", _is_same_seller),
    ("shared_event", _is_shared_event),
    ("ring", _is_ring),
)
