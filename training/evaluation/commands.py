"""The command ``evaluate``. Imports what it needs when it runs.

Exit codes: 0 done, 1 done but some rows failed, 2 wrong usage or unreadable input.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.options import CommandError, DataFiles, MoreFiles
from training.terminal import (
    plain_console,
    read_examples,
    write_measured,
)

if TYPE_CHECKING:
    from rich.console import Console

    from models.analyzer import Analyzer
    from training.evaluation.evaluating import Chosen
    from training.examples.reading import Examples

PARTS = ("auto", "all", "train", "development", "test")


def evaluate(
    bundle: Annotated[Path, typer.Argument(help="模型包目录 · bundle directory")],
    data: DataFiles,
    report: Annotated[Path, typer.Option("--report", help="报告目录 · report directory")],
    more: MoreFiles = None,
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
    from training.evaluation.behaviour import load_suites
    from training.evaluation.evaluating import choose, evaluate_bundle

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
    from training.evaluation.casebook import write_casebook
    from training.evaluation.errors import find_errors, learned_among
    from training.examples.neighbours import placed

    golds = placed(examples)
    found = find_errors(
        analyzer,
        [golds[at] for at in chosen.places],
        part=chosen.name,
        train=placed(learned) if learned else learned_among(golds, analyzer.bundle),
    )
    page, table = write_casebook(found, directory)
    console.print(f"错误清单(含投诉原文)errors, with complaint texts: {page}, {table.name}")
