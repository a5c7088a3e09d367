"""Names: what stands for a value in the index, found again under every key in use.

A value is named by its first token, the first 63 bits of an HMAC. A token that a later key makes of
the same value is kept as an alias, so that rotation breaks no link. Nothing in clear is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from models.links.cases import Case, Draft, Said
from models.links.hubs import KINDS
from models.links.identifiers import Key
from serving.register.keys import ActiveKeys
from serving.register.link_rows import Handle, read_aliases, read_handles

JOINING = frozenset({*KINDS, "seller", "helper"})
"""Kinds of values whose cases are kept: the others are only compared."""


@dataclass(frozen=True, slots=True)
class NamedCases:
    """Cases with names, the counts of their values before and after, and what is new.

    ``held``: value and case, for values that can join. ``aliases``: new tokens of known values.
    """

    cases: tuple[Case, ...]
    before: Mapping[int, Handle]
    after: dict[int, Handle]
    held: tuple[tuple[int, int], ...]
    aliases: Mapping[int, int]


def name_drafts(connection: Connection, drafts: Sequence[Draft], keys: ActiveKeys) -> NamedCases:
    """The cases of these drafts; counts go up by one for each case that has the value."""
    values = {(one.kind, one.value) for draft in drafts for one in draft.values}
    tokens = {value: [_token(named.key, *value) for named in keys.all] for value in values}
    every = {token for found in tokens.values() for token in found}
    later = read_aliases(connection, every)
    known = read_handles(connection, {*every, *later.values()})
    ids, aliases = {}, {}
    for value, found in tokens.items():
        handle = next((id_ for token in found if (id_ := later.get(token, token)) in known), None)
        ids[value] = found[0] if handle is None else handle
        if handle not in (None, found[0]) and found[0] not in later:
            aliases[found[0]] = ids[value]
    after = {
        ids[kind, value]: Handle(ids[kind, value], kind, keys.current.id) for kind, value in ids
    }
    after |= {id_: known[id_] for id_ in after if id_ in known}
    before = {id_: known[id_] for id_ in after if id_ in known}
    held = []
    for draft in drafts:
        for one in draft.values:
            id_ = ids[one.kind, one.value]
            flags = _flags(draft.said, listed=one.listed, personal=one.personal)
            after[id_] = with_counts(after[id_], cases=1, **flags)
            if one.kind in JOINING:
                held.append((id_, draft.said.number))
    cases = tuple(draft.named(lambda one: str(ids[one.kind, one.value])) for draft in drafts)
    return NamedCases(cases, before, after, tuple(held), aliases)


def without(case: Case, known: Mapping[int, Handle]) -> dict[int, Handle]:
    """The counts of a case's values when the case goes."""
    listed = {int(one.token) for one in case.identifiers if one.hub}
    personal = {int(one.token) for one in case.identifiers if one.personal}
    after = dict(known)
    for id_ in map(int, case.values):
        if id_ in after:
            flags = _flags(case.said, listed=id_ in listed, personal=id_ in personal)
            after[id_] = with_counts(after[id_], cases=-1, **{k: -n for k, n in flags.items()})
    return after


def with_counts(handle: Handle, **more: int) -> Handle:
    """The handle with these numbers added to its counts, by the names that `Sharing` gives them."""
    counts = {name: getattr(handle.sharing, name) + count for name, count in more.items()}
    return replace(handle, sharing=replace(handle.sharing, **counts))


def _flags(said: Said, *, listed: bool, personal: bool) -> dict[str, int]:
    return {
        "counters": int(said.over_counter),
        "listed": int(listed),
        "wanting": int(personal and said.wants_all),
    }


def _token(key: Key, kind: str, value: str) -> int:
    return int(key.token(kind, value)[:16], 16) >> 1
