"""Commands of serving: ``assess`` and ``link`` for files, ``serve`` for the HTTP service.

Imports what it needs when a command runs: the front door lists commands without loading a runtime.
"""

import ipaddress
import socket
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from models.errors import XiaobaoError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from models.rows import RowFault
    from serving.contracts import Analyzer
    from serving.settings import ServingSettings

_Bundle = Annotated[
    Path | None, typer.Option("--bundle", help="模型包目录,默认用内置的 · bundle directory")
]

_PIPED_WIDTH = 110


class ServeError(XiaobaoError):
    """The service cannot be started as asked."""


def assess(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="jsonl, csv, xlsx, parquet")],
    out: Annotated[Path | None, typer.Option("--out", help="jsonl, csv 或 parquet")] = None,
    bundle: _Bundle = None,
) -> None:
    """分析文件中的投诉,不带 --out 时打印表格 · Assess the complaints of a file.

    Exit codes: 0 done, 1 some rows failed, 2 wrong usage or unreadable input.
    """
    failed = _show(source, bundle) if out is None else _score(source, out, bundle)
    raise typer.Exit(1 if failed else 0)


def link(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="jsonl, csv, xlsx, parquet")],
    out: Annotated[
        Path | None, typer.Option("--out", help="jsonl,每件一行 · one line a case")
    ] = None,
    bundle: _Bundle = None,
) -> None:
    """找出文件中相互关联的投诉及其原因 · Link the complaints of a file and say what explains it.

    Exit codes: 0 done, 1 some rows failed, 2 wrong usage or unreadable input.
    """
    from models.analyzer import load_analyzer
    from serving.files.linking import check_out, link_file, show_groups, write_links
    from serving.files.notes import tell

    if out is not None:
        check_out(source, out)
    notes = Console(stderr=True)
    analyzer = load_analyzer(bundle)
    outcome = link_file(
        source,
        analyzer=analyzer,
        codebook=analyzer.bundle.codebook,
        on_note=lambda note: tell(note, notes),
    )
    levels = {level["id"]: level["name"] for level in analyzer.description["levels"]}
    errors = write_links(outcome, out) if out is not None else None
    console = Console(stderr=out is not None)
    show_groups(outcome, console=_wide(console), levels=levels)
    if out is not None:
        typer.echo(f"{out}: {len(outcome.linked.cases)} 件 cases", err=True)
    for fault in outcome.faults if errors is None else ():
        typer.echo(str(fault), err=True)
    if errors is not None:
        typer.echo(f"{errors}: {len(outcome.faults)} 行失败 failed rows", err=True)
    raise typer.Exit(1 if outcome.faults else 0)


def serve(
    host: Annotated[str | None, typer.Option(help="监听地址 · address [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="端口 · port [8000]")] = None,
    bundle: _Bundle = None,
    keys: Annotated[Path | None, typer.Option(help="密钥文件 · file of API keys")] = None,
    database: Annotated[
        str | None,
        typer.Option(help="数据库地址,none 为不登记 · database URL, or none [a SQLite file]"),
    ] = None,
    without_keys: Annotated[
        bool,
        typer.Option(
            "--allow-remote-without-keys",
            help="不用密钥也允许其他机器访问 · let other machines in without keys",
        ),
    ] = False,
) -> None:
    """启动本机服务 · Serve the API until interrupted."""
    from serving.api.app import create_app
    from serving.logs import configure_logs
    from serving.register.opening import register_if_wanted
    from serving.settings import read_settings

    settings = read_settings(host=host, port=port, bundle=bundle, keys=keys, database=database)
    check_host(settings.host, may_be_remote=settings.keys is not None or without_keys)
    configure_logs(level=settings.log_level)
    with _listen(settings.host, settings.port) as listener:
        analyzer = open_analyzer(settings.bundle, threads=settings.threads)
        with register_if_wanted(settings) as register:
            _run(create_app(analyzer, settings, register), settings, listener)


def open_analyzer(bundle: Path | None, *, threads: int | None = None) -> "Analyzer":
    """The analyzer of a bundle. Raises BundleError for a missing or altered one."""
    from models.analyzer import load_analyzer

    return load_analyzer(bundle, threads=threads)


def check_host(host: str, *, may_be_remote: bool) -> None:
    """Refuse an address that other machines reach, unless keys are in use or not wanted."""
    if not may_be_remote and not _is_loopback(host):
        raise ServeError(
            f"--host {host}: other machines could read complaints and no keys are in use; wanted "
            "--keys FILE (see `keys create`), or --allow-remote-without-keys on a closed network"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = (error.strerror or type(error).__name__).partition(" (")[0]
        raise ServeError(f"--host {host} --port {port}: cannot listen: {why}") from error
    # Head and body of an answer are two packets: without this the second waits 40 ms for an echo.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def server_of(app: "FastAPI", settings: "ServingSettings") -> "uvicorn.Server":
    """The server of an app, with its limits; on the port of the settings unless given a socket."""
    import uvicorn

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,  # ours is in place; an access line of uvicorn would hold typed addresses
        access_log=False,
        server_header=False,
        http="h11",  # the parser whose heads can be bounded
        h11_max_incomplete_event_size=settings.max_header_bytes,
        timeout_graceful_shutdown=int(settings.deadline_s) + 5,
    )
    return uvicorn.Server(config)


def _run(app: "FastAPI", settings: "ServingSettings", listener: socket.socket) -> None:
    server = server_of(app, settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listener.getsockname()[1]}"
    typer.echo(
        f"消保服务已启动,按 Ctrl+C 停止 · xiaobao listens on {address} (API: {address}/docs)"
    )
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        typer.echo("已停止 · stopped")


def _wide(console: Console) -> Console:
    """The console, or one of a fixed width where nobody's terminal says how wide it is."""
    if console.is_terminal:
        return console
    return Console(width=_PIPED_WIDTH, stderr=console.stderr)


def _score(source: Path, out: Path, bundle: Path | None) -> int:
    from serving.files.notes import tell
    from serving.files.scoring import score_file

    console = Console(stderr=True)
    analyzer = open_analyzer(bundle)
    try:
        outcome = score_file(
            source, out, analyzer=analyzer, console=console, on_note=lambda n: tell(n, console)
        )
    except KeyboardInterrupt:
        typer.echo("已中断,重复同一命令即可继续 · interrupted; the same command goes on", err=True)
        raise typer.Exit(130) from None
    resumed = f", {outcome.resumed} earlier" if outcome.resumed else ""
    typer.echo(f"{out}: {outcome.answered} 件 cases{resumed}", err=True)
    if outcome.errors:
        typer.echo(f"{outcome.errors}: {outcome.failed} 行失败 failed rows", err=True)
    return outcome.failed


def _show(source: Path, bundle: Path | None) -> int:
    from serving.files.notes import tell
    from serving.files.scoring import CHUNK, assess_sorted, keep_records, read_numbered
    from serving.files.tables import assessment_table, summary

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    faults: list[RowFault] = []
    analyzer = open_analyzer(bundle)
    levels = {level["id"]: level["name"] for level in analyzer.description["levels"]}
    found: Counter[str] = Counter()
    reviews = 0
    notes = Console(stderr=True)
    rows = read_numbered(source, on_note=lambda note: tell(note, notes))
    records = keep_records(rows, faults=faults)
    while group := list(islice(records, CHUNK)):
        answers = assess_sorted([record for _, record in group], analyzer)
        numbered = zip((number for number, _ in group), answers, strict=True)
        console.print(assessment_table(numbered, levels=levels, width=console.width))
        found.update(answer.agent.level for answer in answers)
        reviews += sum(answer.review.needed for answer in answers)
    for fault in faults:
        typer.echo(str(fault), err=True)
    console.print()
    console.print(summary(found, reviews=reviews, failed=len(faults), levels=levels))
    return len(faults)
