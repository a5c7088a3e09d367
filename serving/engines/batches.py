"""One function that scores record batches, wherever they are: on this machine, in Spark, in Ray.

A Python worker loads the bundle once and keeps it, however many calls it gets. Knows no engine:
what it is given and gives is Arrow (``serving.engines.wire``).
"""

import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow

from models.analyzer import load_analyzer
from models.assessment import Assessment
from models.bundle import BundleError
from models.record import Record
from models.rows import Columns, RowFault
from serving.contracts import Analyzer
from serving.engines.wire import answers_batch, answers_schema, read_batch

_STRIDE = 64
_MOST_ROWS = 512  # scored at once: an engine's own batch may have ten thousand
_LOADING = threading.Lock()


def score_batches(
    batches: Iterable[Any],
    *,
    bundle: str | None = None,
    expect: str | None = None,
    fields: Mapping[str, str] | None = None,
    whole: bool = True,
    threads: int = 1,
    analyzer: Analyzer | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Generator[Any, None, None]:
    """Answers to record batches as record batches: one row out a row in, in order.

    In: ``pyarrow.RecordBatch`` with a column of texts; names of columns as files have them, or by
    ``fields``, their own name to a record's field. Out: the schema ``answers_schema(whole=whole)``,
    in batches of 512 rows at most. ``bundle`` is a directory that the worker can read, by default
    the embedded one; ``threads`` are the runtime's, one because an engine has a worker a core.
    An ``analyzer`` is used in place of the worker's own; ``advance`` is told how many were read.
    Raises RowsError for a batch without texts, BundleError for a bundle that cannot be used or is
    not the one that ``expect`` names.
    """
    used = analyzer or worker_analyzer(bundle, threads=threads)
    _check_bundle(used, expect)
    columns = Columns(fields)
    for batch in batches:
        for start in range(0, batch.num_rows, _MOST_ROWS):
            places = read_batch(batch.slice(start, _MOST_ROWS), columns)
            records = [p.found for p in places if not isinstance(p.found, RowFault)]
            answers = assess_sorted(records, used, advance=advance)
            yield answers_batch(places, answers, whole=whole)


def score_table(table: Any, *, whole: bool = True, **options: Any) -> Any:
    """The same for a ``pyarrow.Table``, which is what Ray Data calls a batch."""
    answers = score_batches(table.to_batches(), whole=whole, **options)
    return pyarrow.Table.from_batches(answers, schema=answers_schema(whole=whole))


def worker_analyzer(bundle: str | None = None, *, threads: int = 1) -> Analyzer:
    """This process's analyzer of a bundle, loaded and self-checked by the first that asks."""
    with _LOADING:
        return _load(bundle, threads)


def assess_sorted(
    records: Sequence[Record],
    analyzer: Analyzer,
    *,
    batch_tokens: int = 4096,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Assessment]:
    """The assessments in the order of ``records``, read in order of length: less padding."""
    order = sorted(range(len(records)), key=lambda index: len(records[index].text))
    answers: dict[int, Assessment] = {}
    for start in range(0, len(order), _STRIDE):
        places = order[start : start + _STRIDE]
        found = analyzer.assess([records[place] for place in places], batch_tokens=batch_tokens)
        answers.update(zip(places, found, strict=True))
        advance(len(places))
    return [answers[place] for place in range(len(records))]


@lru_cache(maxsize=2)
def _load(bundle: str | None, threads: int) -> Analyzer:
    return load_analyzer(Path(bundle) if bundle else None, threads=threads)


def _check_bundle(analyzer: Analyzer, expect: str | None) -> None:
    found = analyzer.description["bundle"]
    if expect is not None and found != expect:
        raise BundleError(f"worker: bundle {found} found, {expect} wanted, as where the run began")
