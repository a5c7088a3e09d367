"""Files scored: records in, assessments out, in input order; interrupted runs go on.

Streams: whatever the size of the file, a few batches of records are in memory at a time. Knows no
HTTP and needs no serving extra; what reads the batches is an engine.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from models.rows import ReadingNote, RowFault, parse_record, read_rows
from serving.contracts import Analyzer
from serving.engines.engine import Answered, Engine, Numbered
from serving.engines.local import Alone
from serving.files.faults import FaultFile
from serving.files.partial import PartFile, fingerprint
from serving.files.places import check_place, writing
from serving.files.progress import RateBar
from serving.files.writers import find_writer

CHUNK = 512
_MOST_CHARACTERS = 1_000_000  # of a batch: long texts come in smaller ones
_FORMAT = "row answer"  # of a line of the part file


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: records answered, how many of them earlier, rows that failed."""

    answered: int
    resumed: int
    failed: int
    errors: Path | None


def score_file(
    source: Path,
    out: Path,
    *,
    analyzer: Analyzer,
    engine: Engine | None = None,
    fields: Mapping[str, str] | None = None,
    chunk: int = CHUNK,
    console: Console | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Outcome:
    """Assess every record of ``source`` into ``out`` (.jsonl, .csv or .parquet).

    ``analyzer`` reads, unless an ``engine`` with the same bundle does. ``fields`` maps the file's
    own column names to a record's fields, beyond the names known. Rows without a record go to
    ``<out stem>.errors.jsonl``. An interrupted run with the same input and bundle goes on after the
    last whole batch. A progress bar is drawn on ``console``. Raises RowsError for an unreadable
    input, OutputError for an output that cannot be written, BusyError while another run writes it,
    EngineError for an engine that fails.
    """
    write = find_writer(out)
    check_place(source, out)
    total = _count_records(source, fields)
    used = {name: str(analyzer.description.get(name)) for name in ("bundle", "runtime")}
    columns = json.dumps(sorted((fields or {}).items()), ensure_ascii=False)
    owner = {"input": fingerprint(source), **used, "lines": _FORMAT, "columns": columns}
    with writing(out), PartFile(out, owner=owner) as part, FaultFile(out) as faults:
        records = faults.sift(read_numbered(source, fields=fields, on_note=on_note))
        with RateBar(console, total=total, done=part.done) as advance:
            left = batches_of(_skip(records, part.done), chunk=chunk)
            with closing((engine or Alone(analyzer)).score(left, advance=advance)) as answers:
                answered = part.done + sum(part.append(_lines_of(batch)) for batch in answers)
        write(out, (_row_and_answer(line) for line in part.lines()))
        errors = faults.finish()
        part.remove()
    return Outcome(answered, part.done, faults.count, errors)


def batches_of(records: Iterable[Numbered], *, chunk: int) -> Iterator[list[Numbered]]:
    """The records in batches, bounded in rows and in characters."""
    rows: list[Numbered] = []
    size = 0
    for number, record in records:
        if rows and (len(rows) >= chunk or size + len(record.text) > _MOST_CHARACTERS):
            yield rows
            rows, size = [], 0
        rows.append((number, record))
        size += len(record.text)
    if rows:
        yield rows


def keep_records(
    rows: Iterable[Numbered | RowFault], *, faults: list[RowFault]
) -> Iterator[Numbered]:
    """The records with their row numbers; faults are put aside into ``faults``."""
    for row in rows:
        if isinstance(row, RowFault):
            faults.append(row)
        else:
            yield row


def read_numbered(
    source: Path,
    *,
    fields: Mapping[str, str] | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Iterator[Numbered | RowFault]:
    """Each row of the file: its number as the user sees it and its record, or its fault."""
    for row in read_rows(source, fields=fields, on_note=on_note):
        if isinstance(row, RowFault):
            yield row
            continue
        record = parse_record(row)
        yield record if isinstance(record, RowFault) else (row.number, record)


def _count_records(source: Path, fields: Mapping[str, str] | None) -> int:
    return sum(not isinstance(row, RowFault) for row in read_numbered(source, fields=fields))


def _skip(records: Iterable[Numbered], count: int) -> Iterator[Numbered]:
    return (record for place, record in enumerate(records) if place >= count)


def _lines_of(answers: Iterable[Answered]) -> Iterator[bytes]:
    """A line of the part file for each answer."""
    return (f"{row} {assessment}".encode() for row, assessment in answers)


def _row_and_answer(line: bytes) -> tuple[int, bytes]:
    row, _, answer = line.partition(b" ")
    return int(row), answer
