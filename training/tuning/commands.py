"""The commands ``train`` and ``quantize``. Import what they need when they run.

Exit codes: 0 done, 1 done but some rows failed, 2 wrong usage or unreadable input.
"""

from pathlib import Path
from typing import Annotated

import typer

from training.code_tables import code_tables
from training.options import (
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
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
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
            min=0.0, help="先在训练文本上继续预训练的分钟数 · minutes of pretraining on them first"
        ),
    ] = 0.0,
    taxonomy: TaxonomyFile = None,
    codebook: CodebookFile = None,
    device: DeviceName = "auto",
) -> None:
    """在标注数据上训练模型包,并与线性基线对照 · Train a bundle, baseline beside it.

    Goes on where an interrupted run of the same settings stopped. The reports stand beside the
    bundle, in NAME-report/development and NAME-report/test. With --hold-out the test part is all
    that one writer wrote and nothing of it is learned: the honest estimate for a new voice. With
    --adapt the encoder first reads the training texts as it did in pretraining, without labels.
    With --taxonomy the labels are those of your own code table, and the bundle carries it.
    """
    from training.pretraining.encoders import EMBEDDED
    from training.tuning.fitting import FitSettings
    from training.tuning.settings import TrainSettings
    from training.tuning.tune import train as run

    console, chosen, out = plain_console(), device_of(device), out.resolve()
    tables = code_tables(taxonomy, codebook)
    examples = read_examples([*data, *(more or ())], console, tables)
    given = {"epochs": epochs, "batch_tokens": batch_tokens, "learning_rate": learning_rate}
    fit = FitSettings(seed=seed, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    with progress_bar(console) as progress:
        task = progress.add_task("starting", total=None)

        def report(stage: str, step: int, steps: int, loss: float) -> None:
            progress.update(
                task, description=f"{stage}  loss {loss:.3f}", completed=step, total=steps
            )

        trained = run(
            examples.records,
            directory=out,
            settings=TrainSettings(
                base=base or str(EMBEDDED),
                fit=fit,
                split_seed=split_seed,
                hold_out=hold_out,
                adapt=adapt,
                taxonomy=tables.taxonomy,
                codebook=tables.codebook,
            ),
            device=chosen,
            report=report,
            on_epoch=lambda epoch: progress.console.print(
                f"epoch {epoch.number}: loss {epoch.loss:.3f}, development {epoch.score:.4f}"
            ),
            stage=lambda name: progress.update(task, description=name),
        )
    for measured in trained.measured:
        write_measured(measured, out.with_name(f"{out.name}-report") / measured.part, console)
    console.print(f"模型包 bundle: {out} ({trained.analyzer.bundle.name})")
    raise typer.Exit(1 if examples.faults else 0)


def quantize(
    bundle: Annotated[Path, typer.Argument(help="模型包目录 · bundle directory")],
    data: DataFiles,
    out: Annotated[Path, typer.Option("--out", help="int8 模型包写入的目录 · bundle directory")],
    more: MoreFiles = None,
    margin: Annotated[
        float,
        typer.Option(help="每项指标最多变差多少 · how much worse each figure may be"),
    ] = 0.02,
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
