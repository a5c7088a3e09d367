"""What ``assess`` says: a table of answers, or how many went into a file. Knows no HTTP."""

from collections import Counter
from itertools import islice
from pathlib import Path

import typer
from rich.console import Console

from models.rows import RowFault
from serving.contracts import Analyzer
from serving.engines.engine import Engine
from serving.engines.reading import assess_sorted
from serving.files.inputs import Input
from serving.files.notes import interruptible, tell
from serving.files.scoring import CHUNK, keep_records, numbered, score_input
from serving.files.tables import advice_of, assessment_table, summary

_PIPED_WIDTH = 110


def wide(console: Console) -> Console:
    """The console, or one of a fixed width where nobody's terminal says how wide it is."""
    if console.is_terminal:
        return console
    return Console(width=_PIPED_WIDTH, stderr=console.stderr)


def score(
    given: Input,
    out: Path,
    analyzer: Analyzer,
    *,
    engine: Engine | None,
) -> int:
    """Assesses an input into ``out``, by the engine if one is given, and says what came of it.

    Gives the number of failed rows.
    """
    console = Console(stderr=True)
    with interruptible():
        outcome = score_input(
            given,
            out,
            analyzer=analyzer,
            engine=engine,
            console=console,
            on_note=lambda n: tell(n, console),
        )
    resumed = f", {outcome.resumed} earlier" if outcome.resumed else ""
    typer.echo(f"{out}: {outcome.answered} 件 cases{resumed}", err=True)
    if outcome.errors:
        typer.echo(f"{outcome.errors}: {outcome.failed} 行失败 failed rows", err=True)
    return outcome.failed


def show(given: Input, analyzer: Analyzer) -> int:
    """Prints the table of an input's answers; gives the number of failed rows."""
    console = wide(Console())
    faults: list[RowFault] = []
    about = analyzer.description
    names = {one["id"]: one["name"] for one in (*about["levels"], *about["routes"])}
    found: Counter[str] = Counter()
    reviews = 0
    notes = Console(stderr=True)
    rows = given.read(on_note=lambda note: tell(note, notes))
    records = keep_records(numbered(rows), faults=faults)
    while group := list(islice(records, CHUNK)):
        answers = assess_sorted([record for _, record in group], analyzer)
        shown = zip((number for number, _ in group), answers, strict=True)
        console.print(assessment_table(shown, names=names, width=console.width))
        found.update(map(advice_of, answers))
        reviews += sum(answer.review.needed for answer in answers)
    for fault in faults:
        typer.echo(str(fault), err=True)
    console.print()
    console.print(summary(found, reviews=reviews, failed=len(faults), names=names))
    return len(faults)
