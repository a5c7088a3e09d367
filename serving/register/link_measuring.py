"""Measuring: which stored cases a new one is compared with, and how alike their texts are.

For one case the work is bounded whatever the index holds: so many cases at a key, so many pairs.
Puts the new cases at their keys, and takes them away again; decides nothing about groups.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import combinations

from sqlalchemy import Connection

from models.links.candidates import Keys as TextKeys
from models.links.candidates import gather, keys_of
from models.links.cases import Case
from models.links.fingerprints import Fingerprint
from models.links.grouping import is_worth_keeping
from models.links.likeness import Likeness, measure
from models.links.limits import limits_at
from models.links.ties import Pair
from serving.register import link_rows as rows
from serving.register import link_writes as writes
from serving.register.link_names import Named

_MOST_ALIKE = 120
_MOST_SHARING = 200


def measure_new(
    connection: Connection, named: Named, prints: Mapping[int, Fingerprint], *, step: int
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


def leave_keys(connection: Connection, number: int, print_: Fingerprint) -> None:
    """Take a case away from the keys of its text: none suggests it any more."""
    known = rows.read_postings(connection, keys_of(print_).all)
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
