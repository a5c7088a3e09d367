"""The index of links: a case is linked as it arrives, and the links survive restarts.

All is in the register's database, written in the caller's transaction. Writers take turns: every
write transaction of the register holds one lock from its beginning (see `database`), so two
processes give the result of one. What a case joins is decided by `models.links`, the same code
that links a file. For one case the work is bounded whatever the index holds: so many cases at a
key, so many pairs measured, and a large group is not looked at as a whole.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from sqlalchemy import Connection

from models.assessment import Assessment, Related, SignFound
from models.codebook import Codebook
from models.links import HubList, read_hubs
from models.links.candidates import OVER, gather, keys_of
from models.links.candidates import Keys as TextKeys
from models.links.cases import Case, Draft, draft_case
from models.links.fingerprints import Fingerprint, fingerprint
from models.links.grouping import Rules, find_groups, is_worth_keeping
from models.links.hubs import CROWD
from models.links.kinds import read_kinds
from models.links.likeness import Likeness, measure
from models.links.limits import NEAR, limits_at, step_of
from models.links.masking import mask
from models.links.ties import Pair
from serving.register import link_groups
from serving.register import link_rows as rows
from serving.register import link_writes as writes
from serving.register.grouped import GroupDetail, GroupSummary
from serving.register.keys import ActiveKeys, Keys
from serving.register.link_days import count_days
from serving.register.link_names import Named, name_drafts, without
from serving.register.link_region import LARGE, read_around, read_region
from serving.register.link_standing import standing
from serving.register.registered import Company, RegisteredCase

_MOST_ALIKE = 120
_MOST_SHARING = 200
_ALL = float("inf")


class LinkIndex:
    """Links cases inside write transactions of the register; ``keys`` gives the keys in use.

    Remembers nothing between calls: a transaction may be rolled back and run again.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        keys: Callable[[Connection], ActiveKeys],
        hubs: HubList | None = None,
    ) -> None:
        self._rules = rules
        self._keys = keys
        self._hubs = hubs or read_hubs()

    def add(self, connection: Connection, case: RegisteredCase, assessment: Assessment) -> Related:
        """Link a case that has just been stored; what it is linked to."""
        return self.add_many(connection, [(case, assessment)]).get(case.id, Related())

    def add_many(
        self, connection: Connection, pairs: Sequence[tuple[RegisteredCase, Assessment]]
    ) -> dict[int, Related]:
        """Link many cases at once, as history is loaded: the groups are those of one by one.

        What each case is linked to that is in a group now.
        """
        before = rows.read_state(connection)
        state = rows.with_defaults(before)
        drafts = [self._draft(*one) for one in pairs]
        keys = self._keys(connection)
        named = name_drafts(connection, drafts, keys)
        prints = {case.id: fingerprint(mask(case.record)) for case, _ in pairs}
        state["cases"] += len(pairs)
        step = max(state["step"], step_of(state["cases"]))
        all_anew, state["step"] = step > state["step"], step
        cases, found = self._measure(connection, named, prints, step=step)
        writes.add_cases(connection, cases, {n: print_.grams for n, print_ in prints.items()})
        seeds = self._save_values(connection, named, cases, found)
        writes.add_aliases(connection, named.aliases, key_id=keys.current.id)
        writes.add_pairs(connection, found)
        seeds |= {number for pair in found for number in pair if number in prints}
        seeds |= count_days(connection, cases, state)
        if all_anew:
            seeds = set(rows.read_numbers(connection))
        most = _ALL if all_anew else LARGE
        grouped = self._group(connection, seeds, state, most=most, asked=prints)
        writes.write_state(connection, before, state)
        return grouped

    def remove(self, connection: Connection, id_: int) -> None:
        """Remove all that is kept of a case; its group is decided again, and may fall apart."""
        kept = rows.read_cases(connection, [id_]).get(id_)
        if kept is None:
            return
        before = rows.read_state(connection)
        state = rows.with_defaults(before)
        state["cases"] -= 1
        region = read_region(connection, [id_], state=state, most=_ALL)
        beside = set(region.cases) - {id_}
        changed = self._forget_values(connection, kept.case, region.likeness)
        grams = rows.read_fingerprints(connection, [id_]).get(id_, b"")
        keys = keys_of(Fingerprint(grams)).all
        writes.delete_case(connection, id_, keys=keys, held=[int(v) for v in kept.case.values])
        beside |= count_days(connection, [kept.case], state, sign=-1)
        self._group(connection, beside | changed, state, most=_ALL)
        if kept.group is not None:
            link_groups.drop_if_empty(connection, kept.group)
        writes.write_state(connection, before, state)

    def related(self, connection: Connection, id_: int) -> Related:
        """What a case is linked to as of now."""
        return link_groups.related(connection, id_)

    def company(self, connection: Connection, id_: int) -> Company | None:
        """The level of a case in its group, the signs that follow, and why; None without one."""
        found = standing(connection, id_, self._rules)
        if found is None:
            return None
        signs = (_sign_found(self._rules.codebook, sign.id) for sign in found.signs)
        reasons = (*found.reasons, *(sign.why for sign in found.signs))
        return Company(found.level, tuple(signs), tuple(dict.fromkeys(reasons)))

    def groups(
        self,
        connection: Connection,
        *,
        limit: int,
        offset: int = 0,
        kind: str | None = None,
        level: str | None = None,
    ) -> Sequence[GroupSummary]:
        """Groups, the one with the newest case first; ``level``: of its highest member."""
        return link_groups.summaries(
            connection, self._rules.kinds, limit=limit, offset=offset, kind=kind, level=level
        )

    def group(self, connection: Connection, group_id: str) -> GroupDetail | None:
        """One group in full, None where there is none."""
        return link_groups.detail(connection, group_id, self._rules.kinds)

    def retire(self, connection: Connection, key_ids: Sequence[str]) -> None:
        """Remove the tokens that these keys wrote."""
        writes.retire_keys(connection, key_ids)

    def _draft(self, case: RegisteredCase, assessment: Assessment) -> Draft:
        return draft_case(
            case.record,
            assessment,
            number=case.id,
            id_=case.case_id,
            kinds=self._rules.kinds,
            hubs=self._hubs,
        )

    def _measure(
        self,
        connection: Connection,
        named: Named,
        prints: Mapping[int, Fingerprint],
        *,
        step: int,
    ) -> tuple[tuple[Case, ...], dict[Pair, Likeness]]:
        """The cases, marked where not all like them were compared, and the pairs worth keeping."""
        keys = {number: keys_of(print_) for number, print_ in prints.items()}
        limits = limits_at(step)
        alike = _gather(connection, keys, least_words=limits.words)
        sharing = _sharing(connection, named)
        wanted, capped = _strongest(alike, sharing, of=prints)
        others = {number for pair in wanted for number in pair}.difference(prints)
        kept = rows.read_fingerprints(connection, others)
        read = dict(prints) | {number: Fingerprint(grams) for number, grams in kept.items()}
        measured = (
            (pair, measure(read[pair[0]], read[pair[1]], least=limits.near))
            for pair in sorted(wanted)
            if pair[0] in read and pair[1] in read
        )
        found = {
            pair: one
            for pair, one in measured
            if is_worth_keeping(one, share=pair in sharing, limits=limits)
        }
        cases = (replace(case, capped=case.number in capped) for case in named.cases)
        return tuple(cases), found

    def _save_values(
        self,
        connection: Connection,
        named: Named,
        cases: Sequence[Case],
        found: Mapping[Pair, Likeness],
    ) -> set[int]:
        """Write the values of new cases; the cases whose groups that may change."""
        after = dict(named.after)
        by_number = {case.number: case for case in cases}
        near = [pair for pair, one in found.items() if one.retold >= NEAR]
        others = {number for pair in near for number in pair}.difference(by_number)
        by_number |= {n: kept.case for n, kept in rows.read_cases(connection, others).items()}
        _count_alike(after, near, by_number, sign=1)
        writes.save_handles(connection, named.before, after)
        writes.add_holdings(connection, named.held)
        joining = {handle for handle, _ in named.held if _may_join(after[handle])}
        new = {number for handle, number in named.held if handle in joining}
        return new | _holders_of(connection, rows.flipped(named.before, after))

    def _forget_values(
        self, connection: Connection, case: Case, likeness: Mapping[Pair, Likeness]
    ) -> set[int]:
        before = rows.read_handles(connection, [int(value) for value in case.values])
        after = without(case, before)
        near = [p for p, one in likeness.items() if case.number in p and one.retold >= NEAR]
        others = {number for pair in near for number in pair}
        cases = {n: kept.case for n, kept in rows.read_cases(connection, others).items()}
        _count_alike(after, near, cases, sign=-1)
        writes.save_handles(connection, before, after)
        return _holders_of(connection, rows.flipped(before, after)) - {case.number}

    def _group(
        self,
        connection: Connection,
        seeds: Collection[int],
        state: dict[str, int],
        *,
        most: float,
        asked: Collection[int] = (),
    ) -> dict[int, Related]:
        """Decide the groups around these cases again, and write what has changed.

        What the cases ``asked`` for are linked to now.
        """
        if not seeds:
            return {}
        region = read_region(connection, seeds, state=state, most=most)
        around = read_around(connection, region, state=state)
        cases = {number: kept.case for number, kept in sorted(region.cases.items())}
        joined = region.joined(most)
        found = find_groups(
            list(cases.values()), region.likeness, around, rules=self._rules, joined=joined
        )
        levels = self._rules.codebook.levels
        groups = link_groups.save(connection, region, found, state, levels=levels, most=most)
        return {
            number: link_groups.related_by(one.ties, number, group=group, cases=cases)
            for group, one in zip(groups, found, strict=True)
            for number in one.numbers
            if number in asked
        }


def index_with(codebook: Codebook, *, hubs: HubList | None = None) -> Callable[[Keys], LinkIndex]:
    """What `Register.open` asks for as its index."""
    rules = Rules(codebook, read_kinds())
    return lambda keys: LinkIndex(rules, keys=keys.active, hubs=hubs)


def _sign_found(codebook: Codebook, id_: str) -> SignFound:
    """A sign that follows from a group: its proof are the links, not words of the text."""
    sign = next(sign for sign in codebook.signs if sign.id == id_)
    return SignFound(sign.id, sign.zh, sign.strength, 1.0, (), sign.innocent_reading, sign.verify)


def _gather(
    connection: Connection, keys: Mapping[int, TextKeys], *, least_words: int
) -> Mapping[Pair, float]:
    """Pairs that may be alike; the new cases are put at their keys."""
    wanted = {key for one in keys.values() for key in one.all}
    known = rows.read_traces(connection, wanted)
    gathered = gather(keys, known, least_words=least_words)
    writes.add_traces(connection, gathered.added, gathered.closed, over=OVER)
    return gathered.pairs


def _sharing(connection: Connection, named: Named) -> set[Pair]:
    """Pairs with a new case that have a value in common, unless a crowd has it."""
    asked = {handle for handle, _ in named.held}
    few = [h for h in asked if h in named.before and not named.after[h].sharing.is_crowd]
    holders: dict[int, list[int]] = defaultdict(list, rows.read_holders(connection, few))
    shared = {int(value) for case in named.cases for value in case.shared}
    new: dict[int, list[int]] = defaultdict(list)
    for handle, number in named.held:
        if handle in shared and not named.after[handle].sharing.is_crowd:
            new[handle].append(number)
    found: set[Pair] = set()
    for handle, numbers in new.items():
        found.update((min(a, b), max(a, b)) for a in numbers for b in holders[handle])
        found.update(combinations(sorted(numbers), 2))
    return found


def _strongest(
    alike: Mapping[Pair, float], sharing: Collection[Pair], *, of: Collection[int]
) -> tuple[set[Pair], set[int]]:
    """The pairs to measure, and the new cases that have more than may be measured."""
    beside: dict[int, list[tuple[float, Pair]]] = defaultdict(list)
    for pair, much in alike.items():
        for number in pair:
            if number in of:
                beside[number].append((-much, pair))
    shares: dict[int, list[tuple[float, Pair]]] = defaultdict(list)
    for pair in sharing:
        for number in pair:
            if number in of:
                shares[number].append((-max(pair), pair))
    wanted: set[Pair] = set()
    capped = set()
    for found, most in ((beside, _MOST_ALIKE), (shares, _MOST_SHARING)):
        for number, pairs in found.items():
            if len(pairs) > most:
                capped.add(number)
                pairs = sorted(pairs)[:most]
            wanted.update(pair for _, pair in pairs)
    return wanted, capped


def _count_alike(
    handles: dict[int, rows.Handle],
    near: Collection[Pair],
    cases: Mapping[int, Case],
    *,
    sign: int,
) -> None:
    """Count pairs that write alike at each value that both have."""
    for left, right in near:
        for value in set(cases[left].shared) & set(cases[right].shared):
            if int(value) in handles:
                handles[int(value)] = rows.with_counts(handles[int(value)], alike=sign)


def _may_join(handle: rows.Handle) -> bool:
    """Whether a value joins cases of itself; a seller or building does so with like texts only."""
    sharing = handle.sharing
    weak = handle.kind in ("seller", "site") or sharing.is_hub or sharing.is_crowd
    return sharing.cases > 1 and not weak


def _holders_of(connection: Connection, flipped: Collection[int]) -> set[int]:
    holders = rows.read_holders(connection, flipped)
    return {number for numbers in holders.values() for number in numbers[: CROWD + 1]}
