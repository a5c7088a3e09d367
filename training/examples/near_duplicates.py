"""Families of texts that say nearly the same in nearly the same words.

Candidates come from MinHash LSH, each is verified exactly; families are the connected components.
Compares characters, not meaning: a story retold in other words is no near-duplicate.
"""

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

SHINGLE = 4
# 42 bands of 3 rows miss 0.4 % of the pairs at Jaccard 0.5 and fewer above it (MMDS, chapter 3).
_BANDS, _ROWS = 42, 3
# A text is also kin of a longer one that holds most of it, as a letter quotes a note. With fewer
# shingles it is a stock phrase (我要全额退保), which would chain strangers into one family.
_LEAST = 10
_HELD = 0.8


def families(texts: Sequence[str], *, threshold: float = 0.5) -> tuple[int, ...]:
    """For each text the number of its family, counted from 0 in order of first appearance.

    Two texts are kin when the Jaccard similarity of their 4-gram sets is at least ``threshold``,
    or when one of at least 10 4-grams is held to as much, and at least 0.8, by the other.
    """
    pairs = near_pairs(texts, threshold=threshold)
    return components(len(texts), [(left, right) for left, right, _ in pairs])


def near_pairs(texts: Sequence[str], *, threshold: float = 0.5) -> list[tuple[int, int, float]]:
    """(left, right, similarity) of each verified pair, left < right, in order."""
    sets = [shingles(text) for text in texts]
    candidates = sorted({*_by_minhash(sets), *_by_holding(sets)})
    scored = ((left, right, _similarity(sets[left], sets[right])) for left, right in candidates)
    kin = [
        (left, right, jaccard, held)
        for left, right, (jaccard, held) in scored
        if jaccard >= threshold or held >= max(_HELD, threshold)
    ]
    return [(left, right, max(jaccard, held)) for left, right, jaccard, held in kin]


def components(size: int, pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Connected components over ``range(size)``, numbered in order of first appearance."""
    edges = np.array([*pairs], dtype=np.int64).reshape(-1, 2)
    ones = np.ones(len(edges), dtype=np.int8)
    graph = coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    order: dict[int, int] = {}
    return tuple(order.setdefault(int(label), len(order)) for label in labels)


def units_of(texts: Sequence[str], groups: Sequence[str | None]) -> tuple[int, ...]:
    """For each text the number of its unit: joined by group or by near-duplicate family."""
    first: dict[tuple[str, object], int] = {}
    pairs = []
    for place, (family, group) in enumerate(zip(families(texts), groups, strict=True)):
        pairs.append((first.setdefault(("family", family), place), place))
        if group is not None:
            pairs.append((first.setdefault(("group", group), place), place))
    return components(len(texts), pairs)


def shingles(text: str) -> frozenset[str]:
    """The 4-grams of a text's letters; width, case, punctuation and amounts do not count."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join("0" if c.isdigit() else c for c in folded if c.isalnum())
    return frozenset(letters[i : i + SHINGLE] for i in range(max(1, len(letters) - SHINGLE + 1)))


def _by_minhash(sets: Sequence[frozenset[str]]) -> Iterator[tuple[int, int]]:
    index = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
    encoded = ([shingle.encode() for shingle in sorted(kept)] for kept in sets)
    for place, sketch in enumerate(MinHash.generator(encoded, num_perm=_BANDS * _ROWS, seed=1)):
        yield from ((int(other), place) for other in index.query(sketch))
        index.insert(place, sketch)


def _by_holding(sets: Sequence[frozenset[str]]) -> Iterator[tuple[int, int]]:
    """Pairs of a text and any that may hold most of its shingles; none that does is missed.

    Who holds most of a text lacks few of its shingles, so has one at least of any that are more
    than those: of its rarest, which hardly any other text has (prefix filtering; Chaudhuri, Ganti
    and Kaushik, ICDE 2006).
    """
    spread = Counter(shingle for kept in sets for shingle in kept)
    owners: defaultdict[str, list[int]] = defaultdict(list)
    for place, kept in enumerate(sets):
        if len(kept) >= _LEAST:
            rarest = sorted(kept, key=lambda shingle: (spread[shingle], shingle))
            for shingle in rarest[: len(kept) - math.ceil(_HELD * len(kept)) + 1]:
                owners[shingle].append(place)
    for place, kept in enumerate(sets):
        for owner in {owner for shingle in kept for owner in owners.get(shingle, ())}:
            if owner != place:
                yield min(owner, place), max(owner, place)


def _similarity(left: frozenset[str], right: frozenset[str]) -> tuple[float, float]:
    """(Jaccard, share of the shorter held by the other; 0.0 where the shorter is too short)."""
    shared = len(left & right)
    least = min(len(left), len(right))
    held = shared / least if least >= _LEAST else 0.0
    return shared / (len(left) + len(right) - shared), held
