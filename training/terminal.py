"""What the commands of training show in a terminal: faults, a progress bar, tables, devices.

Writes to standard error, so that standard output stays the answer's.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.code_tables import CodeTables, code_tables
from training.options import CommandError

if TYPE_CHECKING:
    import torch

    from models.bundle import Bundle
    from training.evaluation.measuring import Measured
    from training.examples.reading import Examples


def plain_console(*, stderr: bool = True, quiet: bool = False) -> Console:
    """A console that neither wraps a path nor reads a bracket in it as markup; quiet: mute."""
    return Console(stderr=stderr, soft_wrap=True, markup=False, highlight=False, quiet=quiet)


def read_examples(
    files: Sequence[Path], console: Console, known: "Bundle | CodeTables | None" = None
) -> "Examples":
    """The examples of the files, at least one; each fault is told, with its file and row.

    known: whose labels they may have; without it those of the package's own taxonomy.
    """
    from models.labels import facets_of, label_space
    from training.examples.labelled import unknown_values
    from training.examples.reading import load_examples

    if known is None or isinstance(known, CodeTables):
        taxonomy, codebook = (known or code_tables(None, None)).read()
        labels = label_space(taxonomy, codebook)
    else:
        taxonomy, labels = known.taxonomy, known.labels
    examples = load_examples(
        files,
        causes=labels.causes,
        signs=labels.signs,
        marks=labels.marks,
        facets=facets_of(taxonomy),
    )
    for fault in examples.faults:
        where = f"{fault.file}:{fault.row} {fault.field or ''}".rstrip()
        console.print(f"{where}: {fault.reason}")
    for note in examples.notes:
        lines = list(unknown_values(dict(note.unknown)))
        lines += [f"未使用的列 column not used: {name}" for name in note.ignored_columns]
        lines += [f"未读取的工作表 sheet not read: {name}" for name in note.skipped_sheets]
        for line in lines:
            console.print(f"{note.file}: {line}")
    if not examples.records:
        raise CommandError(f"{', '.join(map(str, files))}: no usable record found, one wanted")
    return examples


def write_measured(measured: "Measured", directory: Path, console: Console) -> None:
    """Writes the report of an evaluation and shows its table."""
    from training.evaluation.report import as_table, write_report

    title = f"评估报告 Evaluation: {measured.part}"
    write_report(
        measured.network,
        baseline=measured.baseline,
        directory=directory,
        title=title,
        notes=measured.notes,
        more=measured.tables,
    )
    console.print(as_table(measured.network, measured.baseline), soft_wrap=False)
    for note in measured.notes:
        console.print(note)
    console.print(f"报告 report: {directory / 'report.md'}")


def device_of(name: str) -> "torch.device":
    """The device of a name; auto is the graphics processor where there is one."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda") or (name == "cuda" and not torch.cuda.is_available()):
        raise CommandError(f"--device: {name!r} is not available; wanted auto, cpu or cuda")
    return torch.device(name)


def progress_bar(console: Console) -> Progress:
    """A description, a bar, the time gone and to go; nothing where nobody watches, as in a log."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
