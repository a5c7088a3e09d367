"""CSV and TSV: encoding found, delimiter found, header found; malformed rows are faults.

Line numbers are the file's physical lines; a row of several lines has the number of its first.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TextIO

from models.rows.cells import DIGIT_FIELDS
from models.rows.charset import DAMAGED, find_encoding
from models.rows.columns import HEADER_WITHIN, Columns, Header, field_of, no_text_column
from models.rows.row import Row, RowFault, RowsError, Tally

_ROUNDED = re.compile(r"\s*\d(?:\.\d+)?E\+\d+\s*", re.IGNORECASE)
_DELIMITERS = (",", ";", "\t")


def read(path: Path, columns: Columns, tally: Tally) -> Iterator[Row | RowFault]:
    """Each row below the header that is not blank, cells under field names, or its fault."""
    encoding = find_encoding(path)
    tally.encoding = encoding
    # surrogateescape keeps a damaged byte visible, so that only its own row is lost.
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as stream:
        try:
            yield from _read_stream(path, stream, columns, tally)
        except UnicodeDecodeError as error:  # UTF-16 has no way to keep damage to one row
            raise RowsError(f"{path}: found damaged {encoding}, wanted valid text") from error


def _read_stream(
    path: Path, stream: TextIO, columns: Columns, tally: Tally
) -> Iterator[Row | RowFault]:
    delimiter, skip, header = _find_layout(path, stream, columns)
    stream.seek(0)
    tally.ignore(header.ignored)
    for number, cells in islice(_rows(path, stream, delimiter), skip, None):
        if isinstance(cells, RowFault):
            yield cells
        elif not any(cell.strip() for cell in cells):
            tally.blank_rows += 1
        else:
            row = parse_cells(cells, header, file=str(path), number=number)
            yield _undamaged(row, tally) if isinstance(row, Row) else row


def _undamaged(row: Row, tally: Tally) -> Row:
    """Without digits that a spreadsheet has rounded before it wrote the file (6.22202E+18)."""
    lost = {
        field
        for field, cell in row.values.items()
        if field in DIGIT_FIELDS and _ROUNDED.fullmatch(cell)
    }
    tally.left_out.update(lost)
    kept = {field: None if field in lost else cell for field, cell in row.values.items()}
    return replace(row, values=kept)


def parse_cells(cells: list[str], header: Header, *, file: str, number: int) -> Row | RowFault:
    """The cells under their field names; more cells than columns, or damaged bytes, are a fault."""
    wanted = len(header.fields)
    if any(cell.strip() for cell in cells[wanted:]):
        reason = f"found {len(cells)} cells, wanted {wanted} as in the header"
        return RowFault(file, number, None, f"{reason} (a text with a delimiter needs quotes)")
    named = header.named(cells)
    for field, cell in named.items():
        damaged = DAMAGED.search(cell)
        if damaged:
            byte = f"byte 0x{ord(damaged[0]) - 0xDC00:02x} at character {damaged.start() + 1}"
            return RowFault(
                file, number, field_of(field), f"found {byte}, which the file's encoding lacks"
            )
    return Row(file, number, named)


def _rows(path: Path, stream: TextIO, delimiter: str) -> Iterator[tuple[int, list[str] | RowFault]]:
    """(first line, cells) of each row; strict, since lenient reading swallows rows unseen."""
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            to = f" to line {reader.line_num}" if reader.line_num > number else ""
            reason = f"broken quotes from line {number}{to} ({_cause(error)}), wanted valid CSV"
            yield number, RowFault(str(path), number, None, reason)
        else:
            yield number, cells


def _cause(error: csv.Error) -> str:
    known = {"unexpected end of data": "a quote is never closed"}
    return known.get(str(error), str(error))


def _find_layout(path: Path, stream: TextIO, columns: Columns) -> tuple[str, int, Header]:
    """(delimiter, rows up to and with the header, header): the delimiter that knows most names."""
    tried = {delimiter: _first_rows(path, stream, delimiter) for delimiter in _DELIMITERS}
    found = {delimiter: columns.find_header(rows) for delimiter, rows in tried.items()}
    usable = [(delimiter, *hit) for delimiter, hit in found.items() if hit is not None]
    if not usable:
        widest = max(tried.values(), key=lambda rows: max(map(len, rows), default=0))
        raise no_text_column(str(path), columns, widest)
    delimiter, place, header = max(usable, key=lambda hit: hit[2].known)
    return delimiter, place + 1, header


def _first_rows(path: Path, stream: TextIO, delimiter: str) -> list[list[str]]:
    stream.seek(0)
    rows = islice(_rows(path, stream, delimiter), HEADER_WITHIN)
    return [cells if isinstance(cells, list) else [] for _, cells in rows]
