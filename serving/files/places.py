"""Places of output: what may be written where, and errors of the system as those of an output."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import XiaobaoError


class OutputError(XiaobaoError):
    """The answers cannot be written where they were asked for."""


def check_place(source: Path | None, out: Path) -> None:
    """Raise OutputError where ``out`` has no folder, is one, or would cost the input's file."""
    if not out.parent.is_dir():
        raise OutputError(f"{out}: found no directory {out.parent}, wanted an existing one")
    if out.is_dir():
        raise OutputError(f"{out}: is a directory, wanted a file")
    if source is None or not source.exists():
        return
    # The list of failed rows is written too, or removed: an input of that name would be lost.
    for written in (out, errors_beside(out)):
        if written.exists() and written.samefile(source):
            raise OutputError(f"{out}: {written.name} is the input itself, wanted another name")


def errors_beside(out: Path) -> Path:
    """Where the failed rows of an output are listed."""
    return out.with_suffix(".errors.jsonl")


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Errors of the system as OutputError; those of the input are a RowsError already."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(f"{out}: cannot be written ({why}), wanted a place to write") from error
