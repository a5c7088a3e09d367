"""The command ``pretrain``. Imports what it needs when it runs.

Exit codes: 0 done, 1 done but some rows failed, 2 wrong usage or unreadable input.
"""

from pathlib import Path
from typing import Annotated

import typer

from training.options import HIGHEST_RATE, MOST_MINUTES, DeviceName, MoreFiles, Seed
from training.terminal import (
    device_of,
    plain_console,
    progress_bar,
)


def pretrain(
    corpus: Annotated[
        list[Path],
        typer.Option(
            "--corpus", metavar="FILE...", help="每行一段的文本,可为 .xz · a paragraph a line"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="编码器写入的目录 · checkpoint directory")],
    more: MoreFiles = None,
    base: Annotated[
        str | None, typer.Option("--base", help="起点,默认内置编码器 · path or hub id")
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.01, max=MOST_MINUTES, help="总时长 · time in all")
    ] = 60.0,
    learning_rate: Annotated[float, typer.Option(min=0.0, max=HIGHEST_RATE)] = 5e-4,
    batch: Annotated[int, typer.Option(min=1, help="每步段数 · blocks a step")] = 32,
    accumulate: Annotated[
        int,
        typer.Option(min=1, help="每步累积几遍,等于把每步段数放大几倍 · passes added up a step"),
    ] = 1,
    length: Annotated[int, typer.Option(min=16, help="每段词元 · tokens a block")] = 128,
    words_from: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="此后整词遮盖,之前单字 · share before whole words"),
    ] = 0.0,
    compiled: Annotated[
        bool, typer.Option("--compile", help="用 torch.compile 加速,需编译器 · needs a compiler")
    ] = False,
    seed: Seed = 0,
    device: DeviceName = "auto",
) -> None:
    """在本机的无标注文本上继续预训练编码器 · Masked-language modelling on your own text.

    Goes on where an interrupted run of the same settings stopped. The result is a checkpoint for
    ``xiaobao train --base``. The text stays on this machine.
    """
    from training.pretraining.encoders import EMBEDDED_ENCODER
    from training.pretraining.masked_language import PretrainSettings, Progress
    from training.pretraining.masked_language import pretrain as run
    from training.processes import refuse_several

    refuse_several("pretrain")
    console, chosen, out = plain_console(), device_of(device), out.resolve()
    settings = PretrainSettings(
        minutes=minutes,
        learning_rate=learning_rate,
        batch=batch,
        accumulate=accumulate,
        length=length,
        words_from=words_from,
        seed=seed,
    )
    with progress_bar(console) as progress:
        task = progress.add_task("starting", total=60 * minutes)

        def report(now: Progress) -> None:
            rate = now.tokens / max(now.seconds, 1e-9)
            text = f"loss {now.loss:.3f}  {rate:,.0f} tokens/s"
            progress.update(task, description=text, completed=now.seconds)

        done = run(
            [*corpus, *(more or ())],
            base=base or EMBEDDED_ENCODER,
            directory=out,
            settings=settings,
            device=chosen,
            report=report,
            compiled=compiled,
        )
    console.print(f"编码器 encoder: {out} (loss {done.loss:.3f}, {done.tokens:,} tokens)")
