"""Options that several commands of training share, and the error for what they cannot mean."""

from pathlib import Path
from typing import Annotated

import typer

from models.errors import XiaobaoError


class CommandError(XiaobaoError):
    """A command that was given what it cannot work with."""


DataFiles = Annotated[
    list[Path],
    typer.Option("--data", metavar="FILE...", help="标注文件 · labelled jsonl, csv, xlsx, parquet"),
]
# An option takes one value: the files after the first of `--data A B` arrive as arguments.
MoreFiles = Annotated[list[Path] | None, typer.Argument(metavar="", hidden=True)]
MOST_MINUTES = 366 * 24 * 60
"""A year: the longest run that is asked for by its minutes."""
HIGHEST_RATE = 1.0
"""The highest learning rate: from an infinite one weights come out that are no numbers."""

Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="随机种子 · seed")]
TaxonomyFile = Annotated[
    Path | None, typer.Option("--taxonomy", help="原因分类,默认用内置的 · your own taxonomy (YAML)")
]
CodebookFile = Annotated[
    Path | None, typer.Option("--codebook", help="迹象手册,默认用内置的 · codebook of signs (YAML)")
]
DeviceName = Annotated[str, typer.Option(help="auto, cpu, cuda")]
