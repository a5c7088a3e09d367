"""Files in: rows of JSONL, CSV, XLSX and Parquet as records, with every bad row named.

Streams; knows nothing about labels, models or HTTP. Needs no `datasets` and no pandas.
"""

from models.rows.cells import parse_record, settle
from models.rows.columns import ALIASES, RECORD_FIELDS, Columns
from models.rows.reading import SUFFIXES, read_piped, read_records, read_rows
from models.rows.row import ReadingNote, Row, RowFault, RowsError

__all__ = [
    "ALIASES",
    "RECORD_FIELDS",
    "SUFFIXES",
    "Columns",
    "ReadingNote",
    "Row",
    "RowFault",
    "RowsError",
    "parse_record",
    "read_piped",
    "read_records",
    "read_rows",
    "settle",
]
