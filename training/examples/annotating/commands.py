"""The commands ``select`` and ``annotate``. Import what they need when they run.

Exit codes: 0 done, 1 done but some rows failed, 2 wrong usage or unreadable input.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from models.command_groups import command_group
from training.options import CodebookFile, CommandError, Seed, TaxonomyFile

annotate = command_group("与标注工具往来 · Labels to and from Label Studio and workbooks")


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
    from models.whole_files import keep_inputs
    from training.examples.annotating.cases import read_cases
    from training.examples.annotating.selecting import select as run
    from training.examples.whole_files import write_lines

    if out.suffix != ".jsonl":
        raise CommandError(f"--out: found {out.name}, wanted a file that ends in .jsonl")
    keep_inputs((out,), (file,))
    every, faults = read_cases(file)
    for fault in faults:
        typer.echo(str(fault), err=True)
    cases = [case for case in every if not case.has_labels]
    if len(every) > len(cases):
        passed = len(every) - len(cases)
        typer.echo(f"{file}: {passed} 件已有标签,略过 labelled already, passed over", err=True)
    if not cases:
        raise CommandError(f"{file}: no record without labels found, one wanted")
    found = run(
        [case.record for case in cases],
        analyzer=load_analyzer(bundle),
        count=count,
        groups=[case.group for case in cases],
        seed=seed,
    )
    write_lines(out, (cases[one.place].as_row() | {"selection": one.as_json()} for one in found))
    for one in found:
        typer.echo(f"{cases[one.place].name}  {one.why}", err=True)
    typer.echo(f"{out}: {len(found)} / {len(cases)} 件 cases", err=True)
    raise typer.Exit(1 if faults else 0)


@annotate.command("export")
def export_cases(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="jsonl, csv, xlsx, parquet")],
    out: Annotated[
        Path, typer.Option("--out", help=".json 供 Label Studio,.xlsx 为表格 · by suffix")
    ],
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="用此模型包预标注 · suggestions by a bundle")
    ] = None,
    taxonomy: TaxonomyFile = None,
    codebook: CodebookFile = None,
    without_identifiers: Annotated[
        bool,
        typer.Option("--without-identifiers", help="不带电话、保单号等 · leave identifiers out"),
    ] = False,
) -> None:
    """导出待标注或已标注案件 · Cases for annotators, labelled or not, with their code table.

    A .json is for Label Studio; NAME.config.xml beside it is the labelling interface. A .xlsx has
    one row a case, and none that is there is replaced: people label in it. With --bundle unlabelled
    cases carry a model's suggestions.
    """
    from training.examples.annotating.exporting import export
    from training.examples.labelled import unknown_values

    outcome = export(
        file,
        out,
        bundle=bundle,
        taxonomy=taxonomy,
        codebook=codebook,
        without_identifiers=without_identifiers,
    )
    for fault in outcome.faults:
        typer.echo(str(fault), err=True)
    for line in unknown_values(outcome.left_out):
        typer.echo(f"{file}: {line}", err=True)
    typer.echo(f"{'、'.join(map(str, outcome.files))}: {outcome.cases} 件 cases", err=True)
    raise typer.Exit(1 if outcome.faults else 0)


@annotate.command("import")
def import_labels(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Label Studio 的 json,或 xlsx")],
    out: Annotated[Path, typer.Option("--out", help="标注文件 · labelled jsonl")],
    taxonomy: TaxonomyFile = None,
    codebook: CodebookFile = None,
) -> None:
    """把标注结果变成标注文件 · Annotated cases as a labelled file; each fault with its row."""
    from models.labels import facets_of, label_space
    from models.whole_files import keep_inputs
    from training.code_tables import code_tables
    from training.examples.annotating.label_studio_exports import read_tasks
    from training.examples.annotating.workbook_rows import read_workbook
    from training.examples.labelled import known_labels, unknown_values
    from training.examples.reading import as_row
    from training.examples.whole_files import write_lines

    readers = {".json": read_tasks, ".xlsx": read_workbook}
    if file.suffix.lower() not in readers or out.suffix != ".jsonl":
        wanted = ".json or .xlsx in, .jsonl out"
        raise CommandError(f"found {file.name} and {out.name}, wanted {wanted}")
    keep_inputs((out,), (file, taxonomy, codebook))
    causes, book = code_tables(taxonomy, codebook).read()
    known = known_labels(label_space(causes, book), facets_of(causes))
    left_out: Counter[str] = Counter()
    found = readers[file.suffix.lower()](file, known=known, left_out=left_out)
    for fault in found.faults:
        typer.echo(str(fault), err=True)
    for line in unknown_values(left_out):
        typer.echo(f"{file}: {line}", err=True)
    for place in found.several:
        several = "多份标注,取定稿或最近一份 · several annotations, latest kept"
        typer.echo(f"{file}:{place}: {several}", err=True)
    left = f"未标注 {len(found.open)} 件 not annotated"
    if not found.records:
        # Whatever stands in the output's place is worth more than an empty file.
        raise CommandError(f"{file}: no labelled case found ({left}), one wanted; nothing written")
    rows = ({k: v for k, v in as_row(r).items() if v is not None} for r in found.records)
    write_lines(out, rows)
    typer.echo(f"{out}: {len(found.records)} 件 cases;{left}", err=True)
    raise typer.Exit(1 if found.faults else 0)
