"""Options that several commands of serving share."""

from pathlib import Path
from typing import Annotated

import typer

BundleDirectory = Annotated[
    Path | None, typer.Option("--bundle", help="模型包目录,默认用内置的 · bundle directory")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database", help="数据库地址 · database URL [XIAOBAO_DATABASE, or SQLite in xiaobao-data]"
    ),
]
