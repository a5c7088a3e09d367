"""Fingerprints: how alike two masked texts are, copied or retold; and which pairs to look at.

Candidates come from MinHash LSH (copies) and from rare wording (retellings); each pair is then
measured exactly. Order of sentences never counts, so shuffling hides nothing.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import combinations

from datasketch import MinHash, MinHashLSH

_HAN_RUN = re.compile("[\u4e00-\u9fff]+")
_CLAUSE = re.compile(r"[^,。;;!?!?,、:\n]+")
_BANDS, _ROWS = 32, 3
_SHORTEST_CLAUSE = 6  # below, a clause is a stock phrase
_SAME_CLAUSE = 0.6
_SHORT = 20  # shingles: below, a text is too short to be called a copy of another
_WORTH_READING = 0.03  # clause by clause, which is slow
# Two short texts that share one rare word are no pair: the size of a text is at least this.
_LEAST_SIZE = 15.0
# A word counts by how much rarer it is than one in `_STOCK` of complaints.
_STOCK = math.e
_RARE = 3.0  # weight from which a word suggests a pair
_POSTINGS = 60  # wording shared by more cases than this suggests no pair
_BATCH_SLACK = 20  # so many uses in one file may be one ring's; more are the house's own words


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is compared of a text: character pairs of the whole and of each clause."""

    words: frozenset[str]
    clauses: tuple[frozenset[str], ...]
    shingles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """``copied``: share of the smaller text found in the larger; ``retold``: rare words shared."""

    copied: float
    retold: float
    clauses: int


@dataclass(slots=True)
class Wording:
    """How rare each character pair is among complaints: background counts and this file's own."""

    total: int
    counts: dict[str, int]
    batch: Counter[str] = field(default_factory=Counter)

    def weight(self, word: str) -> float:
        """0 for a stock phrase, rising with rarity."""
        seen = self.counts.get(word, 0) + max(0, self.batch[word] - _BATCH_SLACK)
        return max(0.0, math.log((self.total + 1) / (seen + 1) / _STOCK))


def read_wording() -> Wording:
    """The background counts that come with the package: character pairs of single complaints."""
    lines = files("models.links").joinpath("wording.tsv").read_text("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines[1:])
    return Wording(int(lines[0]), {word: int(count) for word, count in pairs})


def fingerprint(masked: str) -> Fingerprint:
    """The fingerprint of a masked text."""
    clauses = (_grams(clause, 2) for clause in _CLAUSE.findall(masked))
    return Fingerprint(
        _grams(masked, 2),
        tuple(clause for clause in clauses if len(clause) >= _SHORTEST_CLAUSE - 1),
        _grams(masked, 3),
    )


class Comparison:
    """The fingerprints of one file, with the weight of every word; compares any two of them."""

    def __init__(self, prints: Sequence[Fingerprint], wording: Wording) -> None:
        batch = Counter(word for one in prints for word in one.words)
        self._wording = Wording(wording.total, wording.counts, batch)
        self.prints = prints
        self._weight = {word: self._wording.weight(word) for word in batch}
        self._squared = {word: weight**2 for word, weight in self._weight.items()}
        self._norm = [self._size(one.words) for one in prints]

    def candidates(self) -> set[tuple[int, int]]:
        """Pairs worth measuring, lower place first."""
        return {*self._copies(), *self._sharing_rare_words()}

    def likeness(self, left: int, right: int) -> Likeness:
        """The exact likeness of two texts of the file, symmetric."""
        one, two = self.prints[left], self.prints[right]
        both = sum(self._squared[word] for word in one.words & two.words)
        retold = both / (self._norm[left] * self._norm[right])
        if retold < _WORTH_READING:
            return Likeness(0.0, retold, 0)
        small, large = sorted((one, two), key=lambda print_: len(print_.shingles))
        held = len(small.shingles & large.shingles) / max(1, len(small.shingles))
        same = [clause for clause in small.clauses if self._held(clause, large)]
        covered = sum(map(len, same)) / max(1, sum(map(len, small.clauses)))
        copied = max(held, covered) if len(small.shingles) >= _SHORT else held * retold
        return Likeness(copied, retold, len(same))

    def _held(self, clause: frozenset[str], other: Fingerprint) -> bool:
        return any(len(clause & held) >= _SAME_CLAUSE * len(clause) for held in other.clauses)

    def _size(self, words: frozenset[str]) -> float:
        return max(_LEAST_SIZE, math.sqrt(sum(self._squared[word] for word in words)))

    def _copies(self) -> Iterator[tuple[int, int]]:
        index = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
        encoded = ([word.encode() for word in one.shingles or {""}] for one in self.prints)
        sketches = MinHash.generator(encoded, num_perm=_BANDS * _ROWS, seed=1)
        for place, sketch in enumerate(sketches):
            yield from ((found, place) for found in index.query(sketch))
            index.insert(place, sketch, check_duplication=False)

    def _sharing_rare_words(self) -> Iterator[tuple[int, int]]:
        postings: dict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(self.prints):
            for word in one.words:
                if self._weight[word] >= _RARE:
                    postings[word].append(place)
        shared: Counter[tuple[int, int]] = Counter()
        for places in postings.values():
            if 2 <= len(places) <= _POSTINGS:
                shared.update(combinations(places, 2))
        return (pair for pair, count in shared.items() if count >= 2)


def _grams(text: str, size: int) -> frozenset[str]:
    return frozenset(
        run[at : at + size] for run in _HAN_RUN.findall(text) for at in range(len(run) - size + 1)
    )
