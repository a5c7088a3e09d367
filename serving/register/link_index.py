"""The index of links: a case is linked as it arrives, and the links survive restarts.

All is in the register's database, written in the caller's transaction. Writers take turns: every
write transaction of the register holds one lock from its beginning (see `database`), so two
processes give the result of one. What a case joins is decided by `models.links`, the same code
that links a file. For one case the work is bounded whatever the index holds: so many cases at a
key, so many pairs measured, and a large group is not looked at as a whole.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from models.assessment import Assessment, Related, SignFound
from models.codebook import Codebook
from models.links import HubList, read_hubs
from models.links.candidates import keys_of
from models.links.cases import draft_case
from models.links.fingerprints import fingerprint
from models.links.grouping import Rules, find_groups
from models.links.kinds import read_kinds
from models.links.limits import step_of
from models.links.masking import mask
from models.record import Record
from serving.register import link_groups, link_shown
from serving.register import link_rows as rows
from serving.register import link_writes as writes
from serving.register.grouped import GroupDetail, GroupSummary
from serving.register.keys import ActiveKeys, Keys
from serving.register.link_days import count_days
from serving.register.link_measuring import ReadCase, leave_keys, measure_new
from serving.register.link_names import name_drafts
from serving.register.link_region import LARGE, Known, read_around, read_region
from serving.register.link_rows import Kept
from serving.register.link_standing import standing
from serving.register.link_values import ends_of, forget_values, near_pairs, save_values
from serving.register.registered import Company

_AT_ONCE = 8  # groups at most that a write decides again while some wait, one for each case
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

    def judge_by(self, codebook: Codebook) -> None:
        """Decide by this codebook; a group is decided again when its cases or the limits change."""
        self._rules = replace(self._rules, codebook=codebook)

    def prepare(self, case_id: str, record: Record, assessment: Assessment) -> ReadCase:
        """What linking reads of a case; needs no database, and others need not wait for it."""
        kinds, hubs = self._rules.kinds, self._hubs
        draft = draft_case(record, assessment, id_=case_id, kinds=kinds, hubs=hubs)
        print_ = fingerprint(mask(record))
        return ReadCase(draft, print_, keys_of(print_))

    def add_many(
        self, connection: Connection, prepared: Mapping[int, ReadCase]
    ) -> dict[int, Related]:
        """Link many cases at once, as history is loaded: the groups are those of one by one.

        ``prepared``: by row, in order. What each case is linked to that is in a group now.
        """
        before = rows.read_state(connection)
        state = rows.with_defaults(before)
        drafts = [one.draft.numbered(number) for number, one in prepared.items()]
        keys = self._keys(connection)
        named = name_drafts(connection, drafts, keys)
        state["cases"] += len(prepared)
        _raise_limits(state)
        cases, found = measure_new(connection, named, prepared, step=state["step"], seal=keys.seal)
        prints = {n: keys.seal.close(one.print_.grams) for n, one in prepared.items()}
        writes.add_cases(connection, cases, prints)
        near = near_pairs(found)
        kept = {case.number: Kept(case, None, case.said.level) for case in cases}
        kept |= rows.read_cases(connection, ends_of(near).difference(kept))
        seeds = save_values(connection, named, near, kept)
        writes.add_aliases(connection, named.aliases, key_id=keys.current.id)
        writes.add_pairs(connection, found)
        seeds |= {number for pair in found for number in pair if number in prepared}
        seeds |= count_days(connection, cases, state)
        known = Known(kept, found, prepared.keys())
        grouped = self._group(connection, seeds, state, most=LARGE, asked=prepared, known=known)
        self._settle_some(connection, state, most=min(_AT_ONCE, len(prepared)))
        writes.write_state(connection, before, state)
        return grouped

    def is_settled(self, connection: Connection) -> bool:
        """Whether every group is decided by the limits of today."""
        state = rows.with_defaults(rows.read_state(connection))
        return state["settled"] >= state["unsettled"]

    def settle(self, connection: Connection) -> bool:
        """Decide some of the groups again that were decided by the limits of a smaller index.

        Whether none is left. Every write settles some, that of a single case one: no call decides
        all, and who reads groups has the rest settled first.
        """
        before = rows.read_state(connection)
        state = rows.with_defaults(before)
        self._settle_some(connection, state, most=_AT_ONCE)
        writes.write_state(connection, before, state)
        return state["settled"] >= state["unsettled"]

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
        changed = forget_values(connection, kept.case, region.likeness)
        leave_keys(connection, id_, seal=self._keys(connection).seal)
        writes.delete_case(connection, id_, held=[int(v) for v in kept.case.values])
        beside |= count_days(connection, [kept.case], state, sign=-1)
        self._group(connection, beside | changed, state, most=_ALL)
        if kept.group is not None:
            link_groups.drop_if_empty(connection, kept.group)
        writes.write_state(connection, before, state)

    def related(self, connection: Connection, id_: int) -> Related:
        """What a case is linked to as of now."""
        return link_shown.related(connection, id_)

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
    ) -> Sequence[GroupSummary]:
        """Groups, the one with the newest case first."""
        return link_shown.summaries(
            connection, self._rules.kinds, limit=limit, offset=offset, kind=kind
        )

    def group(self, connection: Connection, group_id: str) -> GroupDetail | None:
        """One group in full, None where there is none."""
        return link_shown.detail(connection, group_id, self._rules.kinds)

    def retire(self, connection: Connection, key_ids: Sequence[str]) -> None:
        """Remove the tokens that these keys wrote."""
        writes.retire_keys(connection, key_ids)

    def _group(
        self,
        connection: Connection,
        seeds: Collection[int],
        state: dict[str, int],
        *,
        most: float,
        asked: Collection[int] = (),
        known: Known | None = None,
    ) -> dict[int, Related]:
        """Decide the groups around these cases again, and write what has changed.

        What the cases ``asked`` for are linked to now.
        """
        if not seeds:
            return {}
        region = read_region(connection, seeds, state=state, most=most, known=known)
        around = read_around(connection, region, state=state)
        cases = {number: kept.case for number, kept in sorted(region.cases.items())}
        joined = region.joined(most)
        found = find_groups(
            list(cases.values()), region.likeness, around, rules=self._rules, joined=joined
        )
        levels = self._rules.codebook.levels
        groups = link_groups.save(
            connection, region, found, state, seeds=seeds, levels=levels, most=most
        )
        return {
            number: link_shown.related_by(one.ties, number, group=group, cases=cases)
            for group, one in zip(groups, found, strict=True)
            for number in one.numbers
            if number in asked
        }

    def _settle_some(self, connection: Connection, state: dict[str, int], *, most: int) -> None:
        """Decide the next groups again that wait since the limits rose, in order of their ids."""
        if state["settled"] >= state["unsettled"]:
            return
        ids = rows.read_groups_from(connection, state["settled"], state["unsettled"], most=most)
        state["settled"] = ids[-1] if len(ids) == most else state["unsettled"]
        self._group(connection, rows.read_members(connection, ids), state, most=_ALL)


def _raise_limits(state: dict[str, int]) -> None:
    """Put the limits where the number of cases wants them; groups decided by lower ones wait.

    Higher limits only untie cases: one that is in no group joins none for it, unless it stands
    beside a group that changes, and that is looked at together.
    """
    step = step_of(state["cases"])
    if step > state["step"]:
        state["step"] = step
        state["settled"], state["unsettled"] = 0, state["group"]


def index_with(codebook: Codebook, *, hubs: HubList | None = None) -> Callable[[Keys], LinkIndex]:
    """What `Register.open` asks for as its index."""
    rules = Rules(codebook, read_kinds())
    return lambda keys: LinkIndex(rules, keys=keys.active, hubs=hubs)


def _sign_found(codebook: Codebook, id_: str) -> SignFound:
    """A sign that follows from a group: its proof are the links, not words of the text."""
    sign = codebook.sign_of(id_)
    return SignFound(sign.id, sign.zh, sign.strength, 1.0, (), sign.innocent_reading, sign.verify)
