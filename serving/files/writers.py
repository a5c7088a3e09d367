"""Assessments as files: JSONL whole, CSV and Parquet as flat columns, one row a record.

Flat columns (``serving.engines.flat``) hold labels and numbers, no words of the complaint: evidence
stands in JSONL only. Lists are joined with ``;`` in CSV. Parquet needs the extra batch.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from models.extras import need
from models.whole_files import place_beside, write_whole
from serving.engines.flat import COLUMNS, flat
from serving.files.places import check_suffix

_ROW_GROUP = 4096


def find_writer(out: Path) -> Callable[[Path, Iterable[tuple[int, bytes]]], None]:
    """The writer for the suffix of ``out``; it takes pairs of input row and assessment line.

    Raises OutputError for another suffix, MissingExtraError for Parquet without its extra.
    """
    if out.suffix.lower() == ".parquet":
        need("pyarrow", extra="batch", use=str(out))
    check_suffix(out, _WRITERS)
    return _WRITERS[out.suffix.lower()]


def _write_jsonl(out: Path, answers: Iterable[tuple[int, bytes]]) -> None:
    write_whole(out, (line for _, line in answers))


def _write_csv(out: Path, answers: Iterable[tuple[int, bytes]]) -> None:
    write_whole(out, _csv_blocks(answers))


def _write_parquet(out: Path, answers: Iterable[tuple[int, bytes]]) -> None:
    from pyarrow import Table
    from pyarrow.parquet import ParquetWriter

    from serving.engines.wire import FLAT

    rows = _flat_rows(answers)
    with place_beside(out) as place:
        with ParquetWriter(place, FLAT) as writer:
            while group := list(islice(rows, _ROW_GROUP)):
                writer.write_table(Table.from_pylist(group, schema=FLAT))
        place.replace(out)


def _csv_blocks(answers: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    # Excel takes a CSV without this mark for the system's code page and garbles Chinese.
    yield b"\xef\xbb\xbf"
    yield _csv_line(COLUMNS)
    for row in _flat_rows(answers):
        yield _csv_line(_joined(value) for value in row.values())


def _csv_line(cells: Iterable[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


def _joined(value: Any) -> Any:
    return ";".join(value) if isinstance(value, list) else value


def _flat_rows(answers: Iterable[tuple[int, bytes]]) -> Iterator[dict[str, Any]]:
    return (flat(row, orjson.loads(line)) for row, line in answers)


_WRITERS: Mapping[str, Callable[[Path, Iterable[tuple[int, bytes]]], None]] = {
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
