"""The commands ``train`` and ``quantize``. Import what they need when they run.

Exit codes: 0 done, 1 done but some rows failed, 2 wrong usage or unreadable input.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.code_tables import code_tables
from training.options import (
    HIGHEST_RATE,
    MOST_MINUTES,
    CodebookFile,
    DataFiles,
    DeviceName,
    MoreFiles,
    Seed,
    TaxonomyFile,
)
from training.terminal import (
    device_of,
    plain_console,
    progress_bar,
    read_examples,
    write_measured,
)
from training.tuning.gate import MARGIN

if TYPE_CHECKING:
    import torch

    from models.record import LabelledRecord
    from training.processes import Processes
    from training.tuning.run_state import Epoch
    from training.tuning.settings import TrainSettings


def train(
    data: DataFiles,
    out: Annotated[Path, typer.Option("--out", help="模型包写入的目录 · bundle directory")],
    more: MoreFiles = None,
    base: Annotated[
        str | None, typer.Option("--base", help="编码器或模型包 · checkpoint, hub id or a bundle")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="最多轮次 · at most")] = None,
    batch_tokens: Annotated[
        int | None, typer.Option(min=64, help="每步词元 · tokens a step")
    ] = None,
    accumulate: Annotated[
        int,
        typer.Option(min=1, help="每步累积几遍,等于把每步词元放大几倍 · passes added up a step"),
    ] = 1,
    learning_rate: Annotated[float | None, typer.Option(min=0.0, max=HIGHEST_RATE)] = None,
    seed: Seed = 0,
    split_seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="数据划分种子 · seed of the split")
    ] = 0,
    hold_out: Annotated[
        str | None,
        typer.Option("--hold-out", help="此写作者的文本只用于测试 · a writer to test on"),
    ] = None,
    adapt: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=MOST_MINUTES,
            help="先在训练文本上继续预训练的分钟数 · minutes of pretraining on them first",
        ),
    ] = 0.0,
    teacher: Annotated[
        Path | None,
        typer.Option("--teacher", help="一并学习此模型包的回答 · a bundle to learn from as well"),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option("--beside", help="要与之比较的模型包 · a bundle to compare with afterwards"),
    ] = None,
    taxonomy: TaxonomyFile = None,
    codebook: CodebookFile = None,
    device: DeviceName = "auto",
    track: Annotated[
        str | None,
        typer.Option(
            "--track",
            metavar="ADDRESS",
            envvar="XIAOBAO_TRACK",
            help="MLflow 记录库,如 sqlite:///runs/tracking.db · where to note the run",
        ),
    ] = None,
) -> None:
    """在标注数据上训练模型包,并与线性基线对照 · Train a bundle, baseline beside it.

    Goes on where an interrupted run of the same settings stopped. The reports stand beside the
    bundle, in NAME-report/development and NAME-report/test. With --hold-out the test part is all
    that one writer wrote and nothing of it is learned: the honest estimate for a new voice. With
    --base BUNDLE it goes on where that bundle stands, and holds out nothing that one has read. With
    --adapt the encoder first reads the training texts as it did in pretraining, without labels.
    With --teacher it also learns what a larger network's bundle answers to the training texts.
    With --beside nothing that the other bundle has learned from is held out: what is held out both
    read for the first time.
    With --taxonomy the labels are those of your own code table, and the bundle carries it.
    Started by torchrun or accelerate launch, all processes share each step: same bundle, sooner.
    """
    from training.pretraining.encoders import EMBEDDED_ENCODER
    from training.processes import device_here, together
    from training.tuning.accompanying import accompany
    from training.tuning.settings import FitSettings, TrainSettings

    given = {"epochs": epochs, "batch_tokens": batch_tokens, "learning_rate": learning_rate}
    chosen = {name: value for name, value in given.items() if value is not None}
    fit = FitSettings(seed=seed, accumulate=accumulate, **chosen)  # type: ignore[arg-type]
    with together() as processes:
        # Whatever can be wrong is told once: the others begin when the leader has come so far.
        prepared = "" if processes.leads else processes.hear()
        console = plain_console(quiet=not processes.leads)
        here = device_here(device_of(device), processes)
        tables = code_tables(taxonomy, codebook)
        examples = read_examples([*data, *(more or ())], console, tables)
        settings = TrainSettings(
            base=base or str(EMBEDDED_ENCODER),
            fit=fit,
            split_seed=split_seed,
            hold_out=hold_out,
            adapt=adapt,
            teacher=teacher,
            beside=beside,
            taxonomy=tables.taxonomy,
            codebook=tables.codebook,
        )
        run = (
            partial(_lead, track=track)
            if processes.leads
            else partial(accompany, base=Path(prepared))
        )
        run(
            examples.records,
            directory=out.resolve(),
            settings=settings,
            device=here,
            processes=processes,
        )
        if processes.leads:
            raise typer.Exit(1 if examples.faults else 0)


def _lead(
    records: "Sequence[LabelledRecord]",
    *,
    directory: Path,
    settings: "TrainSettings",
    device: "torch.device",
    processes: "Processes",
    track: str | None,
) -> None:
    """Trains, shows how far it is, and writes the reports beside the bundle."""
    from training.processes import alone_by_mistake
    from training.tuning.tracking import tracked
    from training.tuning.tune import train as run

    console = plain_console()
    if processes.count > 1:
        console.print(f"{processes.count} 个进程共同训练 processes share each step")
    elif alone_by_mistake():
        console.print(
            "accelerate launch 只启动了一个进程 started one process only; on processors use "
            "torchrun --nproc-per-node N, or accelerate launch --multi_gpu"
        )
    notes = tracked(
        track,
        name=directory.name,
        settings=settings,
        processes=processes.count,
        complain=console.print,
    )
    with notes as noted, progress_bar(console) as progress:
        task = progress.add_task("starting", total=None)

        def report(stage: str, step: int, steps: int, loss: float) -> None:
            progress.update(
                task, description=f"{stage}  loss {loss:.3f}", completed=step, total=steps
            )

        def tell(epoch: "Epoch") -> None:
            noted.epoch(epoch)
            progress.console.print(
                f"epoch {epoch.number}: loss {epoch.loss:.3f}, development {epoch.score:.4f}"
            )

        trained = run(
            records,
            directory=directory,
            settings=settings,
            device=device,
            processes=processes,
            report=report,
            on_epoch=tell,
            stage=lambda name: progress.update(task, description=name),
        )
        noted.bundle(trained.analyzer.bundle, trained.history)
    for measured in trained.measured:
        reports = directory.with_name(f"{directory.name}-report")
        write_measured(measured, reports / measured.part, console)
    console.print(f"模型包 bundle: {directory} ({trained.analyzer.bundle.name})")


def quantize(
    bundle: Annotated[Path, typer.Argument(help="模型包目录 · bundle directory")],
    data: DataFiles,
    out: Annotated[Path, typer.Option("--out", help="int8 模型包写入的目录 · bundle directory")],
    more: MoreFiles = None,
    margin: Annotated[
        float,
        typer.Option(help="每项指标最多变差多少 · how much worse each figure may be"),
    ] = MARGIN,
    seed: Seed = 0,
) -> None:
    """把模型包量化为 int8,质量门不通过则不发布 · Quantize a bundle to int8, behind a gate.

    The data are those that the bundle was trained on. Thresholds are calibrated anew. Nothing is
    written where on the development split level-1 macro F1, a sign's recall or the rate of false
    flags is worse by more than --margin; a sign's recall may always lose one text.
    """
    from models.analyzer import load_analyzer
    from training.tuning.publishing import quantize_bundle

    console, full = plain_console(), load_analyzer(bundle)
    examples = read_examples([*data, *(more or ())], console, full.bundle)
    made = quantize_bundle(
        full, examples.records, directory=out.resolve(), margin=margin, seed=seed
    )
    for figure in made.compared:
        if figure.full != figure.quantized:
            console.print(f"{figure.name}: {figure.full:.4f} -> {figure.quantized:.4f}")
    console.print(f"network.onnx: {made.bytes_full:,} -> {made.bytes_quantized:,} bytes")
    console.print(f"模型包 bundle: {out} ({made.analyzer.bundle.name})")
    raise typer.Exit(1 if examples.faults else 0)
