"""Places of output: what may be written where."""

from collections.abc import Iterable
from pathlib import Path

from models.whole_files import OutputError, keep_inputs


def check_suffix(out: Path, wanted: Iterable[str]) -> None:
    """Raise OutputError for a file of another kind than those wanted."""
    known = tuple(wanted)
    if out.suffix.lower() not in known:
        which = known[0] if len(known) == 1 else f"one of {', '.join(known)}"
        raise OutputError(f"{out}: found suffix {out.suffix or 'none'!r}, wanted {which}")


def check_place(source: Path | None, out: Path) -> None:
    """Raise OutputError where ``out`` has no folder, is one, or would cost the input's file."""
    if not out.parent.is_dir():
        raise OutputError(f"{out}: found no directory {out.parent}, wanted an existing one")
    if out.is_dir():
        raise OutputError(f"{out}: is a directory, wanted a file")
    # The list of failed rows is written too, or removed: an input of that name would be lost.
    keep_inputs((out, errors_beside(out)), (source,))


def errors_beside(out: Path) -> Path:
    """Where the failed rows of an output are listed."""
    return out.with_suffix(".errors.jsonl")
