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
from rich.text import Text

from models.errors import XiaobaoError

if TYPE_CHECKING:
    from models.rows import ReadingNote, RowFault
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

    if out is not None:
        check_out(source, out)
    notes = Console(stderr=True)
    analyzer = load_analyzer(bundle)
    outcome = link_file(
        source,
        analyzer=analyzer,
        codebook=analyzer.bundle.codebook,
        on_note=lambda note: _tell(note, notes),
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
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="允许其他机器访问 · there are no keys yet")
    ] = False,
) -> None:
    """启动本机服务 · Serve the API until interrupted."""
    from serving.logs import configure_logs
    from serving.settings import read_settings

    settings = read_settings(host=host, port=port, bundle=bundle)
    check_host(settings.host, allow_remote=allow_remote)
    configure_logs(level=settings.log_level)
    with _listen(settings.host, settings.port) as listener:
        _run(open_analyzer(settings.bundle, threads=settings.threads), settings, listener)


def open_analyzer(bundle: Path | None, *, threads: int | None = None) -> "Analyzer":
    """The analyzer of a bundle. Raises BundleError for a missing or altered one."""
    from models.analyzer import load_analyzer

    return load_analyzer(bundle, threads=threads)


def check_host(host: str, *, allow_remote: bool) -> None:
    """Refuse an address that other machines reach, unless it was asked for."""
    if not allow_remote and not _is_loopback(host):
        raise ServeError(
            f"--host {host}: other machines could read complaints and there are no keys yet; "
            "wanted 127.0.0.1, or --allow-remote if the network is closed"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = (error.strerror or type(error).__name__).partition(" (")[0]
        raise ServeError(f"--host {host} --port {port}: cannot listen: {why}") from error


def _run(analyzer: "Analyzer", settings: "ServingSettings", listener: socket.socket) -> None:
    import uvicorn

    from serving.api.app import create_app

    config = uvicorn.Config(
        create_app(analyzer, settings),
        log_config=None,  # ours is in place; an access line of uvicorn would hold typed addresses
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.deadline_s) + 5,
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listener.getsockname()[1]}"
    typer.echo(
        f"消保服务已启动,按 Ctrl+C 停止 · xiaobao listens on {address} (API: {address}/docs)"
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        typer.echo("已停止 · stopped")


def _wide(console: Console) -> Console:
    """The console, or one of a fixed width where nobody's terminal says how wide it is."""
    if console.is_terminal:
        return console
    return Console(width=_PIPED_WIDTH, stderr=console.stderr)


def _score(source: Path, out: Path, bundle: Path | None) -> int:
    from serving.files.scoring import score_file

    console = Console(stderr=True)
    analyzer = open_analyzer(bundle)
    try:
        outcome = score_file(
            source, out, analyzer=analyzer, console=console, on_note=lambda n: _tell(n, console)
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
    rows = read_numbered(source, on_note=lambda note: _tell(note, notes))
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


def _tell(note: "ReadingNote", console: Console) -> None:
    """Say what of the input was not used; nothing is left out silently."""
    from serving.files.tables import plain

    lines = [
        f"{field}: {count} 个值已损坏 values damaged, left out" for field, count in note.left_out
    ]
    if note.ignored_columns:
        lines.append(f"未使用的列 columns not used: {', '.join(note.ignored_columns)}")
    if note.skipped_sheets:
        lines.append(f"未读取的工作表 sheets not read: {', '.join(note.skipped_sheets)}")
    for line in lines:
        # One line each, so that it can be searched; names come from outside and steer nothing.
        console.print(Text(plain(f"{note.file}: {line}")), soft_wrap=True)
