"""The page of the command line, from the commands themselves. Imports each one to read it."""

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup

import xiaobao
from handbook.markdown import code, page, table

_HEADER = ("参数 option", "必需 required", "默认 default", "说明 meaning")
_EXIT_CODES = "每个命令出错时只印一行并以 2 退出。 An error is one line, and exit code 2.\n"


def command_line_page() -> str:
    """Every command with its arguments and options."""
    listed = table(
        ("命令 command", "做什么 what it does"),
        ((code(f"xiaobao {name}"), entry.help) for name, entry in xiaobao.COMMANDS.items()),
    )
    return page("命令行 · Command line", listed, _EXIT_CODES, *_sections())


def _sections() -> Iterator[str]:
    for name, entry in xiaobao.COMMANDS.items():
        command = xiaobao._command(name, entry)
        if isinstance(command, TyperGroup):
            for below, inner in sorted(command.commands.items()):
                yield _section(f"{name} {below}", inner, extra=entry.extra)
        else:
            yield _section(name, command, extra=entry.extra)


def _section(name: str, command: Any, *, extra: str) -> str:
    needs = f"需要 needs: `pip install '.[{extra}]'`\n"
    about = "\n\n".join(part.strip() for part in (command.help or "").split("\n\n"))
    rows = [_row(param) for param in command.params if not param.hidden]
    return "\n".join([f"## xiaobao {name}\n", about + "\n", needs, table(_HEADER, rows)])


def _row(param: Any) -> tuple[str, ...]:
    names = [*param.opts, *param.secondary_opts]
    if param.param_type_name == "argument":
        names = [(param.metavar or param.name).upper()]
    named = ", ".join(map(code, names))
    if param.envvar:
        named += f" ({code(param.envvar)})"
    shown = param.default if param.default not in (None, (), [], False) else None
    return (named, "是 yes" if param.required else "", code(shown), param.help or "")
