"""datasketch's MinHashLSH in memory, asked the same as the register's index of links."""

import re
import time
from collections.abc import Iterator, Sequence

from datasketch import MinHash, MinHashLSH

from benchmarks.link_queries import Quality, make_queries, percentile, quality, truth_of
from benchmarks.synthetic import make_case
from benchmarks.usage import memory_mb
from models.links.masking import mask
from models.record import Record


def shingles_of(record: Record) -> set[bytes]:
    masked = re.sub("[^\u4e00-\u9fff]", "", mask(record))
    return {masked[at : at + 3].encode() for at in range(len(masked) - 2)} or {b""}


def measure_datasketch(count: int, *, precision: float) -> None:
    """The same queries against MinHashLSH in memory; its candidates verified by exact Jaccard."""
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
