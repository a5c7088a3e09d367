"""Candidates: which pairs of texts are worth measuring, from keys that can stand in any table.

Bands of a MinHash signature find copies; hashes of clauses find letters half replaced; rare words
find retellings. A popular key costs bounded time: a band takes no more cases than `FULL`, a clause
or word that more than `STOCK` cases have is the house's own and suggests nobody any more. Knows
numbers of cases, from 1 on; the same code serves a file and an index on disk.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from models.links.fingerprints import Fingerprint
from models.links.wording import read_wording

FULL = 50
STOCK = 60
OVER = 0
"""Stands in place of the cases of a clause or word that has too many."""

_BANDS, _ROWS = 20, 3
_RARE = 3.0**2  # squared weight from which a word suggests a pair
_MOST_WORDS = 120
_MOST_CLAUSES = 24
_CLAUSE = 8  # pairs of characters; a shorter clause is often said
_SURE = 1000  # a band or clause in common counts for more than any words
_LEAST_WORDS = 2

# Multiply-shift hashing: fixed for ever, for what it gives is kept on disk.
_DRAWN = np.random.Generator(np.random.PCG64(20260101))
_ODD = _DRAWN.integers(1, 2**63, size=(1, _BANDS * _ROWS), dtype=np.uint64) | np.uint64(1)
_ADD = _DRAWN.integers(0, 2**63, size=(1, _BANDS * _ROWS), dtype=np.uint64)
_JOIN = _DRAWN.integers(1, 2**63, size=(1, _ROWS), dtype=np.uint64) | np.uint64(1)
_TELL = _DRAWN.integers(0, 2**63, size=_BANDS, dtype=np.uint64)
_SHIFT, _POSITIVE = np.uint64(32), np.uint64(2**63 - 1)
_WORD_MIX = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class TextKeys:
    """Where one text stands: numbers of 63 bits."""

    bands: tuple[int, ...]
    clauses: tuple[int, ...]
    words: tuple[int, ...]

    @property
    def sure(self) -> tuple[int, ...]:
        """TextKeys of which one in common suggests a pair."""
        return (*self.bands, *self.clauses)

    @property
    def all(self) -> tuple[int, ...]:
        """Every key, bands first."""
        return (*self.sure, *self.words)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Pairs to measure with how much speaks for each, and the cases at each key that changed."""

    pairs: Mapping[tuple[int, int], int]
    changed: Mapping[int, Sequence[int]]


def keys_of(print_: Fingerprint) -> TextKeys:
    """The keys of a fingerprint, the same whatever the order of its clauses."""
    known = read_wording()
    get, unseen = known.squared.get, known.unseen
    rare = [(much, word) for word in print_.words if (much := get(word, unseen)) >= _RARE]
    rarest = sorted(rare, reverse=True)[:_MOST_WORDS]
    long = {clause for clause in print_.clauses if len(clause) >= _CLAUSE}
    longest = sorted(((len(clause), _clause_key(clause)) for clause in long), reverse=True)
    return TextKeys(
        bands=_bands(print_),
        clauses=tuple(key for _, key in longest[:_MOST_CLAUSES]),
        words=tuple(word for _, word in rarest),
    )


def gather(
    new: Mapping[int, TextKeys],
    known: Mapping[int, Sequence[int]],
    *,
    least_words: int = _LEAST_WORDS,
) -> Gathered:
    """Pairs in which one case at least is ``new``; ``known`` are the cases at their keys so far.

    So many rare words in common suggest a pair, or any clause or band. The new ones come one
    after the other: many at once find what one by one they would, and what follows for a key
    from the order of its cases alone: at a band each is beside the first `FULL` before it, at a
    clause or word beside all before it, unless more than `STOCK` are.
    """
    at: dict[int, Sequence[int]] = dict(known)
    changed: dict[int, list[int]] = {}
    pairs: dict[tuple[int, int], int] = {}
    for number, keys in new.items():
        for other, much in _beside(keys, at, least_words).items():
            pairs[(other, number) if other < number else (number, other)] = much
        for key in keys.bands:
            if len(at.get(key, ())) < FULL:
                _put(number, key, at=at, changed=changed)
        for key in (*keys.clauses, *keys.words):
            numbers = at.get(key, ())
            if len(numbers) >= STOCK:
                at[key] = changed[key] = [OVER]
            elif OVER not in numbers[:1]:
                _put(number, key, at=at, changed=changed)
    return Gathered(pairs, changed)


def _put(
    number: int, key: int, *, at: dict[int, Sequence[int]], changed: dict[int, list[int]]
) -> None:
    if key not in changed:  # copied when first added to: most keys are only looked at
        at[key] = changed[key] = list(at.get(key, ()))
    changed[key].append(number)


def _beside(keys: TextKeys, at: Mapping[int, Sequence[int]], least_words: int) -> dict[int, int]:
    """The cases that a text may be like, with how much speaks for each."""
    none: Sequence[int] = ()
    sure = Counter(chain.from_iterable(at.get(key, none) for key in keys.sure))
    rare = Counter(chain.from_iterable(at.get(key, none) for key in keys.words))
    found = {other: count for other, count in rare.items() if count >= least_words}
    for other, count in sure.items():
        found[other] = found.get(other, 0) + count * _SURE
    found.pop(OVER, None)
    return found


def _bands(print_: Fingerprint) -> tuple[int, ...]:
    shingles = print_.shingles.astype(np.uint64)
    if not len(shingles):
        return ()
    signature = ((shingles[:, None] * _ODD + _ADD) >> _SHIFT).min(axis=0)
    keys = (signature.reshape(_BANDS, _ROWS) * _JOIN).sum(axis=1, dtype=np.uint64) ^ _TELL
    mixed = (keys * np.uint64(_WORD_MIX)) & _POSITIVE
    return tuple(dict.fromkeys(mixed.tolist()))


def _clause_key(clause: frozenset[int]) -> int:
    mixed = sum((word * _WORD_MIX) ^ (word >> 7) for word in clause)
    return int((mixed * _WORD_MIX) & (2**63 - 1)) | 1 << 62
