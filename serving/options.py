"""Options that several commands of serving share."""

from pathlib import Path
from typing import Annotated

import typer

MOST_DAYS = 36_500
"""A hundred years: the longest span of days that an option takes."""

BundleDirectory = Annotated[
    Path | None, typer.Option("--bundle", help="模型包目录,默认用内置的 · bundle directory")
]
OwnColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=FIELD",
        help="文件自己的列名对应哪个字段,可重复;NAME= 不用该列 · "
        "a column of the file's own, e.g. 诉求描述=text; NAME= to ignore it",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database", help="数据库地址 · database URL [XIAOBAO_DATABASE, or SQLite in xiaobao-data]"
    ),
]
RuntimeName = Annotated[
    str | None,
    typer.Option(
        "--runtime", help="推理引擎 · onnx, openvino, torch, auto: 试跑取最快 the fastest [onnx]"
    ),
]
PrecisionName = Annotated[
    str | None,
    typer.Option("--precision", help="auto, fp32:不用低精度 · nothing less than fp32 [auto]"),
]


def fields_of(columns: list[str] | None) -> dict[str, str]:
    """A file's own column names to the fields they mean, or to nothing where they are ignored.

    Raises BadParameter for no such pair.
    """
    from models.rows import RECORD_FIELDS

    pairs = [column.rpartition("=") for column in columns or ()]
    for name, _, field in pairs:
        if not name.strip() or field.strip() not in ("", *RECORD_FIELDS):
            wanted = (
                f"NAME=FIELD (NAME= to ignore a column), FIELD one of {', '.join(RECORD_FIELDS)}"
            )
            raise typer.BadParameter(f"wanted {wanted}", param_hint="--column")
    return {name.strip(): field.strip() for name, _, field in pairs}
