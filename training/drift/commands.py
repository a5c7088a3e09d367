"""The command ``drift``. Imports what it needs when it runs.

Exit codes: 0 done, 1 done but some rows failed, 2 wrong usage or unreadable input.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.options import Seed

if TYPE_CHECKING:
    from models.record import Record


def drift(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="以往的投诉 · a file")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="近期的投诉 · a file")],
    report: Annotated[
        Path | None, typer.Option("--report", help="报告目录 · writes drift.md and drift.json")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="模型包目录,默认用内置的 · bundle directory")
    ] = None,
    seed: Seed = 0,
) -> None:
    """无需标注,检查近期投诉是否偏离以往 · Have complaints drifted from what they were? No labels.

    Compares texts, answers and how sure the bundle is, 50 complaints or more a side: jsonl, csv,
    xlsx or parquet. The report holds no complaint's text.
    """
    import rich.table

    from models.analyzer import load_analyzer
    from training.drift.drift import Read, find_drift
    from training.drift.page import summary, tables, write_page
    from training.examples.provenance import learned_from
    from training.terminal import plain_console

    analyzer = load_analyzer(bundle)
    console = plain_console(stderr=False)
    (records, faults), (others, more) = (_records(file) for file in (before, after))
    one, two = (
        Read([record.text for record in found], analyzer.assess(found))
        for found in (records, others)
    )
    learned = learned_from(records, analyzer.bundle.manifest)
    found = find_drift(one, two, learned=learned, seed=seed)
    for table in tables(found):
        drawn = rich.table.Table(title=table.title, title_justify="left")
        for column in table.columns:
            drawn.add_column(column)
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn, soft_wrap=False)
    for line in summary(found):
        console.print(line)
    if report is not None:
        console.print("、".join(map(str, write_page(found, report))))
    raise typer.Exit(1 if faults or more else 0)


def _records(file: Path) -> "tuple[list[Record], int]":
    """The complaints of a file, and how many rows gave none."""
    from training.examples.annotating.cases import read_cases

    cases, faults = read_cases(file)
    for fault in faults:
        typer.echo(str(fault), err=True)
    return [case.record for case in cases], len(faults)
