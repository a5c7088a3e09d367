"""Records and answers as Arrow record batches: the two schemas, and the way there and back.

One row out a row in, in order: a row that gives no record keeps its place and says why. Knows
neither an engine nor a file. Needs the extra batch.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow

from models.assessment import Assessment, as_json
from models.record import Record
from models.rows import RECORD_FIELDS, Columns, Row, RowFault, parse_record, settle
from models.rows.columns import no_text_column
from serving.engines.engine import Numbered
from serving.engines.flat import COLUMNS, Kind, flat

_TYPES: Mapping[Kind, Any] = {
    "text": pyarrow.string(),
    "number": pyarrow.float64(),
    "whole": pyarrow.int64(),
    "yes_no": pyarrow.bool_(),
    "list": pyarrow.list_(pyarrow.string()),
}
_TEXT, _WHOLE = _TYPES["text"], _TYPES["whole"]

FLAT = pyarrow.schema([(name, _TYPES[kind]) for name, kind in COLUMNS.items()])
"""The flat columns of an answer: labels and numbers, no words of a text."""

RECORDS = pyarrow.schema([("row", _WHOLE), *((name, _TEXT) for name in RECORD_FIELDS)])
"""A record a row. Only ``text`` must be there; ``row`` is the number that the answer repeats."""

ANSWERS = pyarrow.schema([*FLAT, ("fault_field", _TEXT), ("fault", _TEXT), ("assessment", _TEXT)])
"""An answer a row: COLUMNS; why there is none (``fault``, then COLUMNS but ``row`` and ``case_id``
are null); the whole answer as JSON with evidence, hence words of the complaint (``assessment``)."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row of a batch: its number and case, where it has them, and its record or fault."""

    row: int | None
    case_id: str | None
    found: Record | RowFault


def batch_of(records: Sequence[Numbered]) -> Any:
    """Records with their row numbers as one batch of the schema RECORDS."""
    columns = [[row for row, _ in records]]
    columns += [[getattr(record, name) for _, record in records] for name in RECORD_FIELDS]
    return pyarrow.RecordBatch.from_arrays(
        [pyarrow.array(c, f.type) for c, f in zip(columns, RECORDS, strict=True)], schema=RECORDS
    )


def read_batch(batch: Any, columns: Columns) -> list[BatchRow]:
    """Each row of a batch: its number, where it has one, and its record or fault.

    Column names may be any that files may have. Raises RowsError for a batch without a text column.
    """
    names = list(batch.schema.names)
    header = columns.match(names)
    if "text" not in header.fields:
        raise no_text_column("batch", columns, [names])
    fields = {name: field for field, name in header.named(names).items()}
    rows = batch.column("row").to_pylist() if "row" in names else [None] * batch.num_rows
    cells = batch.select(list(fields)).to_pylist()
    return [_place(row, cell, fields) for row, cell in zip(rows, cells, strict=True)]


def answers_batch(places: Iterable[BatchRow], answers: Iterable[Assessment], *, whole: bool) -> Any:
    """The answers of a batch's rows, ``answers`` being those of its records in order.

    Without ``whole`` the last column is left out: the batch then holds no word of a complaint.
    """
    schema = answers_schema(whole=whole)
    found = iter(answers)
    rows = []
    for place in places:
        if isinstance(place.found, RowFault):
            rows.append(_fault(place, place.found))
            continue
        line = as_json(next(found))
        rows.append({**flat(place.row, line), **({"assessment": _text(line)} if whole else {})})
    return pyarrow.RecordBatch.from_pylist(rows, schema=schema)


def answers_schema(*, whole: bool = True) -> Any:
    """ANSWERS, or all of it but the column with words of the complaint."""
    return ANSWERS if whole else pyarrow.schema(list(ANSWERS)[:-1])


def _place(row: int | None, cells: Mapping[str, Any], fields: Mapping[str, str]) -> BatchRow:
    values = {fields[name]: cell for name, cell in cells.items()}
    # A table of a cluster has nobody to tell: a value that is of no use loses no complaint.
    found = parse_record(settle(Row("batch", row or 0, values), Counter()))
    if isinstance(found, Record):
        return BatchRow(row, found.case_id, found)
    named = parse_record(Row("batch", row or 0, {"text": "-", "case_id": values.get("case_id")}))
    return BatchRow(row, named.case_id if isinstance(named, Record) else None, found)


def _fault(place: BatchRow, fault: RowFault) -> dict[str, Any]:
    said = {"fault_field": fault.field, "fault": fault.reason}
    return {"row": place.row, "case_id": place.case_id, **said}


def _text(line: Mapping[str, Any]) -> str:
    return orjson.dumps(line).decode()
