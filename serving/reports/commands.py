"""``xiaobao report``: the root causes of a month as XLSX, CSV and HTML."""

from pathlib import Path
from typing import Annotated

import typer

from serving.options import DatabaseUrl


def report(
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="月份 · month of receipt")],
    out: Annotated[Path, typer.Option(help="输出目录 · folder for the three files")],
    database: DatabaseUrl = None,
    bundle: Annotated[
        Path | None, typer.Option(help="模型包目录,用其名称 · bundle whose names are used")
    ] = None,
) -> None:
    """投诉根因月度分析:XLSX、CSV、HTML · Root causes of a month; figures only, no complaint.

    Exit codes: 0 done, 2 wrong usage.
    """
    from models.bundle import load_bundle
    from serving.register.opening import open_register
    from serving.reports.figures import TREND, make_report
    from serving.reports.month import Month
    from serving.reports.reading import read_reported
    from serving.reports.writing import write_report
    from serving.settings import read_settings
    from serving.vocabulary import Vocabulary, read_words

    wanted = Month.parse(month)
    settings = read_settings(database=database, bundle=bundle)
    with open_register(settings) as register:
        cases = read_reported(register, wanted.before(TREND - 1), wanted)
    loaded = load_bundle(settings.bundle)
    words = Vocabulary(loaded.taxonomy, loaded.codebook, read_words())
    made = make_report(cases, wanted, words)
    for path in write_report(made, out):
        typer.echo(str(path))
    count = sum(case.month == wanted for case in cases)
    typer.echo(f"{wanted}: {count} 件 cases", err=True)
