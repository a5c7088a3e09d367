"""Queries against an index of synthetic cases: what each should find, and how much was found."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.synthetic import BLOCK, LETTERS, case_of, family_of
from models.assessment import Assessment
from models.record import Record

_QUERIES = 400


def make_queries(count: int) -> list[tuple[int | None, Record, Assessment]]:
    """Half rewritings of letters of which cases are stored, half texts of their own."""
    rng = random.Random(f"queries {count}")
    families = sorted(
        {f for n in rng.sample(range(count), min(count, 12_000)) if (f := family_of(n)) is not None}
    )
    made = []
    for place in range(_QUERIES):
        family = rng.choice(families) if place % 2 else None
        made.append((family, *case_of(10**9 + place, family, rng)))
    return made


def truth_of(family: int, count: int) -> set[str]:
    first = family // LETTERS * BLOCK
    numbers = range(first, min(first + BLOCK, count))
    return {f"S{n}" for n in numbers if family_of(n) == family}


@dataclass(frozen=True, slots=True)
class Quality:
    recall: float
    precision: float


def quality(answers: Sequence[set[str]], truths: Sequence[set[str]]) -> Quality:
    """Of pairs of a query and a stored case of its family."""
    hits = sum(len(answer & truth) for answer, truth in zip(answers, truths, strict=True))
    said, wanted = sum(map(len, answers)), sum(map(len, truths))
    return Quality(hits / max(1, wanted), hits / max(1, said))


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
