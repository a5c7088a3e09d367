"""The way in: a path to its reader, by suffix. Streams; one row is in memory at a time.

Constant memory for JSONL, CSV and Parquet; XLSX keeps the workbook's shared strings.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from models.record import Record
from models.rows import columnar, lines, separated, sheets
from models.rows.cells import parse_record, settle
from models.rows.columns import Columns
from models.rows.row import ReadingNote, Row, RowFault, RowsError, Tally, unreadable

_READERS: Mapping[str, Callable[[Path, Columns, Tally], Iterator[Row | RowFault]]] = {
    ".jsonl": lines.read,
    ".ndjson": lines.read,
    ".csv": separated.read,
    ".tsv": separated.read,
    ".xlsx": sheets.read,
    ".parquet": columnar.read,
}
SUFFIXES: tuple[str, ...] = tuple(_READERS)


def read_records(
    path: Path,
    *,
    fields: Mapping[str, str] | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Iterator[Record | RowFault]:
    """Each row that is not blank, in file order: its record, or why there is none.

    ``fields`` maps the file's own column names to record fields, beyond the names known;
    ``on_note`` is called once, when the file is read out. Raises `RowsError`, at the first
    item, for a file that as a whole cannot be read.
    """
    for row in read_rows(path, fields=fields, on_note=on_note):
        yield row if isinstance(row, RowFault) else parse_record(row)


def read_rows(
    path: Path,
    *,
    fields: Mapping[str, str] | None = None,
    also: Collection[str] = (),
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Iterator[Row | RowFault]:
    """Like `read_records`, one step earlier: with the ``also`` fields, whose cells are unchecked.

    An optional value that is of no use in its field is left out and counted in the note.
    """
    if path.is_dir():
        raise RowsError(f"{path}: found a directory, wanted a file ({', '.join(SUFFIXES)})")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise RowsError(
            f"{path}: found suffix {path.suffix or 'none'!r}, wanted one of {', '.join(SUFFIXES)}"
        )
    tally = Tally(str(path))
    try:
        for row in reader(path, Columns(fields, also=also), tally):
            tally.rows += 1
            yield row if isinstance(row, RowFault) else settle(row, tally.unused, but=also)
    except OSError as error:
        raise unreadable(path, error) from error
    if on_note is not None:
        on_note(tally.note())


def read_piped(
    stream: BinaryIO,
    *,
    name: str,
    objects: bool,
    fields: Mapping[str, str] | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Iterator[Row | RowFault]:
    """Like `read_rows`, for lines without a file: a text each, or a JSON object each.

    Raises `RowsError` where no line holds anything.
    """
    tally = Tally(name)
    found = (
        lines.read_objects(stream, Columns(fields), tally)
        if objects
        else lines.read_texts(stream, tally)
    )
    for row in found:
        tally.rows += 1
        yield row if isinstance(row, RowFault) else settle(row, tally.unused)
    if not tally.rows:
        raise RowsError(f"{name}: found no complaint, wanted one a line")
    if on_note is not None:
        on_note(tally.note())
