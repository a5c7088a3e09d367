"""Measuring: which stored cases a new one is compared with, and how alike their texts are.

For one case the work is bounded whatever the index holds: so many cases at a key, so many pairs.
Puts the new cases at their keys, and takes them away again; decides nothing about groups.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from sqlalchemy import Connection

from models.links.candidates import TextKeys, gather, keys_of
from models.links.cases import Case, Draft
from models.links.fingerprints import Fingerprint
from models.links.grouping import is_worth_keeping
from models.links.likeness import Likeness, Pair, measure_all
from models.links.limits import Limits, limits_at
from serving.register import link_rows as rows
from serving.register import link_writes as writes
from serving.register.link_names import NamedCases
from serving.register.sealing import Seal

_MOST_ALIKE = 120
_MOST_SHARING = 200


@dataclass(frozen=True, slots=True)
class ReadCase:
    """What is read of a case before its row exists, with values in clear: never kept."""

    draft: Draft
    print_: Fingerprint
    keys: TextKeys


def measure_new(
    connection: Connection,
    named: NamedCases,
    new: Mapping[int, ReadCase],
    *,
    step: int,
    seal: Seal,
) -> tuple[tuple[Case, ...], dict[Pair, Likeness]]:
    """The cases, marked where not all like them were compared, and the pairs worth keeping."""
    prints = {number: one.print_ for number, one in new.items()}
    keys = {number: seal.keys_of(one.keys) for number, one in new.items()}
    limits = limits_at(step)
    alike = _gather(connection, keys, least_words=limits.words)
    sharing = _sharing(connection, named)
    wanted, capped = _strongest(alike, sharing, of=prints)
    others = {number for pair in wanted for number in pair}.difference(prints)
    kept = rows.read_fingerprints(connection, others)
    read = dict(prints) | {number: Fingerprint(seal.open(one)) for number, one in kept.items()}
    known = [pair for pair in wanted if pair[0] in read and pair[1] in read]
    measured = measure_all(read, known, least=limits.near)
    likely = {
        pair: one
        for pair, one in sorted(measured.items())
        if is_worth_keeping(one, share=pair in sharing, limits=limits)
    }
    idle = _idle(connection, named, likely, sharing, limits)
    found = {pair: one for pair, one in likely.items() if pair not in idle}
    cases = (replace(case, capped=case.number in capped) for case in named.cases)
    return tuple(cases), found


def _idle(
    connection: Connection,
    named: NamedCases,
    likely: Mapping[Pair, Likeness],
    sharing: Collection[Pair],
    limits: Limits,
) -> set[Pair]:
    """Pairs that join nothing: they share no value, tell of two causes, and are not near.

    Of strangers' pairs most are such; kept, each would make a neighbourhood larger for ever.
    """
    weak = {pair for pair, one in likely.items() if one.retold < limits.near} - set(sharing)
    ends = {number for pair in weak for number in pair}
    causes = {case.number: case.said.cause for case in named.cases}
    causes |= rows.read_causes_of(connection, ends.difference(causes))
    crowds = {
        case.number: {int(v) for v in case.shared if named.after[int(v)].sharing.is_crowd}
        for case in named.cases
    }
    crowds |= rows.read_held(connection, set().union(*crowds.values()), ends.difference(crowds))
    none: set[int] = set()
    return {
        (low, high)
        for low, high in weak
        if causes.get(low) != causes.get(high)
        and not crowds.get(low, none) & crowds.get(high, none)
    }


def leave_keys(connection: Connection, number: int, *, seal: Seal) -> None:
    """Take a case away from the keys of its text: none suggests it any more."""
    kept = rows.read_fingerprints(connection, [number]).get(number)
    if kept is None:
        return
    keys = seal.keys_of(keys_of(Fingerprint(seal.open(kept))))
    known = rows.read_postings(connection, keys.all)
    beside = {
        key: tuple(other for other in numbers if other != number)
        for key, numbers in known.items()
        if number in numbers
    }
    writes.save_postings(connection, beside)


def _gather(
    connection: Connection, keys: Mapping[int, TextKeys], *, least_words: int
) -> Mapping[Pair, float]:
    """Pairs that may be alike; the new cases are put at their keys."""
    wanted = {key for one in keys.values() for key in one.all}
    known = rows.read_postings(connection, wanted)
    gathered = gather(keys, known, least_words=least_words)
    writes.save_postings(connection, gathered.changed)
    return gathered.pairs


def _sharing(connection: Connection, named: NamedCases) -> set[Pair]:
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
