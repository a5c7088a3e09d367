"""How the index of links behaves as it grows: build rate, query time, memory, recall.

Run `python -m benchmarks.link_index --cases 50000 --database FILE` from the root. Cases are made
from the clauses of `data_samples/complaints.jsonl`, shuffled and edited; in every thousand there
are four letters of which some thirty cases are rewritings. Case ``i`` is the same in every run, so
a database is kept and continued: a run that was stopped goes on where it stood, and one with more
cases starts from those that are there. Beside it, in the same run and on the same texts:
datasketch's MinHashLSH in memory (`--no-datasketch` leaves it out). Where others use the machine,
processor time says more than the clock.
"""

import argparse
import json
import random
import re
import time
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path

from sqlalchemy import Connection, insert, select
from sqlalchemy import func as sql

from benchmarks.usage import memory_mb
from models.assessment import (
    AgentSigns,
    Assessment,
    Facets,
    Label,
    ModelUsed,
    Review,
    RootCause,
    TextRead,
)
from models.codebook import default_codebook
from models.links.masking import mask
from models.record import Record
from serving.register.database import read, write
from serving.register.link_index import LinkIndex, index_with
from serving.register.link_tables import linked_cases
from serving.register.register import Register
from serving.register.registered import RegisteredCase
from serving.register.tables import cases

SAMPLES = Path("data_samples")
_CITIES = ("南湖", "北塘", "东川", "西陵", "望岚", "沧禾")
_FIRST_DAY = date(2024, 1, 1)
_BLOCK, _LETTERS, _COPIED = 1000, 4, 0.03
_LAST_SMALL = 10_000
_QUERIES = 400


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
    if rng.random() >= _COPIED:
        return None
    return number // _BLOCK * _LETTERS + rng.randrange(_LETTERS)


def text_of(family: int | None, rng: random.Random) -> tuple[str, str]:
    """Cause and text of a case of this family, or of its own."""
    if family is None:
        return fresh_text(rng)
    cause, text = letter(family)
    return cause, rewritten(text, rng)


def make_case(number: int) -> tuple[Record, Assessment]:
    """The synthetic case of this number."""
    return _case(number, family_of(number), random.Random(f"case {number}"))


def _case(number: int, family: int | None, rng: random.Random) -> tuple[Record, Assessment]:
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
        review=Review(needed=False),
        text=TextRead(0, 1, "zh"),
        model=ModelUsed("synthetic", "", ""),
    )
    return record, assessment


# --- the index ----------------------------------------------------------------------------------


class Bench:
    """A register's database filled with synthetic cases through its index of links."""

    def __init__(self, database: Path) -> None:
        self.register = Register.open(
            f"sqlite:///{database}", key_file=database.with_suffix(".keys")
        )
        self.index: LinkIndex = index_with(default_codebook())(self.register.keys)
        self.notes = database.with_suffix(".json")

    def count(self) -> int:
        query = select(sql.count()).select_from(linked_cases)
        with read(self.register.engine) as connection:
            return int(connection.execute(query).scalar_one())

    def build(self, until: int, *, batch: int) -> tuple[int, float]:
        """Add cases up to this many; how many were new, and seconds in the index alone."""
        done, took, cpu = self.count(), 0.0, 0.0
        start = done
        while done < until:
            numbers = range(done, min(done + batch, until))
            made = [make_case(n) for n in numbers]
            began, worked = time.perf_counter(), time.process_time()
            with write(self.register.engine) as connection:
                self.index.add_many(connection, self._stored(connection, made))
            took += time.perf_counter() - began
            cpu += time.process_time() - worked
            done = numbers.stop
            if done // 10_000 != numbers.start // 10_000:
                rate, free = (done - start) / took, (done - start) / cpu
                memory = f"{memory_mb():.0f} MB"
                print(
                    f"  {done} cases, {rate:.0f}/s ({free:.0f}/s processor), {memory}", flush=True
                )
        return done - start, took

    def settle(self) -> None:
        """Decide every group by the limits of today, as happens before any is shown."""
        settled = False
        while not settled:
            with write(self.register.engine) as connection:
                settled = self.index.settle(connection)

    def query(
        self, made: Sequence[tuple[Record, Assessment]]
    ) -> list[tuple[float, float, set[str]]]:
        """Link each as it would arrive, and take it back.

        Milliseconds on the clock and of the processor, and the cases with like texts.
        """
        answers = []
        for one in made:
            with self.register.engine.execution_options(
                xiaobao_writes=True
            ).connect() as connection:
                ((case, assessment),) = self._stored(connection, [one])
                began, worked = time.perf_counter(), time.process_time()
                related = self.index.add(connection, case, assessment)
                took = (time.perf_counter() - began) * 1e3
                cpu = (time.process_time() - worked) * 1e3
                connection.rollback()
            found = {link.case_id for link in related.links if link.kind == "template"}
            answers.append((took, cpu, found))
        return answers

    def _stored(
        self, connection: Connection, made: Sequence[tuple[Record, Assessment]]
    ) -> list[tuple[RegisteredCase, Assessment]]:
        first = (connection.execute(select(sql.max(cases.c.id))).scalar() or 0) + 1
        moment = "2026-01-01T00:00:00.000000Z"
        same = {"version": 1, "stored_at": moment, "text_form": "none"}
        rows = [
            {"id": row, "case_id": record.case_id, **same}
            for row, (record, _) in enumerate(made, start=first)
        ]
        connection.execute(insert(cases), rows)
        return [
            (RegisteredCase(row, record.case_id or "", 1, record, moment), assessment)
            for row, (record, assessment) in enumerate(made, start=first)
        ]


def make_queries(count: int) -> list[tuple[int | None, Record, Assessment]]:
    """Half rewritings of letters of which cases are stored, half texts of their own."""
    rng = random.Random(f"queries {count}")
    families = sorted(
        {f for n in rng.sample(range(count), min(count, 12_000)) if (f := family_of(n)) is not None}
    )
    made = []
    for place in range(_QUERIES):
        family = rng.choice(families) if place % 2 else None
        made.append((family, *_case(10**9 + place, family, rng)))
    return made


def truth_of(family: int, count: int) -> set[str]:
    first = family // _LETTERS * _BLOCK
    numbers = range(first, min(first + _BLOCK, count))
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


def measure(bench: Bench, count: int) -> tuple[dict[str, float], list[set[str]], list[set[str]]]:
    """Query times and quality among so many cases."""
    queries = make_queries(count)
    bench.settle()
    bench.query([(record, assessment) for _, record, assessment in queries[:10]])  # warm
    answers = bench.query([(record, assessment) for _, record, assessment in queries])
    times, cpu = [took for took, _, _ in answers], [worked for _, worked, _ in answers]
    truths = [set() if f is None else truth_of(f, count) for f, _, _ in queries]
    found = quality([said for _, _, said in answers], truths)
    figures = {
        "p50": percentile(times, 0.5),
        "p99": percentile(times, 0.99),
        "cpu_p50": percentile(cpu, 0.5),
        "cpu_p99": percentile(cpu, 0.99),
        "recall": found.recall,
        "precision": found.precision,
    }
    print(f"among {count}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    return figures, [said for _, _, said in answers], truths


# --- datasketch ---------------------------------------------------------------------------------


def shingles_of(record: Record) -> set[bytes]:
    masked = re.sub("[^\u4e00-\u9fff]", "", mask(record))
    return {masked[at : at + 3].encode() for at in range(len(masked) - 2)} or {b""}


def measure_datasketch(count: int, *, precision: float) -> None:
    """The same queries against MinHashLSH in memory; its candidates verified by exact Jaccard."""
    from datasketch import MinHash, MinHashLSH

    before, began = memory_mb(), time.perf_counter()
    lsh = MinHashLSH(num_perm=60, params=(20, 3))
    for number in range(count):
        (sketch,) = MinHash.generator([shingles_of(make_case(number)[0])], num_perm=60, seed=1)
        lsh.insert(f"S{number}", sketch, check_duplication=False)
    took = time.perf_counter() - began
    print(
        f"datasketch: built in {took:.0f} s (making texts included), {memory_mb() - before:.0f} MB"
    )
    queries = make_queries(count)
    truths = [set() if f is None else truth_of(f, count) for f, _, _ in queries]
    times, scored = [], []
    for _, record, _ in queries:
        began = time.perf_counter()
        mine = shingles_of(record)
        (sketch,) = MinHash.generator([mine], num_perm=60, seed=1)
        found = lsh.query(sketch)
        times.append((time.perf_counter() - began) * 1e3)
        theirs = {id_: shingles_of(make_case(int(id_[1:]))[0]) for id_ in found}
        scored.append({id_: len(mine & s) / len(mine | s) for id_, s in theirs.items()})
    print(
        f"datasketch: p50 {percentile(times, 0.5):.2f} ms, "
        f"p99 {percentile(times, 0.99):.2f} ms (not verified)"
    )
    swept = list(_sweep(scored, truths))
    enough = [one for one in swept if one[1].precision >= precision]
    best = max(swept, key=lambda one: one[1].precision)
    least, found_quality = max(enough, key=lambda one: one[1].recall, default=best)
    print(
        f"datasketch at Jaccard {least:.2f}: recall {found_quality.recall:.3f}, "
        f"precision {found_quality.precision:.3f} (wanted {precision:.3f})"
    )


def _sweep(
    scored: Sequence[dict[str, float]], truths: Sequence[set[str]]
) -> Iterator[tuple[float, Quality]]:
    for percent in range(0, 100, 2):
        least = percent / 100
        answers = [{id_ for id_, one in found.items() if one >= least} for found in scored]
        yield least, quality(answers, truths)


def run(count: int, database: Path, *, batch: int, datasketch: bool) -> None:
    stock()
    bench = Bench(database)
    notes = json.loads(bench.notes.read_text("utf-8")) if bench.notes.exists() else {}
    before = memory_mb()
    for until in sorted({min(_LAST_SMALL, count), count}):
        if bench.count() > until:
            continue
        new, took = bench.build(until, batch=batch)
        if new:
            print(f"built {new} cases at {new / took:.0f}/s")
        if str(until) not in notes or until == count:
            notes[str(until)], _, _ = measure(bench, until)
            bench.notes.write_text(json.dumps(notes), "utf-8")
    figures = notes[str(count)]
    print(
        f"memory grew by {memory_mb() - before:.0f} MB; "
        f"database {database.stat().st_size / 1e6:.0f} MB"
    )
    small = notes.get(str(_LAST_SMALL))
    if small:
        ratios = {
            name: figures[name] / small[name] for name in ("p50", "p99", "cpu_p50", "cpu_p99")
        }
        shown = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
        print(f"query time from {_LAST_SMALL} to {count}: times {shown}")
    if datasketch:
        measure_datasketch(count, precision=figures["precision"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--no-datasketch", action="store_true")
    asked = parser.parse_args()
    run(asked.cases, asked.database, batch=asked.batch, datasketch=not asked.no_datasketch)
