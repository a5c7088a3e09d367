"""Importing: the cases of a file assessed, stored and linked, as if they had been sent.

What is there already is passed over, so an interrupted import goes on where it stopped. A case
without an id is named after file and row: the same file names it alike again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console

from models.record import Record
from models.rows import ReadingNote, RowFault
from serving.contracts import Analyzer
from serving.engines.reading import assess_sorted
from serving.files.linking import read_linkable
from serving.files.partial import file_digest
from serving.files.progress import RateBar
from serving.files.scoring import CHUNK
from serving.register.accepting import Accepted
from serving.register.register import Register


@dataclass(frozen=True, slots=True)
class Imported:
    """How many cases were new, how many were there before, and the rows that gave none."""

    new: int
    known: int
    faults: tuple[RowFault, ...]


def import_file(
    source: Path,
    *,
    register: Register,
    analyzer: Analyzer,
    actor: str,
    fields: Mapping[str, str] | None = None,
    console: Console | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Imported:
    """Import every record of a file. Raises RowsError, RegisterUnavailableError."""
    faults: list[RowFault] = []
    total = sum(not isinstance(row, RowFault) for row in read_linkable(source, fields=fields))
    records = _records(source, faults, fields, on_note)
    done = 0
    written: Future[list[Accepted]] | None = None
    with RateBar(console, total=total) as advance:
        while chunk := list(islice(records, CHUNK)):
            unknown = register.unknown(chunk)
            advance(len(chunk) - len(unknown))
            answers = assess_sorted(unknown, analyzer, advance=advance)
            pairs = list(zip(unknown, answers, strict=True))
            done += _new(written)
            written = register.submit(pairs, actor=actor)  # written while the next are read
        done += _new(written)
    return Imported(done, total - done, tuple(faults))


def _records(
    source: Path,
    faults: list[RowFault],
    fields: Mapping[str, str] | None,
    on_note: Callable[[ReadingNote], None] | None,
) -> Iterator[Record]:
    file = file_digest(source)[:12]
    for row in read_linkable(source, fields=fields, on_note=on_note, prefix=file):
        if isinstance(row, RowFault):
            faults.append(row)
        else:
            yield row


def _new(written: Future[list[Accepted]] | None) -> int:
    found: Sequence[Accepted] = () if written is None else written.result()
    return sum(one.new for one in found)
