"""Small files of rows as users have them, and what is read from them."""

import openpyxl
import pyarrow
import pyarrow.parquet

from models.record import Record
from models.rows import ReadingNote, RowFault, read_records


def read(path, **options):
    items = list(read_records(path, **options))
    records = [item for item in items if isinstance(item, Record)]
    return records, [item for item in items if isinstance(item, RowFault)]


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def note_of(path, **options):
    notes: list[ReadingNote] = []
    list(read_records(path, on_note=notes.append, **options))
    return notes[0]


def workbook(path, rows, *, title="台账"):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def parquet(path, columns):
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path
