"""Commands of serving: ``assess`` and ``link`` for files, ``serve`` for the HTTP service.

Imports what it needs when a command runs: the front door lists commands without loading a runtime.
"""

import gc
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from serving.engines.opening import EngineName, LinkEngine, open_engine, open_linking
from serving.listening import check_host, listen, server_of
from serving.options import BundleDirectory, OwnColumns, PrecisionName, RuntimeName, fields_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.settings import ServingSettings


def assess(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="INPUT",
            help="jsonl, csv, xlsx, parquet;- 读标准输入 · or - for lines",
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text", help="直接给出一件投诉的文本,可重复 · a complaint itself, may be repeated"
        ),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="- 的每行是 JSON 对象 · lines of - are JSON objects")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="jsonl, csv 或 parquet")] = None,
    bundle: BundleDirectory = None,
    column: OwnColumns = None,
    engine: Annotated[
        EngineName,
        typer.Option("--engine", help="在何处计算,需要 --out · where batches are read, with --out"),
    ] = EngineName.LOCAL,
    runtime: RuntimeName = None,
    precision: PrecisionName = None,
) -> None:
    """分析投诉,不带 --out 时打印表格 · Assess the complaints of a file, of a pipe or of --text.

    Exit codes: 0 done, 1 some rows failed, 2 wrong usage or unreadable input.
    """
    from serving.files.inputs import input_of
    from serving.files.printing import score, show
    from serving.opening import open_analyzer, tell_choice

    chosen = runtime is not None or precision is not None
    if engine is not EngineName.LOCAL and (out is None or chosen):
        wanted = "--out FILE" if out is None else "无 --runtime, --precision · neither of them"
        raise typer.BadParameter(f"{engine}: 需要 wanted {wanted}", param_hint="--engine")
    given = input_of(sources or (), texts=text or (), objects=jsonl, fields=fields_of(column))
    if engine is not EngineName.LOCAL and given.path is None:
        raise typer.BadParameter(f"{engine}: 需要文件 · wanted a file", param_hint="--engine")
    analyzer = open_analyzer(bundle, runtime=runtime, precision=precision, report=tell_choice)
    if out is None:
        failed = show(given, analyzer)
    else:
        # A runtime that was chosen reads by itself: processes of their own would choose again.
        by = None if chosen else open_engine(engine, analyzer, bundle)
        failed = score(given, out, analyzer, engine=by)
    raise typer.Exit(1 if failed else 0)


def link(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="jsonl, csv, xlsx, parquet")],
    out: Annotated[
        Path | None, typer.Option("--out", help="jsonl,每件一行 · one line a case")
    ] = None,
    bundle: BundleDirectory = None,
    column: OwnColumns = None,
    hubs: Annotated[
        Path | None,
        typer.Option(
            "--hubs",
            help="公共标识清单 · what strangers share by chance, yaml [XIAOBAO_HUBS, ours]",
        ),
    ] = None,
    engine: Annotated[
        LinkEngine, typer.Option("--engine", help="在何处计算 · where texts are read and compared")
    ] = LinkEngine.LOCAL,
) -> None:
    """找出文件中相互关联的投诉及其原因 · Link the complaints of a file and say what explains it.

    Exit codes: 0 done, 1 some rows failed, 2 wrong usage or unreadable input.
    """
    from models.links import read_hubs
    from serving.files.linking import check_out, link_file, show_groups, write_links
    from serving.files.notes import tell
    from serving.files.printing import wide
    from serving.opening import opener_of, tell_choice
    from serving.settings import read_settings

    settings, fields = read_settings(bundle=bundle, hubs=hubs), fields_of(column)
    listed = read_hubs(settings.hubs)
    if out is not None:
        check_out(source, out)
    notes = Console(stderr=True)
    analyzer = opener_of(settings)(settings.bundle, report=tell_choice)
    outcome = link_file(
        source,
        analyzer=analyzer,
        codebook=analyzer.bundle.codebook,
        fields=fields,
        hubs=listed,
        elsewhere=open_linking(engine, analyzer, settings.bundle, hubs=listed),
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
    bundle: BundleDirectory = None,
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
    with ExitStack() as closing:
        with _made_for_good():
            from serving.app import create_app
            from serving.logs import configure_logs
            from serving.opening import open_chosen
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
            may_be_remote = settings.keys is not None or without_keys
            check_host(settings.host, may_be_remote=may_be_remote)
            configure_logs(level=settings.log_level)
            traces = open_traces(settings)
            listener = closing.enter_context(listen(settings.host, settings.port))
            analyzer, settings = open_chosen(settings)
            register = closing.enter_context(register_if_wanted(settings))
            app = create_app(analyzer, settings, register, traces)
        _run(app, settings, listener)


@contextmanager
def _made_for_good() -> Iterator[None]:
    """For what lives until the process ends: the collector does not look at it, now or later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


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
