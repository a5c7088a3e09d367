"""The command ``check-data``. Imports what it needs when it runs.

Exit codes: 0 done, 1 done but some rows failed, 2 wrong usage or unreadable input.
"""

from pathlib import Path
from typing import Annotated

import typer

from training.code_tables import code_tables
from training.options import CodebookFile, TaxonomyFile


def check_data(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="标注文件 · labelled files")
    ],
    disagreements: Annotated[
        bool, typer.Option("--disagreements", help="列出可疑标签(较慢)· doubtful labels, slower")
    ] = False,
    label_errors: Annotated[
        bool,
        typer.Option(
            "--label-errors", help="列出可能错标或漏标的标签(更慢)· likely label errors, slower"
        ),
    ] = False,
    taxonomy: TaxonomyFile = None,
    codebook: CodebookFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """检查标注数据 · Check labelled files: faults, duplicates, doubtful labels."""
    import json

    from models.labels import facets_of, label_space
    from training.examples.checking import check
    from training.examples.reading import load_examples

    causes, book = code_tables(taxonomy, codebook).read()
    labels = label_space(causes, book)
    examples = load_examples(
        files,
        causes=labels.causes,
        signs=labels.signs,
        marks=labels.marks,
        facets=facets_of(causes),
    )
    found = check(
        examples,
        labels=labels.evidence,
        technical=[cause.id for cause in causes.causes if cause.technical],
        disagreements=disagreements,
        label_errors=label_errors,
    )
    text = json.dumps(found.as_json(), ensure_ascii=False) if as_json else found.as_text()
    typer.echo(text)
    raise typer.Exit(1 if found.faults else 0)
