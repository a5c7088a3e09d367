"""Notes to who runs a command: what of an input was not used, and that a run was interrupted."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from models.rows import ReadingNote
from serving.files.tables import plain


def tell(note: ReadingNote, console: Console) -> None:
    """Say what of the input was not used; nothing is left out silently."""
    lines = [
        f"{field}: {count} 个值已损坏 values damaged, left out" for field, count in note.left_out
    ]
    lines += [
        f"{field}: {count} 个值不合用,未采用 values of no use, left out; wanted {wanted}"
        for field, wanted, count in note.unused
    ]
    if note.ignored_columns:
        lines.append(f"未使用的列 columns not used: {', '.join(note.ignored_columns)}")
    if note.skipped_sheets:
        lines.append(f"未读取的工作表 sheets not read: {', '.join(note.skipped_sheets)}")
    for line in lines:
        # One line each, so that it can be searched; names come from outside and steer nothing.
        console.print(Text(plain(f"{note.file}: {line}")), soft_wrap=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """An interruption is one line and exit code 130: what was done is kept, and the rest waits."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("已中断,重复同一命令即可继续 · interrupted; the same command goes on", err=True)
        raise typer.Exit(130) from None
