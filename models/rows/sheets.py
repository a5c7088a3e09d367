"""XLSX workbooks: titles above the header, empty rows, date cells. Values only, no formulas.

Every sheet with a text column is read, in order; the others are named in the note. Excel keeps
15 digits of a number: a longer one has lost its end and is left out, counted in the note.
"""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.exceptions import InvalidFileException

from models.rows.columns import HEADER_WITHIN, Columns, Header, field_of, no_text_column
from models.rows.row import Row, RowFault, RowsError, Tally

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_MOST_DIGITS = 10**15
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_DAY_NUMBERS = range(20_000, 80_000)  # 1954 to 2119, as Excel counts days


def read(path: Path, columns: Columns, tally: Tally) -> Iterator[Row | RowFault]:
    """Each row below a header that is not blank, cells under field names."""
    workbook = _open(path)
    seen: list[Sequence[object]] = []
    found_any = False
    try:
        for sheet in workbook.worksheets:
            file = str(path) if len(workbook.worksheets) == 1 else f"{path}[{sheet.title}]"
            rows = _rows_of(sheet)
            top = list(islice(rows, HEADER_WITHIN))
            found = columns.find_header(top)
            if found is None:
                tally.skipped_sheets.append(sheet.title)
                seen.extend(top)
                continue
            found_any = True
            yield from _read_sheet(file, chain(top, rows), found, tally, workbook.epoch)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, SyntaxError) as error:
        raise RowsError(f"{path}: found a damaged sheet ({type(error).__name__})") from error
    finally:
        workbook.close()
    if not found_any:
        raise no_text_column(str(path), columns, seen)


def _read_sheet(
    file: str,
    rows: Iterator[Sequence[Any]],
    found: tuple[int, Header],
    tally: Tally,
    epoch: Any,
) -> Iterator[Row]:
    place, header = found
    tally.ignore(header.ignored)
    for number, cells in enumerate(islice(rows, place + 1, None), start=place + 2):
        if all(cell is None or not str(cell).strip() for cell in cells):
            tally.blank_rows += 1
            continue
        named = header.named(cells)
        yield Row(file, number, {f: _value(f, cell, tally, epoch) for f, cell in named.items()})


def _value(field: str, cell: Any, tally: Tally, epoch: Any) -> Any:
    number = isinstance(cell, int | float) and not isinstance(cell, bool)
    if number and abs(cell) >= _MOST_DIGITS:
        tally.left_out[field_of(field)] += 1
        return None
    if number and field_of(field) == "received_at" and int(cell) in _DAY_NUMBERS:
        return from_excel(cell, epoch)
    if not isinstance(cell, str):
        return cell
    return None if cell in ERROR_CODES else unescape(cell)


def unescape(cell: str) -> str:
    """A text of a workbook with its control characters, which stand as ``_x000D_`` there."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), cell)


def _rows_of(sheet: Any) -> Iterator[tuple[Any, ...]]:
    # Some exporters write a wrong size into the sheet, and openpyxl would stop there.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(values_only=True)
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which no text depends on
            row = next(rows, None)
        if row is None:
            return
        yield row


def _open(path: Path) -> Any:
    with path.open("rb") as stream:
        if stream.read(8) == _OLE:
            raise RowsError(
                f"{path}: found an old or encrypted Excel file, wanted .xlsx without a password"
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RowsError(
            f"{path}: found no Excel workbook inside, wanted .xlsx (Office Open XML)"
        ) from error
