"""Commands of the register: load history, forget, check the audit, export reviews, rotate a key."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console

from models.command_groups import command_group
from models.errors import XiaobaoError
from serving.options import MOST_DAYS, BundleDirectory, DatabaseUrl, OwnColumns, fields_of

if TYPE_CHECKING:
    from serving.register.register import Register
    from serving.settings import ServingSettings

audit = command_group("核对审计链 · Check the audit")


@audit.callback()
def _audit() -> None:
    """核对审计链 · Check the audit."""


def import_cases(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="jsonl, csv, xlsx, parquet")],
    database: DatabaseUrl = None,
    bundle: BundleDirectory = None,
    column: OwnColumns = None,
) -> None:
    """导入历史投诉:分析、登记、关联 · Assess, store and link the complaints of a file.

    May be interrupted and run again. Exit codes: 0 done, 1 some rows failed, 2 wrong usage.
    """
    from serving.files.notes import interruptible, tell
    from serving.opening import opener_of, tell_choice
    from serving.register.importing import import_file
    from serving.register.opening import open_register

    fields, console = fields_of(column), Console(stderr=True)
    settings = _settings(database, bundle=bundle)
    with interruptible(), open_register(settings) as register:
        outcome = import_file(
            source,
            register=register,
            analyzer=opener_of(settings)(settings.bundle, report=tell_choice),
            actor=_actor(),
            fields=fields,
            console=console,
            on_note=lambda note: tell(note, console),
        )
    for fault in outcome.faults:
        typer.echo(str(fault), err=True)
    typer.echo(f"新登记 {outcome.new} 件 new cases,已有 {outcome.known} 件 known before", err=True)
    raise typer.Exit(1 if outcome.faults else 0)


def forget(
    case: Annotated[str | None, typer.Argument(metavar="CASE", help="案件编号 · id")] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0, max=MOST_DAYS, metavar="DAYS", help="删除更早登记的全部案件 · retention"
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问 · do not ask")] = False,
    database: DatabaseUrl = None,
) -> None:
    """删除案件的文本、标识和指纹,仅留审计记录 · Forget a case, or all older ones, for good.

    Exit codes: 0 gone, 1 forgotten but still in SQLite's log, 2 none forgotten (usage, no yes).
    """
    from serving.register.errors import LogNotEmptiedError

    if (case is None) == (older_than is None):
        raise XiaobaoError("forget: wanted a case id or --older-than, one of them")
    if not yes:
        _confirm()
    left: LogNotEmptiedError | None = None
    with _open(database) as register:
        try:
            if case is not None:
                count = register.forget(case, actor=_actor())
            else:
                count = register.forget_older_than(older_than or 0, actor=_actor())
        except LogNotEmptiedError as error:
            count, left = error.count, error
    kind = "件 cases" if case is None else "个版本 versions"
    typer.echo(f"已删除 forgotten: {count} {kind}", err=True)
    if left is not None:
        typer.echo(f"预写日志未能清空,其中仍有已删除的内容 · {left}", err=True)
        raise typer.Exit(1)


def _confirm() -> None:
    """Ask; raises XiaobaoError without a yes, for exit code 1 would say that a case is gone."""
    try:
        sure = typer.confirm("删除后不能恢复 · it cannot be undone. 继续 go on?", err=True)
    except typer.Abort:
        typer.echo(err=True)
        raise XiaobaoError(
            "forget: 无人回答,未删除 · found nobody to ask, nothing was forgotten; wanted --yes"
        ) from None
    if not sure:
        raise XiaobaoError("forget: 未删除 · nothing was forgotten")


@audit.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="先前记下的链尾,用以发现截尾 · a head noted earlier")
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """核对审计链是否完整 · Check the chain of the audit; name the first entry that is broken.

    Note the head it prints somewhere else. Exit codes: 0 whole, 1 broken, 2 wrong usage.
    """
    with _open(database) as register:
        verdict = register.verify_audit(noted=head)
    if verdict.broken is not None:
        typer.echo(f"审计链断裂 broken at entry {verdict.broken}: {verdict.why}", err=True)
        raise typer.Exit(1)
    typer.echo(f"审计链完整 whole: {verdict.entries} 条 entries, head {verdict.head}")


def reviews(
    out: Annotated[Path, typer.Option("--out", help="jsonl,标注格式 · the labelled format")],
    clear: Annotated[
        bool, typer.Option("--clear", help="加密保存的文本不遮盖 · encrypted texts as they came")
    ] = False,
    database: DatabaseUrl = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="模型包目录,按其体系取值 · whose values [XIAOBAO_BUNDLE]"),
    ] = None,
) -> None:
    """导出复核结果作训练数据 · Export reviewed cases as training records with their provenance."""
    from models.bundle import load_bundle
    from models.labels import field_values
    from models.whole_files import write_whole, writing
    from serving.files.places import check_place, check_suffix
    from serving.register.opening import open_register

    check_suffix(out, (".jsonl",))
    check_place(None, out)
    settings = _settings(database, bundle=bundle)
    facets = field_values(load_bundle(settings.bundle).taxonomy)
    count = 0

    def lines(register: "Register") -> Any:
        nonlocal count
        for row in register.export_reviews(facets=facets, clear=clear):
            count += 1
            yield orjson.dumps(row) + b"\n"

    with open_register(settings) as register, writing(out):
        write_whole(out, lines(register))
    typer.echo(f"{out}: {count} 件 cases", err=True)


def rotate_key(database: DatabaseUrl = None) -> None:
    """更换标识密钥,旧密钥仅用于查找 · Take a new key for identifiers; the old one still finds."""
    with _open(database) as register:
        typer.echo(f"当前密钥 current key: {register.rotate_key(actor=_actor())}")


def _open(database: str | None, *, bundle: Path | None = None) -> "Register":
    from serving.register.opening import open_register

    return open_register(_settings(database, bundle=bundle))


def _settings(database: str | None, *, bundle: Path | None = None) -> "ServingSettings":
    from serving.settings import read_settings

    return read_settings(database=database, bundle=bundle)


def _actor() -> str:
    """Who runs a command, for the audit."""
    try:
        return f"command:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may have no names
        return "command"
