"""Parquet, in batches: only the columns that have a field are decoded. Needs the extra batch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.extras import need
from models.rows.cells import is_rounded
from models.rows.columns import Columns, field_of, no_text_column
from models.rows.row import Row, RowFault, RowsError, Tally

_BATCH = 1024
_BUFFER = 2**20


def read(path: Path, columns: Columns, tally: Tally) -> Iterator[Row | RowFault]:
    """Each row (1-based), cells under field names; a row without any value is blank.

    Raises RowsError for a damaged table, MissingExtraError without Arrow.
    """
    arrow = need("pyarrow", extra="batch", use=str(path))
    parquet = need("pyarrow.parquet", extra="batch", use=str(path))
    try:
        # Else whole columns of a row group, and one row group may be the file, are in memory.
        with parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as table:
            names = list(table.schema_arrow.names)
            header = columns.match(names)
            if "text" not in header.fields:
                raise no_text_column(str(path), columns, [names])
            tally.ignore(header.ignored)
            fields = {name: field for field, name in header.named(names).items()}
            yield from _read_batches(path, table, fields, tally)
    except arrow.ArrowException as error:
        reason = "found no Parquet table or a damaged one"
        raise RowsError(f"{path}: {reason} ({type(error).__name__}), wanted .parquet") from error


def _read_batches(
    path: Path, table: Any, fields: dict[str, str], tally: Tally
) -> Iterator[Row | RowFault]:
    number = 0
    for batch in table.iter_batches(batch_size=_BATCH, columns=list(fields)):
        for cells in batch.to_pylist():
            number += 1
            values = {fields[name]: cell for name, cell in cells.items() if name in fields}
            if all(value is None or value == "" for value in values.values()):
                tally.blank_rows += 1
                continue
            yield Row(str(path), number, _undamaged(values, tally))


def _undamaged(values: dict[str, Any], tally: Tally) -> dict[str, Any]:
    """Without numbers that a float has rounded (a column of digits with gaps, from pandas)."""
    rounded = [field for field, value in values.items() if is_rounded(value)]
    tally.left_out.update(map(field_of, rounded))
    return {field: None if field in rounded else value for field, value in values.items()}
