"""Synthetic cases: clauses of `data_samples/complaints.jsonl`, shuffled and edited, any number.

Case ``i`` is the same in every run. In every thousand there are four letters of which some thirty
cases are rewritings. No text is a person's; none is kept.
"""

import json
import random
import re
from bisect import bisect
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path

from models.assessment import (
    AgentSigns,
    Assessment,
    Facets,
    Label,
    ModelUsed,
    ReviewAdvice,
    RootCause,
    TextRead,
)
from models.record import Record

SAMPLES = Path("data_samples")
BLOCK, LETTERS, COPIED = 1000, 4, 0.03
_SHORT = 60  # characters of a short text at most
_CITIES = ("南湖", "北塘", "东川", "西陵", "望岚", "沧禾")
_FIRST_DAY = date(2024, 1, 1)


@dataclass(frozen=True, slots=True)
class Stock:
    """What synthetic cases are made of: texts by cause and clauses, characters by frequency."""

    texts: tuple[tuple[str, tuple[str, ...]], ...]
    pool: tuple[str, ...]
    chars: str
    weights: tuple[int, ...]


@cache
def stock() -> Stock:
    lines = (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    texts = [(row["primary"], tuple(clauses_of(row["text"]))) for row in rows]
    counts: dict[str, int] = {}
    for row in rows:
        for char in row["text"]:
            if "\u4e00" <= char <= "\u9fff":
                counts[char] = counts.get(char, 0) + 1
    return Stock(
        tuple(one for one in texts if one[1]),
        tuple(clause for _, clauses in texts for clause in clauses),
        "".join(counts),
        tuple(accumulate(counts.values())),
    )


def clauses_of(text: str) -> list[str]:
    return re.findall(r"[^,。!?;,!?;\n]+[,。!?;,!?;\n]?", text)


def edit(text: str, rng: random.Random, share: float) -> str:
    """Some characters replaced by others, as frequent as they are in the corpus."""
    found = stock()
    return "".join(
        found.chars[bisect(found.weights, rng.random() * found.weights[-1])]
        if "\u4e00" <= char <= "\u9fff" and rng.random() < share
        else char
        for char in text
    )


def fresh_text(rng: random.Random) -> tuple[str, str]:
    """The cause and text of a complaint in which most clauses are those of others, edited."""
    found = stock()
    cause, base = rng.choice(found.texts)
    mixed = [clause if rng.random() < 0.15 else rng.choice(found.pool) for clause in base]
    return cause, edit("".join(mixed), rng, 0.2)


def short_text(rng: random.Random) -> str:
    """One to three clauses in a row of a complaint, a few characters edited: 27 on average."""
    _, clauses = rng.choice(stock().texts)
    at = rng.randrange(len(clauses))
    text = "".join(clauses[at : at + rng.choice((1, 2, 2, 3))])
    return edit(text[:_SHORT], rng, 0.03)


def letter(family: int) -> tuple[str, str]:
    """The cause and letter of a family: never shorter than 150 characters."""
    rng = random.Random(f"letter {family}")
    cause, text = fresh_text(rng)
    while len(text) < 150:
        text += fresh_text(rng)[1]
    return cause, text


def rewritten(text: str, rng: random.Random) -> str:
    """Shuffled, some clauses lost, some of others added, some characters changed."""
    parts = clauses_of(text)
    kept = [part for part in parts if rng.random() > 0.2] or parts
    rng.shuffle(kept)
    padding = [rng.choice(stock().pool) for _ in range(len(parts) // 6)]
    return edit("".join([*kept, *padding]), rng, 0.04)


def family_of(number: int) -> int | None:
    rng = random.Random(f"family {number}")
    if rng.random() >= COPIED:
        return None
    return number // BLOCK * LETTERS + rng.randrange(LETTERS)


def text_of(family: int | None, rng: random.Random) -> tuple[str, str]:
    """Cause and text of a case of this family, or of its own."""
    if family is None:
        return fresh_text(rng)
    cause, text = letter(family)
    return cause, rewritten(text, rng)


def make_case(number: int) -> tuple[Record, Assessment]:
    """The synthetic case of this number."""
    return case_of(number, family_of(number), random.Random(f"case {number}"))


def case_of(number: int, family: int | None, rng: random.Random) -> tuple[Record, Assessment]:
    cause, text = text_of(family, rng)
    record = Record(
        text,
        case_id=f"S{number}",
        received_at=(_FIRST_DAY + timedelta(days=number % 700)).isoformat(),
        phone=f"1{rng.randrange(3, 9)}{rng.randrange(10**9):09d}",
        address=f"{rng.choice(_CITIES)}市{rng.choice(stock().chars)}{rng.choice(stock().chars)}路"
        f"{rng.randrange(1, 400)}号{rng.randrange(100, 2000)}室",
        policyholder=rng.choice("周沈罗方汤丁") + rng.choice(stock().chars) * 2,
        policy_no=str(number),
        seller=f"丁友{rng.randrange(3000)}",
    )
    label = Label(cause, "", 0.9)
    # An answer of which only the cause matters here.
    assessment = Assessment(
        case_id=None,
        root_cause=RootCause(label, (label,), (), ""),
        agent=AgentSigns("NONE", 0.1, (), (), ()),
        facets=Facets((), "complaint", "policyholder"),
        review=ReviewAdvice(needed=False),
        text=TextRead(0, 1, "zh"),
        model=ModelUsed("synthetic", "", ""),
    )
    return record, assessment
