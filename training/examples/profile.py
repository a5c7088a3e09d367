"""Profiles of labelled complaints: lengths, words that stand out, labels together, quotes.

For a look at the data before anything is learned from it. Counts what annotators said; only
``quotes_of`` shows words of a complaint.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from models.record import LabelledRecord, Span
from models.text import normalise

# Weight of the prior, in words: with less, rare words win by chance (Monroe et al. 2008).
PRIOR = 500.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of the texts with one value, in code points."""

    value: str
    records: int
    p10: float
    median: float
    p90: float
    most: int


@dataclass(frozen=True, slots=True)
class Together:
    """Two labels of the same records. ``expected``: how many, if they were independent.

    ``surprise`` is the log-likelihood ratio G² (Dunning 1993), above 3.84 in one pair of twenty
    by chance; negative where they avoid each other.
    """

    left: str
    right: str
    records: int
    expected: float
    surprise: float


@dataclass(frozen=True, slots=True)
class ProfileWord:
    """A word of a group of texts. ``score``: how far it stands out, in standard deviations."""

    word: str
    texts: int
    score: float


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that prove a label, with what stands around them."""

    case_id: str | None
    before: str
    words: str
    after: str


def draw(records: Sequence[LabelledRecord], *, most: int, seed: int = 0) -> list[LabelledRecord]:
    """At most so many of the records, by chance, in their order; the same seed draws the same."""
    chosen = random.Random(seed).sample(range(len(records)), min(most, len(records)))
    return [records[place] for place in sorted(chosen)]


def lengths_by(
    records: Sequence[LabelledRecord], value_of: Callable[[LabelledRecord], str | None]
) -> tuple[Lengths, ...]:
    """Lengths by what ``value_of`` says of a record, the most frequent value first."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        found[value_of(record) or "unknown"].append(len(record.record.text))
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(_lengths(value, own) for value, own in ordered)


def pairs_of(sets: Sequence[Collection[str]], *, fewest: int = 3) -> tuple[Together, ...]:
    """Labels that stand together in at least ``fewest`` sets, the most surprising first."""
    alone = Counter(label for labels in sets for label in set(labels))
    both = Counter(pair for labels in sets for pair in combinations(sorted(set(labels)), 2))
    pairs = (
        _together(pair, count, alone=alone, total=len(sets))
        for pair, count in both.items()
        if count >= fewest
    )
    return tuple(sorted(pairs, key=lambda pair: (-pair.surprise, pair.left, pair.right)))


def salient_words(
    texts: Sequence[str],
    groups: Sequence[Hashable],
    *,
    cut: Callable[[str], Sequence[str]],
    most: int = 10,
    fewest: int = 5,
) -> dict[Hashable, tuple[ProfileWord, ...]]:
    """For each group of texts the words that set it apart from the others.

    By log-odds with an informative prior (Monroe, Colaresi & Quinn 2008), over texts that hold
    the word: one long text cannot win. Words of fewer than ``fewest`` texts are left out.
    """
    held: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    for text, group in zip(texts, groups, strict=True):
        held[group].update({word for word in cut(normalise(text).text) if _is_word(word)})
    whole = sum(held.values(), Counter[str]())
    known = Counter({word: count for word, count in whole.items() if count >= fewest})
    return {group: _standing_out(own, known, most=most) for group, own in held.items()}


def quotes_of(
    records: Sequence[LabelledRecord], label: str, *, most: int = 5, around: int = 14
) -> tuple[Quote, ...]:
    """The first evidence of a label in at most ``most`` records, with ``around`` characters."""
    found = (
        _quote(record, span, around)
        for record in records
        for span in [next((one for one in record.spans if label in one.labels), None)]
        if span is not None
    )
    return tuple(quote for _, quote in zip(range(most), found, strict=False))


def _lengths(value: str, chars: Sequence[int]) -> Lengths:
    p10, median, p90 = (float(each) for each in np.quantile(chars, (0.1, 0.5, 0.9)))
    return Lengths(value, len(chars), p10, median, p90, max(chars))


def _together(pair: tuple[str, str], count: int, *, alone: Counter[str], total: int) -> Together:
    left, right = pair
    expected = alone[left] * alone[right] / total
    cells = _cells(count, alone[left], alone[right], total)
    surprise = 2 * sum(seen * math.log(seen / wanted) for seen, wanted in cells if seen)
    return Together(left, right, count, expected, math.copysign(surprise, count - expected))


def _cells(both: int, left: int, right: int, total: int) -> Iterator[tuple[int, float]]:
    """Seen and expected counts of the four cells: both, left only, right only, neither."""
    for seen, row, column in (
        (both, left, right),
        (left - both, left, total - right),
        (right - both, total - left, right),
        (total - left - right + both, total - left, total - right),
    ):
        yield seen, row * column / total


def _is_word(word: str) -> bool:
    return len(word) > 1 and all("\u4e00" <= char <= "\u9fff" for char in word)


def _standing_out(own: Counter[str], whole: Counter[str], *, most: int) -> tuple[ProfileWord, ...]:
    inside = sum(own[word] for word in whole)
    total = whole.total()
    scored = (
        ProfileWord(word, own[word], _score(own[word], inside, count, total))
        for word, count in whole.items()
        if own[word]
    )
    return tuple(sorted(scored, key=lambda one: (-one.score, one.word))[:most])


def _score(own: int, inside: int, count: int, total: int) -> float:
    """The z-score of a word: ``own`` of the group's ``inside``, ``count`` of all ``total``."""
    if count == total:  # the only word there is sets nothing apart
        return 0.0
    prior = PRIOR * count / total
    other, outside = count - own, total - inside
    odds = math.log((own + prior) / (inside + PRIOR - own - prior))
    odds -= math.log((other + prior) / (outside + PRIOR - other - prior))
    return odds / math.sqrt(1 / (own + prior) + 1 / (other + prior))


def _quote(record: LabelledRecord, span: Span, around: int) -> Quote:
    text = record.record.text
    return Quote(
        case_id=record.record.case_id,
        before=text[max(0, span.start - around) : span.start],
        words=text[span.start : span.end],
        after=text[span.end : span.end + around],
    )
