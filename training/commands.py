"""Commands of training: ``train``, ``evaluate``, ``pretrain``, ``check-data``.

Imports what it needs when a command runs. Exit codes: 0 done, 1 done but some rows failed, 2
wrong usage or unreadable input.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.terminal import (
    CommandError,
    device_of,
    plain_console,
    progress_bar,
    read_examples,
    write_measured,
)

if TYPE_CHECKING:
    from rich.console import Console

    from models.analyzer import Analyzer
    from training.evaluating import Chosen
    from training.examples import Examples

PARTS = ("auto", "all", "train", "development", "test")
_Data = Annotated[
    list[Path],
    typer.Option("--data", metavar="FILE...", help="标注文件 · labelled jsonl, csv, xlsx, parquet"),
]
# An option takes one value: the files after the first of `--data A B` arrive as arguments.
_More = Annotated[list[Path] | None, typer.Argument(metavar="", hidden=True)]
_Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="随机种子 · seed")]
_SplitSeed = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="数据划分种子 · seed of the split")
]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda")]


def train(
    data: _Data,
    out: Annotated[Path, typer.Option("--out", help="模型包写入的目录 · bundle directory")],
    more: _More = None,
    base: Annotated[
        str | None, typer.Option("--base", help="编码器路径或名称 · checkpoint path or hub id")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="最多轮次 · at most")] = None,
    batch_tokens: Annotated[
        int | None, typer.Option(min=64, help="每步词元 · tokens a step")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    seed: _Seed = 0,
    split_seed: _SplitSeed = 0,
    hold_out: Annotated[
        str | None,
        typer.Option("--hold-out", help="此写作者的文本只用于测试 · a writer to test on"),
    ] = None,
    device: _Device = "auto",
) -> None:
    """在标注数据上训练模型包,并与线性基线对照 · Train a bundle, baseline beside it.

    Goes on where an interrupted run of the same settings stopped. The reports stand beside the
    bundle, in NAME-report/development and NAME-report/test. With --hold-out the test part is all
    that one writer wrote and nothing of it is learned: the honest estimate for a new voice.
    """
    from training.encoders import EMBEDDED
    from training.fitting import FitSettings
    from training.tuning import TrainSettings
    from training.tuning import train as run

    console, chosen, out = plain_console(), device_of(device), out.resolve()
    examples = read_examples([*data, *(more or ())], console)
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
                base=base or str(EMBEDDED), fit=fit, split_seed=split_seed, hold_out=hold_out
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


def evaluate(
    bundle: Annotated[Path, typer.Argument(help="模型包目录 · bundle directory")],
    data: _Data,
    report: Annotated[Path, typer.Option("--report", help="报告目录 · report directory")],
    more: _More = None,
    part: Annotated[
        str, typer.Option(help=f"{', '.join(PARTS)};auto:训练数据取开发集,其他取全部")
    ] = "auto",
    baseline_data: Annotated[
        list[Path] | None, typer.Option("--baseline-data", help="基线的训练文件 · to fit it on")
    ] = None,
    errors: Annotated[
        bool,
        typer.Option(
            "--errors", help="另写含投诉原文的错误清单 · errors.md and .csv, with complaint texts"
        ),
    ] = False,
    train_files: Annotated[
        list[Path] | None,
        typer.Option("--train", help="查找相近样例的训练文件 · to find nearest examples in"),
    ] = None,
    noise: Annotated[
        bool, typer.Option("--noise", help="另测拼写噪声下的表现 · also under spelling noise")
    ] = False,
    behaviour: Annotated[
        Path | None, typer.Option("--behaviour", help="行为测试文件 · behavioural tests (YAML)")
    ] = None,
) -> None:
    """评估模型包并写报告 · Evaluate a bundle: JSON, Markdown and plots.

    On the files that the bundle was trained on, --part auto takes the development split and the
    baseline is fitted on the training split. On other files it takes all records, and the
    baseline is shown if --baseline-data names files to fit it on. --errors writes errors.md and
    errors.csv beside the report: they hold complaint texts and are for this machine only.
    """
    from models.analyzer import load_analyzer
    from training.behaviour import load_suites
    from training.evaluating import choose, evaluate_bundle

    console = plain_console()
    if part not in PARTS:
        raise CommandError(f"--part: {part!r} found, one of {', '.join(PARTS)} wanted")
    if train_files and not errors:
        raise CommandError("--train: found without --errors, wanted with it")
    if more and (baseline_data or train_files):
        # The second file of `--baseline-data A B` would be taken for one to evaluate.
        raise CommandError(
            f"{more[0]}: found without an option of its own; wanted --data, --baseline-data or "
            "--train before each file, where more than one of them is given"
        )
    analyzer = load_analyzer(bundle)
    examples = read_examples([*data, *(more or ())], console, analyzer.bundle)
    others = read_examples(baseline_data, console, analyzer.bundle) if baseline_data else None
    learned = read_examples(train_files, console, analyzer.bundle) if train_files else None
    chosen = choose(
        examples.records,
        analyzer.bundle.manifest,
        part=part,
        split_own=not others,
    )
    measured = evaluate_bundle(
        analyzer,
        examples.records,
        chosen,
        baseline_records=others.records if others else (),
        noise=noise,
        suites=load_suites(behaviour) if behaviour else (),
    )
    write_measured(measured, report, console)
    if errors:
        _write_errors(analyzer, examples, chosen, report, console, learned=learned)
    read = [one for one in (examples, others, learned) if one]
    raise typer.Exit(1 if any(one.faults for one in read) else 0)


def _write_errors(
    analyzer: "Analyzer",
    examples: "Examples",
    chosen: "Chosen",
    directory: Path,
    console: "Console",
    *,
    learned: "Examples | None",
) -> None:
    """Writes the casebook and says where it is, nothing of what it holds."""
    from training.casebook import write_casebook
    from training.errors import find_errors, learned_among
    from training.neighbours import placed

    golds = placed(examples)
    found = find_errors(
        analyzer,
        [golds[at] for at in chosen.places],
        part=chosen.name,
        train=placed(learned) if learned else learned_among(golds, analyzer.bundle),
    )
    page, table = write_casebook(found, directory)
    console.print(f"错误清单(含投诉原文)errors, with complaint texts: {page}, {table.name}")


def pretrain(
    corpus: Annotated[
        list[Path],
        typer.Option(
            "--corpus", metavar="FILE...", help="每行一段的文本,可为 .xz · a paragraph a line"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="编码器写入的目录 · checkpoint directory")],
    more: _More = None,
    base: Annotated[
        str | None, typer.Option("--base", help="起点,默认内置编码器 · path or hub id")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.01, help="总时长 · time in all")] = 60.0,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 5e-4,
    batch: Annotated[int, typer.Option(min=1, help="每步段数 · blocks a step")] = 32,
    length: Annotated[int, typer.Option(min=16, help="每段词元 · tokens a block")] = 128,
    words_from: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="此后整词遮盖,之前单字 · share before whole words"),
    ] = 0.0,
    compiled: Annotated[
        bool, typer.Option("--compile", help="用 torch.compile 加速,需编译器 · needs a compiler")
    ] = False,
    seed: _Seed = 0,
    device: _Device = "auto",
) -> None:
    """在本机的无标注文本上继续预训练编码器 · Masked-language modelling on your own text.

    Goes on where an interrupted run of the same settings stopped. The result is a checkpoint for
    ``xiaobao train --base``. The text stays on this machine.
    """
    from training.encoders import EMBEDDED
    from training.pretraining import PretrainSettings, Progress
    from training.pretraining import pretrain as run

    console, chosen, out = plain_console(), device_of(device), out.resolve()
    settings = PretrainSettings(
        minutes=minutes,
        learning_rate=learning_rate,
        batch=batch,
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
            base=base or EMBEDDED,
            directory=out,
            settings=settings,
            device=chosen,
            report=report,
            compiled=compiled,
        )
    console.print(f"编码器 encoder: {out} (loss {done.loss:.3f}, {done.tokens:,} tokens)")


def check_data(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="标注文件 · labelled files")
    ],
    disagreements: Annotated[
        bool, typer.Option("--disagreements", help="列出可疑标签(较慢)· doubtful labels, slower")
    ] = False,
    label_errors: Annotated[
        bool,
        typer.Option(
            "--label-errors", help="列出可能错标或漏标的标签(更慢)· likely label errors, slower"
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """检查标注数据 · Check labelled files: faults, duplicates, doubtful labels."""
    import json

    from models.codebook import default_codebook
    from models.labels import label_space
    from models.taxonomy import default_taxonomy
    from training.checking import check
    from training.examples import load_examples

    labels = label_space(default_taxonomy(), default_codebook())
    examples = load_examples(files, causes=labels.causes, signs=labels.signs, marks=labels.marks)
    found = check(
        examples,
        labels=labels.evidence,
        disagreements=disagreements,
        label_errors=label_errors,
    )
    text = json.dumps(found.as_json(), ensure_ascii=False) if as_json else found.as_text()
    typer.echo(text)
    raise typer.Exit(1 if found.faults else 0)
