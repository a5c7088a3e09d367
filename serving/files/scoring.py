"""Files scored: records in, assessments out, in input order; interrupted runs go on.

Streams: one chunk of records is in memory at a time. Knows no HTTP and needs no serving extra.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.assessment import Assessment, as_json
from models.record import Record
from models.rows import ReadingNote, RowFault, parse_record, read_rows
from serving.contracts import Analyzer
from serving.files.partial import PartFile, fingerprint, write_whole
from serving.files.writers import OutputError, find_writer

CHUNK = 512
_STRIDE = 64

Numbered = tuple[int, Record]


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
    chunk: int = CHUNK,
    batch_tokens: int = 4096,
    console: Console | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Outcome:
    """Assess every record of ``source`` into ``out`` (.jsonl, .csv or .parquet).

    Rows without a record go to ``<out stem>.errors.jsonl``. An interrupted run with the same input
    and bundle goes on after the last whole chunk. A progress bar is drawn on ``console``. Raises
    RowsError for an unreadable input, OutputError for an output that cannot be written.
    """
    write = find_writer(out)
    _check_place(source, out)
    faults: list[RowFault] = []
    total = _count_records(source)
    about = analyzer.description
    used = {name: str(about.get(name)) for name in ("bundle", "runtime")}
    owner = {"input": fingerprint(source), **used}
    rows = keep_records(read_numbered(source, on_note=on_note), faults=faults)
    with _writing(out):
        with PartFile(out, owner=owner) as part, RateBar(console, total=total) as advance:
            numbers = [number for number, _ in islice(rows, part.done)]
            advance(part.done)
            while group := list(islice(rows, chunk)):
                records = [record for _, record in group]
                answers = assess_sorted(
                    records, analyzer, batch_tokens=batch_tokens, advance=advance
                )
                part.append(orjson.dumps(as_json(answer)) for answer in answers)
                numbers.extend(number for number, _ in group)
        write(out, zip(numbers, part.lines(), strict=True))
        errors = _write_errors(out, faults)
        part.remove()
    return Outcome(len(numbers), part.done, len(faults), errors)


def assess_sorted(
    records: Sequence[Record],
    analyzer: Analyzer,
    *,
    batch_tokens: int = 4096,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Assessment]:
    """The assessments in the order of ``records``, read in order of length: less padding."""
    order = sorted(range(len(records)), key=lambda index: len(records[index].text))
    answers: dict[int, Assessment] = {}
    for start in range(0, len(order), _STRIDE):
        places = order[start : start + _STRIDE]
        found = analyzer.assess([records[place] for place in places], batch_tokens=batch_tokens)
        answers.update(zip(places, found, strict=True))
        advance(len(places))
    return [answers[place] for place in range(len(records))]


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
    source: Path, *, on_note: Callable[[ReadingNote], None] | None = None
) -> Iterator[Numbered | RowFault]:
    """Each row of the file: its number as the user sees it and its record, or its fault."""
    for row in read_rows(source, on_note=on_note):
        if isinstance(row, RowFault):
            yield row
            continue
        record = parse_record(row)
        yield record if isinstance(record, RowFault) else (row.number, record)


def _count_records(source: Path) -> int:
    return sum(not isinstance(row, RowFault) for row in read_numbered(source))


def _check_place(source: Path, out: Path) -> None:
    if not out.parent.is_dir():
        raise OutputError(f"{out}: found no directory {out.parent}, wanted an existing one")
    if out.is_dir():
        raise OutputError(f"{out}: is a directory, wanted a file")
    # The list of failed rows is written too, or removed: an input of that name would be lost.
    for written in (out, _errors_beside(out)):
        if written.exists() and source.exists() and written.samefile(source):
            raise OutputError(f"{out}: {written.name} is the input itself, wanted another name")


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Errors of the system as OutputError; those of the input are a RowsError already."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(f"{out}: cannot be written ({why}), wanted a place to write") from error


def _errors_beside(out: Path) -> Path:
    return out.with_suffix(".errors.jsonl")


def _write_errors(out: Path, faults: Sequence[RowFault]) -> Path | None:
    errors = _errors_beside(out)
    if not faults:
        errors.unlink(missing_ok=True)  # of an earlier run: it would tell of rows now mended
        return None
    write_whole(errors, (orjson.dumps(asdict(fault)) + b"\n" for fault in faults))
    return errors


class RateBar:
    """A progress bar with a rate; silent without a console. Called with the records done."""

    def __init__(self, console: Console | None, *, total: int) -> None:
        self._progress = Progress(
            TextColumn("分析 assessing"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=console is None,
        )
        self._task = self._progress.add_task("assess", total=total, rate="")

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return self._advance

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _advance(self, count: int) -> None:
        speed = self._progress.tasks[0].speed
        self._progress.update(self._task, advance=count, rate=f"{speed:.0f}/s" if speed else "")
