"""Files scored: records in, assessments out, in input order; interrupted runs go on.

Streams: whatever the size of the file, a few batches of records are in memory at a time. Knows no
HTTP and needs no serving extra; what reads the batches is an engine.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from models.rows import ReadingNote, Row, RowFault, parse_record
from models.whole_files import writing
from serving.contracts import Analyzer
from serving.engines.engine import Answered, Engine, Numbered
from serving.engines.local import Alone
from serving.files.faults import FaultFile
from serving.files.inputs import FileInput, Input
from serving.files.partial import PartFile
from serving.files.places import check_place
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
    """Assess every record of a file; ``fields`` maps its own column names to a record's fields.

    All else is as for `score_input`.
    """
    return score_input(
        FileInput(source, fields or {}),
        out,
        analyzer=analyzer,
        engine=engine,
        chunk=chunk,
        console=console,
        on_note=on_note,
    )


def score_input(
    given: Input,
    out: Path,
    *,
    analyzer: Analyzer,
    engine: Engine | None = None,
    chunk: int = CHUNK,
    console: Console | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Outcome:
    """Assess every record of an input into ``out`` (.jsonl, .csv or .parquet).

    ``analyzer`` reads, unless an ``engine`` with the same bundle does. Rows without a record go to
    ``<out stem>.errors.jsonl``. An interrupted run with the same input and bundle goes on after the
    last whole batch. A progress bar is drawn on ``console``. Raises RowsError for an unreadable
    input, OutputError for an output that cannot be written, BusyError while another run writes it,
    EngineError for an engine that fails.
    """
    write = find_writer(out)
    check_place(given.path, out)
    total = sum(not isinstance(row, RowFault) for row in numbered(given.read()))
    used = {name: str(analyzer.description.get(name)) for name in ("bundle", "runtime")}
    owner = {**given.owner(), **used, "lines": _FORMAT}
    with writing(out), PartFile(out, owner=owner) as part, FaultFile(out) as faults:
        records = faults.sift(numbered(given.read(on_note=on_note)))
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


def numbered(rows: Iterable[Row | RowFault]) -> Iterator[Numbered | RowFault]:
    """Each row's number, as the user sees it, with its record; or its fault."""
    for row in rows:
        if isinstance(row, RowFault):
            yield row
            continue
        record = parse_record(row)
        yield record if isinstance(record, RowFault) else (row.number, record)


def _skip(records: Iterable[Numbered], count: int) -> Iterator[Numbered]:
    return (record for place, record in enumerate(records) if place >= count)


def _lines_of(answers: Iterable[Answered]) -> Iterator[bytes]:
    """A line of the part file for each answer."""
    return (f"{row} {assessment}".encode() for row, assessment in answers)


def _row_and_answer(line: bytes) -> tuple[int, bytes]:
    row, _, answer = line.partition(b" ")
    return int(row), answer
