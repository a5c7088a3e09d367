"""Fingerprints: what is kept of a masked text to measure how alike two are. Order never counts.

A fingerprint is an array of 32-bit numbers of character pairs, run by run, clause by clause; it
holds words, clauses and shingles at once and no text. Its keys (bands, clauses, rare words) say
where to look for others like it; see `candidates`.
"""

import re
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.links.wording import RESERVED, numbers_of

_HAN_RUN = re.compile("[\u4e00-\u9fff]{2,}")
_CLAUSE = re.compile(r"[^,。;;!?!?,、:\n]+")
_RUN_END, _CLAUSE_END = 0, 1
_ENDS = frozenset(range(RESERVED))
_SHORTEST_CLAUSE = 5  # pairs of characters; below, a clause is a stock phrase
_Numbers = NDArray[np.uint32]


class Fingerprint:
    """Numbers of one text; equal texts up to the order of clauses have equal ``grams``."""

    def __init__(self, grams: bytes) -> None:
        self.grams = grams
        self._numbers: _Numbers = np.frombuffer(grams, dtype="<u4")

    @cached_property
    def words(self) -> frozenset[int]:
        """The character pairs of the text."""
        return frozenset(self._numbers.tolist()) - _ENDS

    @cached_property
    def shingles(self) -> _Numbers:
        """Three characters in a row, as pairs of pairs: sorted, each once."""
        first, second = self._numbers[:-1], self._numbers[1:]
        inside = (first >= RESERVED) & (second >= RESERVED)
        mixed = first[inside] * np.uint32(0x85EBCA6B) ^ second[inside]
        return np.unique(mixed)

    @cached_property
    def clauses(self) -> tuple[frozenset[int], ...]:
        """The character pairs of each clause that is no stock phrase."""
        clauses, begun = [], 0
        numbers = self._numbers.tolist()
        for end in np.flatnonzero(self._numbers == _CLAUSE_END).tolist():
            clause = frozenset(numbers[begun:end]) - _ENDS
            if len(clause) >= _SHORTEST_CLAUSE:
                clauses.append(clause)
            begun = end
        return tuple(clauses)


def fingerprint(masked: str) -> Fingerprint:
    """The fingerprint of a masked text."""
    clauses = sorted(filter(None, map(_numbers_of, _CLAUSE.findall(masked))))
    flat = [number for clause in clauses for number in (*clause, _CLAUSE_END)]
    return Fingerprint(np.array(flat, dtype="<u4").tobytes())


def _numbers_of(clause: str) -> list[int]:
    numbers: list[int] = []
    for run in _HAN_RUN.findall(clause):
        numbers += numbers_of(run)
        numbers.append(_RUN_END)
    return numbers
