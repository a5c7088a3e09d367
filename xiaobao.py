"""The front door: one command, ``xiaobao``. Lists every command, imports the one that is run.

Errors that are the user's to mend end here: one line on standard error, exit code 2.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from models.command_groups import command_group
from models.errors import XiaobaoError
from models.extras import missing_line


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """Where a command lives, the extra it needs, and its line in the list."""

    module: str
    function: str
    extra: str
    help: str


COMMANDS = {
    "assess": CommandEntry(
        "serving.commands", "assess", "serving", "分析投诉 · Assess a file or a text"
    ),
    "link": CommandEntry(
        "serving.commands", "link", "serving", "找出相互关联的投诉 · Link a file's cases"
    ),
    "serve": CommandEntry("serving.commands", "serve", "serving", "启动本机服务 · Serve the API"),
    "import": CommandEntry(
        "serving.register.commands",
        "import_cases",
        "serving",
        "导入历史投诉 · Store and link a file's complaints",
    ),
    "forget": CommandEntry(
        "serving.register.commands", "forget", "serving", "删除案件内容 · Forget a case"
    ),
    "reviews": CommandEntry(
        "serving.register.commands",
        "reviews",
        "serving",
        "导出复核结果 · Export reviews as training records",
    ),
    "audit": CommandEntry(
        "serving.register.commands", "audit", "serving", "核对审计链 · Check the audit"
    ),
    "report": CommandEntry(
        "serving.reports.commands",
        "report",
        "serving",
        "投诉根因月度分析 · Root causes of a month as XLSX, CSV, HTML",
    ),
    "rotate-key": CommandEntry(
        "serving.register.commands", "rotate_key", "serving", "更换标识密钥 · New identifier key"
    ),
    "keys": CommandEntry(
        "serving.keys.commands", "keys", "serving", "管理 API 密钥 · Manage API keys"
    ),
    "train": CommandEntry(
        "training.tuning.commands", "train", "training", "训练模型包 · Train a bundle"
    ),
    "quantize": CommandEntry(
        "training.tuning.commands",
        "quantize",
        "training",
        "把模型包量化为 int8 · Quantize a bundle to int8",
    ),
    "evaluate": CommandEntry(
        "training.evaluation.commands", "evaluate", "training", "评估模型包 · Evaluate a bundle"
    ),
    "drift": CommandEntry(
        "training.drift.commands", "drift", "training", "无标注漂移检查 · Have complaints drifted"
    ),
    "pretrain": CommandEntry(
        "training.pretraining.commands",
        "pretrain",
        "training",
        "在无标注文本上继续预训练 · Pretrain an encoder",
    ),
    "check-data": CommandEntry(
        "training.examples.commands",
        "check_data",
        "training",
        "检查标注数据 · Check labelled files",
    ),
    "taxonomy": CommandEntry(
        "training.examples.taxonomies.commands",
        "taxonomy",
        "training",
        "检查、对比、迁移原因分类 · Check, compare, migrate taxonomies",
    ),
    "select": CommandEntry(
        "training.examples.annotating.commands",
        "select",
        "training",
        "选出最值得标注的案件 · Select cases to label",
    ),
    "annotate": CommandEntry(
        "training.examples.annotating.commands",
        "annotate",
        "training",
        "与标注工具往来 · Labels to and from Label Studio, XLSX",
    ),
}


class FrontDoor(TyperGroup):
    """Lists COMMANDS without importing them; a command is imported when it is asked for."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        listed = {name: TyperCommand(name, help=entry.help) for name, entry in COMMANDS.items()}
        self.commands.update(listed)

    def resolve_command(  # type: ignore[override]
        self, ctx: typer.Context, args: list[str]
    ) -> tuple[str | None, Any, list[str]]:
        """The command itself, imported now."""
        name, listed, rest = super().resolve_command(ctx, args)
        if listed is None or name is None:
            return name, listed, rest
        ctx.invoked_subcommand = name  # named already if its import fails
        return name, _command(name, COMMANDS[name]), rest

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command; an error of the user's is one line and exit code 2."""
        try:
            return super().invoke(ctx)
        except XiaobaoError as error:
            _stop(str(error))
        except ModuleNotFoundError as error:
            _stop(_missing(ctx.invoked_subcommand or "", error))


app = typer.Typer(
    cls=FrontDoor,
    no_args_is_help=True,
    # A traceback would show what is being read: complaints.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        try:
            number = version("xiaobao")
        except PackageNotFoundError:
            number = "(未安装 not installed, run from its folder)"
        typer.echo(f"xiaobao {number}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="版本 · version"),
    ] = False,
) -> None:
    """消保 · Root causes of life-insurance complaints with evidence; agent signs are advisory."""


def _command(name: str, entry: CommandEntry) -> Any:
    function = getattr(import_module(entry.module), entry.function)
    if isinstance(function, typer.Typer):  # a command with commands of its own
        return typer.main.get_command(function)
    alone = command_group()
    alone.command(name)(function)
    return typer.main.get_command(alone)


def _missing(name: str, error: ModuleNotFoundError) -> str:
    if name not in COMMANDS or (error.name or "").partition(".")[0] in {"models", "xiaobao"}:
        raise error  # our own fault, not the user's
    return f"{name}: {missing_line(error, extra=COMMANDS[name].extra)}"


def _stop(message: str) -> None:
    typer.echo(f"xiaobao: {message}", err=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    app()
