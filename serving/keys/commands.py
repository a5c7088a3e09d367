"""``xiaobao keys``: make, list and revoke API keys."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.command_groups import command_group
from serving.keys.key import SCOPES, ApiKey, KeysError, check_scopes, make_key, today
from serving.keys.keys_file import changing, read_keys
from serving.options import MOST_DAYS

_PIPED_WIDTH = 110

keys = command_group("管理 API 密钥 · Make, list and revoke API keys")

_File = Annotated[
    Path,
    typer.Option("--file", envvar="XIAOBAO_KEYS", help="密钥文件 · file of keys [XIAOBAO_KEYS]"),
]


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="谁用这把密钥 · who will use it")],
    file: _File,
    scope: Annotated[list[str], typer.Option(help=f"权限 · {', '.join(SCOPES)}; repeatable")],
    days: Annotated[
        int, typer.Option(min=0, max=MOST_DAYS, help="有效天数,0 为不过期 · 0: never expires")
    ] = 365,
) -> None:
    """创建密钥,只显示一次 · Make a key; it is shown once and kept nowhere."""
    now = today()
    expires = now + timedelta(days=days) if days else None
    key, token = make_key(name, check_scopes(scope), now=now, expires=expires)
    with changing(file, on_other_owner=_tell_owner) as stored:
        stored.append(key)
    typer.echo(f"{file}: {key.id} {_until(key)}", err=True)
    typer.echo(token)


@keys.command("list")
def list_keys(file: _File) -> None:
    """列出密钥 · List the keys; never their secrets."""
    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("编号 id", "名称 name", "权限 scopes", "创建 created", "有效期 expires"):
        table.add_column(title)
    for key in read_keys(file):
        scopes = ", ".join(sorted(key.scopes))
        created = f"{key.created:%Y-%m-%d}"
        table.add_row(key.id, Text(key.name), scopes, created, _until(key))
    (console if console.is_terminal else Console(width=_PIPED_WIDTH)).print(table)


@keys.command()
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="密钥编号 · id of the key")], file: _File
) -> None:
    """撤销密钥,运行中的服务随即拒绝 · Revoke a key; a running service refuses it within seconds."""
    with changing(file, on_other_owner=_tell_owner) as stored:
        kept = [key for key in stored if key.id != id_]
        if len(kept) == len(stored):
            raise KeysError(f"{file}: no key with this id, wanted one that `keys list` shows")
        stored[:] = kept
    typer.echo(f"{file}: {id_} 已撤销 revoked", err=True)


def _tell_owner() -> None:
    """A service that cannot read the file any more goes on with the keys that it had."""
    typer.echo(
        "属主已变为当前用户,请确认服务仍能读取 · the file is yours now: make sure that the service "
        "can read it, or it keeps the keys that it had",
        err=True,
    )


def _until(key: ApiKey) -> str:
    if key.expires is None:
        return "不过期 never"
    expired = "" if key.is_valid(today()) else " 已过期 expired"
    return f"{key.expires:%Y-%m-%d}{expired}"
