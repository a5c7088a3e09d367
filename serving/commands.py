"""Commands of serving: ``assess`` and ``link`` for files, ``serve`` for the HTTP service.

Imports what it needs when a command runs: the front door lists commands without loading a runtime.
"""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from models.errors import XiaobaoError
from serving.engines.opening import EngineName, LinkEngine, open_engine, open_linking
from serving.runtime_options import PrecisionName, RuntimeName, log_choice, tell_choice

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from models.runtime_choice import RuntimeChoice
    from serving.contracts import Analyzer
    from serving.settings import ServingSettings

_Bundle = Annotated[
    Path | None, typer.Option("--bundle", help="模型包目录,默认用内置的 · bundle directory")
]


class ServeError(XiaobaoError):
    """The service cannot be started as asked."""


def assess(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="jsonl, csv, xlsx, parquet")],
    out: Annotated[Path | None, typer.Option("--out", help="jsonl, csv 或 parquet")] = None,
    bundle: _Bundle = None,
    engine: Annotated[
        EngineName,
        typer.Option("--engine", help="在何处计算,需要 --out · where batches are read, with --out"),
    ] = EngineName.LOCAL,
    runtime: RuntimeName = None,
    precision: PrecisionName = None,
) -> None:
    """分析文件中的投诉,不带 --out 时打印表格 · Assess the complaints of a file.

    Exit codes: 0 done, 1 some rows failed, 2 wrong usage or unreadable input.
    """
    from serving.files.printing import score, show

    chosen = runtime is not None or precision is not None
    if engine is not EngineName.LOCAL and (out is None or chosen):
        wanted = "--out FILE" if out is None else "无 --runtime, --precision · neither of them"
        raise typer.BadParameter(f"{engine}: 需要 wanted {wanted}", param_hint="--engine")
    analyzer = open_analyzer(bundle, runtime=runtime, precision=precision, report=tell_choice)
    if out is None:
        failed = show(source, analyzer)
    else:
        # A runtime that was chosen reads by itself: processes of their own would choose again.
        by = None if chosen else open_engine(engine, analyzer, bundle)
        failed = score(source, out, analyzer, engine=by)
    raise typer.Exit(1 if failed else 0)


def link(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="jsonl, csv, xlsx, parquet")],
    out: Annotated[
        Path | None, typer.Option("--out", help="jsonl,每件一行 · one line a case")
    ] = None,
    bundle: _Bundle = None,
    engine: Annotated[
        LinkEngine, typer.Option("--engine", help="在何处计算 · where texts are read and compared")
    ] = LinkEngine.LOCAL,
) -> None:
    """找出文件中相互关联的投诉及其原因 · Link the complaints of a file and say what explains it.

    Exit codes: 0 done, 1 some rows failed, 2 wrong usage or unreadable input.
    """
    from models.analyzer import load_analyzer
    from serving.files.linking import check_out, link_file, show_groups, write_links
    from serving.files.notes import tell
    from serving.files.printing import wide

    if out is not None:
        check_out(source, out)
    notes = Console(stderr=True)
    analyzer = load_analyzer(bundle)
    outcome = link_file(
        source,
        analyzer=analyzer,
        codebook=analyzer.bundle.codebook,
        elsewhere=open_linking(engine, analyzer, bundle),
        on_note=lambda note: tell(note, notes),
    )
    levels = {level["id"]: level["name"] for level in analyzer.description["levels"]}
    errors = write_links(outcome, out) if out is not None else None
    console = Console(stderr=out is not None)
    show_groups(outcome, console=wide(console), levels=levels)
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
    runtime: RuntimeName = None,
    precision: PrecisionName = None,
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
    from serving.tracing import open_traces

    settings = read_settings(
        host=host,
        port=port,
        bundle=bundle,
        runtime=runtime,
        precision=precision,
        keys=keys,
        database=database,
    )
    check_host(settings.host, may_be_remote=settings.keys is not None or without_keys)
    configure_logs(level=settings.log_level)
    traces = open_traces(settings)
    with _listen(settings.host, settings.port) as listener:
        analyzer, settings = open_chosen(settings)
        with register_if_wanted(settings) as register:
            _run(create_app(analyzer, settings, register, traces), settings, listener)


def open_analyzer(
    bundle: Path | None,
    *,
    threads: int | None = None,
    runtime: str | None = None,
    precision: str | None = None,
    report: "Callable[[RuntimeChoice], object]" = lambda _: None,
) -> "Analyzer":
    """The analyzer of a bundle on a runtime, the default one for None; ``report`` is told which.

    Raises BundleError for a missing or altered bundle, RuntimeChoiceError for a runtime that
    cannot be had.
    """
    from models.analyzer import load_analyzer
    from models.runtime_choice import wanted_of

    wanted = wanted_of(runtime, precision)
    return load_analyzer(bundle, threads=threads, wanted=wanted, report=report)


def open_chosen(settings: "ServingSettings") -> "tuple[Analyzer, ServingSettings]":
    """The analyzer, and the settings with the runtime chosen: later bundles are read by it too.

    A trial beside requests would measure the requests.
    """
    choices: list[RuntimeChoice] = []
    analyzer = open_analyzer(
        settings.bundle,
        threads=settings.threads,
        runtime=settings.runtime,
        precision=settings.precision,
        report=choices.append,
    )
    for choice in choices:
        log_choice(choice)
        settings = settings.model_copy(update={"runtime": choice.kind})
    return analyzer, settings


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
    with suppress(KeyboardInterrupt):  # uvicorn raises it anew once all was answered
        server.run(sockets=[listener])
    typer.echo("已停止 · stopped")
