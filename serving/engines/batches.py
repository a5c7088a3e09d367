"""One function that scores record batches, wherever they are: on this machine, in Spark, in Ray.

A Python worker loads the bundle once and keeps it, however many calls it gets. Knows no engine:
what it is given and gives is Arrow (``serving.engines.wire``). Needs the extra batch.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

import pyarrow

from models.rows import Columns, RowFault
from serving.contracts import Analyzer
from serving.engines.reading import assess_sorted, check_bundle, worker_analyzer
from serving.engines.wire import answers_batch, answers_schema, read_batch

_MOST_ROWS = 512  # scored at once: an engine's own batch may have ten thousand


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
    check_bundle(used, expect)
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
