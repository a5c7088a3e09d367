"""What workers do when a table is linked: read cases, give their keys, measure pairs. All in Arrow.

Knows no engine. A case leaves its worker without text and with no value in clear: tokens under the
key of the run, and a fingerprint, which is to be protected as the text it was made from. Needs the
extra batch.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import orjson
import pyarrow

from models.assessment import Assessment
from models.links.candidates import TextKeys, keys_of
from models.links.cases import Case
from models.links.fingerprints import Fingerprint, fingerprint
from models.links.grouping import is_worth_keeping
from models.links.hubs import HubList, read_hubs
from models.links.identifiers import Key
from models.links.kinds import read_kinds
from models.links.likeness import Likeness, Pair, measure_all
from models.links.limits import Limits
from models.links.linker import read_case
from models.links.masking import mask
from models.record import Record
from models.rows import Columns, RowFault, RowsError
from serving.contracts import Analyzer
from serving.engines.reading import assess_sorted, check_bundle, worker_analyzer
from serving.engines.wire import BatchRow, read_batch

_MOST_ROWS = 512  # read at once, as when a table is scored
_WHOLE, _TEXT = pyarrow.int64(), pyarrow.string()

CASES = pyarrow.schema(
    [("row", _WHOLE), ("case", _TEXT), ("grams", pyarrow.binary()), ("fault_field", _TEXT),
     ("fault", _TEXT)]
)  # fmt: skip
"""A case a row, its facts as JSON and its fingerprint; or why the row gives none."""

KEYS = pyarrow.schema([("key", _WHOLE), ("row", _WHOLE), ("kind", _TEXT)])
"""A key of a case a row; ``kind`` is ``band``, ``clause`` or ``word``."""

ENDS = ("low", "high", "share", "low_grams", "high_grams")
"""Columns of a pair to measure: two rows, whether they have a value in common, two fingerprints."""

PAIRS = pyarrow.schema(
    [("low", _WHOLE), ("high", _WHOLE), ("copied", pyarrow.float64()),
     ("retold", pyarrow.float64()), ("clauses", _WHOLE)]
)  # fmt: skip
"""A measured pair that is worth keeping."""


def read_cases(
    batches: Iterable[Any],
    *,
    secret: bytes,
    bundle: str | None = None,
    expect: str | None = None,
    fields: Mapping[str, str] | None = None,
    hubs: HubList | None = None,
    analyzer: Analyzer | None = None,
) -> Generator[Any, None, None]:
    """Record batches to batches of the schema CASES: one row out a row in, in order.

    In: a column of texts, and ``row``, a number from 1 that no other row has and that orders the
    cases. ``secret`` makes the tokens: all workers of a run have the same. For the other options
    and what is raised see ``serving.engines.batches.score_batches``.
    """
    used = analyzer or worker_analyzer(bundle, threads=1)
    check_bundle(used, expect)
    kinds, key, columns = read_kinds(), Key(secret), Columns(fields)
    listed = hubs or read_hubs()

    def row_of(number: int, record: Record, answer: Assessment) -> dict[str, Any]:
        case = read_case(record, answer, number=number, key=key, kinds=kinds, hubs=listed)
        kept = orjson.dumps(case.as_json()).decode()
        return {"row": number, "case": kept, "grams": fingerprint(mask(record)).grams}

    for whole in batches:
        for start in range(0, whole.num_rows, _MOST_ROWS):
            places = read_batch(whole.slice(start, _MOST_ROWS), columns)
            records = [p.found for p in places if isinstance(p.found, Record)]
            answers = iter(assess_sorted(records, used))
            rows = [
                row_of(_number_of(place), place.found, next(answers))
                if isinstance(place.found, Record)
                else {"row": place.row, **_told(place.found)}
                for place in places
            ]
            yield pyarrow.RecordBatch.from_pylist(rows, schema=CASES)


def case_from(kept: str) -> Case:
    """The case that a worker read, from its column."""
    return Case.from_json(orjson.loads(kept))


def keys_of_cases(batches: Iterable[Any]) -> Generator[Any, None, None]:
    """Batches with ``row`` and ``grams`` to batches of the schema KEYS."""
    for batch in batches:
        prints = map(Fingerprint, batch.column("grams").to_pylist())
        found = [
            (key, row, kind)
            for row, print_ in zip(batch.column("row").to_pylist(), prints, strict=True)
            for kind, of_kind in _by_kind(keys_of(print_))
            for key in of_kind
        ]
        yield _batch(found, KEYS)


def measure_ends(batches: Iterable[Any], *, limits: Limits) -> Generator[Any, None, None]:
    """Batches with the columns ENDS to batches of the schema PAIRS, less those that say nothing."""
    for batch in batches:
        columns = (batch.column(name).to_pylist() for name in ENDS)
        prints: dict[int, Fingerprint] = {}
        share: dict[Pair, bool] = {}
        for low, high, shares, low_grams, high_grams in zip(*columns, strict=True):
            prints |= {low: Fingerprint(low_grams), high: Fingerprint(high_grams)}
            share[low, high] = shares
        rows = [
            (*pair, found.copied, found.retold, found.clauses)
            for pair, found in measure_all(prints, share, least=limits.near).items()
            if is_worth_keeping(found, share=share[pair], limits=limits)
        ]
        yield _batch(rows, PAIRS)


def _number_of(place: BatchRow) -> int:
    if place.row is None or place.row < 1:
        raise RowsError(f"batch: found {place.row} as row, wanted a number from 1 on in each row")
    return place.row


def _told(fault: RowFault) -> dict[str, str | None]:
    return {"fault_field": fault.field, "fault": fault.reason}


def _by_kind(keys: TextKeys) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return ("band", keys.bands), ("clause", keys.clauses), ("word", keys.words)


def _batch(rows: Sequence[tuple[Any, ...]], schema: Any) -> Any:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pyarrow.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
    return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def likeness_of(pairs: Any) -> dict[tuple[int, int], Likeness]:
    """A table of the schema PAIRS as ``models.links`` wants it."""
    return {
        (row["low"], row["high"]): Likeness(row["copied"], row["retold"], row["clauses"])
        for row in pairs.to_pylist()
    }
