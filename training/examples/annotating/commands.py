"""The commands ``select`` and ``annotate``. Import what they need when they run.

Exit codes: 0 done, 1 done but some rows failed, 2 wrong usage or unreadable input.
"""

from pathlib import Path
from typing import Annotated

import typer

from training.options import Seed


def select(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="jsonl, csv, xlsx, parquet")],
    count: Annotated[int, typer.Option("--count", min=1, help="选出件数 · how many")],
    out: Annotated[Path, typer.Option("--out", help="选出的案件 · jsonl, with reasons")],
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="模型包目录,默认用内置的 · bundle directory")
    ] = None,
    seed: Seed = 0,
) -> None:
    """选出最值得标注的案件 · Select the cases that are most worth labelling, with the reason.

    Uncertain ones, labels with few examples, and no two alike: a group or a family of
    near-duplicates gives one case.
    """
    from models.analyzer import load_analyzer
    from training.examples.annotating.cases import read_cases
    from training.examples.annotating.selecting import select as run
    from training.examples.whole_files import write_lines
    from training.terminal import CommandError, plain_console

    console = plain_console()
    if out.suffix != ".jsonl":
        raise CommandError(f"--out: found {out.name}, wanted a file that ends in .jsonl")
    cases, faults = read_cases(file)
    for fault in faults:
        console.print(str(fault))
    if not cases:
        raise CommandError(f"{file}: no usable record found, one wanted")
    found = run(
        [case.record for case in cases],
        analyzer=load_analyzer(bundle),
        count=count,
        groups=[case.group for case in cases],
        seed=seed,
    )
    write_lines(out, (cases[one.place].as_row() | {"selection": one.as_json()} for one in found))
    for one in found:
        console.print(f"{cases[one.place].name}  {one.why}")
    console.print(f"{out}: {len(found)} / {len(cases)} 件 cases")
    raise typer.Exit(1 if faults else 0)
