"""How the index of links behaves as it grows: build rate, query time, memory, recall.

Run `python -m benchmarks.link_index --cases 50000 --database FILE` from the root. Cases are
`synthetic`, the same in every run: a database is kept and continued, a run that was stopped goes
on where it stood, and one with more cases starts from those that are there. Beside it, in the same
run and on the same texts: datasketch's MinHashLSH in memory (`--no-datasketch` leaves it out).
Where others use the machine, processor time says more than the clock.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, insert, select
from sqlalchemy import func as sql

from benchmarks.link_queries import make_queries, percentile, quality, truth_of
from benchmarks.synthetic import make_case, stock
from benchmarks.usage import memory_mb
from models.assessment import Assessment
from models.codebook import default_codebook
from models.record import Record
from serving.register.database import read, write
from serving.register.link_index import LinkIndex, index_with
from serving.register.link_measuring import ReadCase
from serving.register.link_tables import linked_cases
from serving.register.register import Register
from serving.register.tables import cases

_LAST_SMALL = 10_000


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
                prepared = [self._prepared(*one) for one in made]
                rows = self._stored(connection, made)
                self.index.add_many(connection, dict(zip(rows, prepared, strict=True)))
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
                (row,) = self._stored(connection, [one])
                began, worked = time.perf_counter(), time.process_time()
                found = self.index.add_many(connection, {row: self._prepared(*one)})
                took = (time.perf_counter() - began) * 1e3
                cpu = (time.process_time() - worked) * 1e3
                connection.rollback()
            links = found[row].links if row in found else ()
            alike = {link.case_id for link in links if link.kind == "template"}
            answers.append((took, cpu, alike))
        return answers

    def _stored(
        self, connection: Connection, made: Sequence[tuple[Record, Assessment]]
    ) -> list[int]:
        first = (connection.execute(select(sql.max(cases.c.id))).scalar() or 0) + 1
        moment = "2026-01-01T00:00:00.000000Z"
        same = {"version": 1, "stored_at": moment, "text_form": "none"}
        rows = [
            {"id": row, "case_id": record.case_id, **same}
            for row, (record, _) in enumerate(made, start=first)
        ]
        connection.execute(insert(cases), rows)
        return [row["id"] for row in rows]

    def _prepared(self, record: Record, assessment: Assessment) -> ReadCase:
        return self.index.prepare(record.case_id or "", record, assessment)


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
        from benchmarks.datasketch_index import measure_datasketch

        measure_datasketch(count, precision=figures["precision"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--no-datasketch", action="store_true")
    asked = parser.parse_args()
    run(asked.cases, asked.database, batch=asked.batch, datasketch=not asked.no_datasketch)
