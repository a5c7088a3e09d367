"""Inputs: what ``assess`` reads, a file or what was given on the command line or by a pipe.

Whatever it is, it can be read as often as wanted. No text of a complaint enters an error.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import typer

from models.rows import (
    SUFFIXES,
    ReadingNote,
    Row,
    RowFault,
    parse_record,
    read_piped,
    read_rows,
)
from serving.files.partial import file_digest

OnNote = Callable[[ReadingNote], None]
_PIPE = Path("-")
_TEXT = "--text"


class Input(Protocol):
    """Rows to assess; ``path`` is None where they stand in no file."""

    @property
    def path(self) -> Path | None:
        """The file, which no output may overwrite."""
        ...

    def read(self, *, on_note: OnNote | None = None) -> Iterator[Row | RowFault]:
        """Each row that is not blank. Raises RowsError for a file that cannot be read."""
        ...

    def owner(self) -> Mapping[str, str]:
        """What tells this input from another, by which an interrupted run goes on."""
        ...


@dataclass(frozen=True, slots=True)
class FileInput:
    """A file; ``fields`` maps its own column names to a record's fields."""

    path: Path
    fields: Mapping[str, str] = field(default_factory=dict)

    def read(self, *, on_note: OnNote | None = None) -> Iterator[Row | RowFault]:
        """The rows of the file, read anew."""
        return read_rows(self.path, fields=self.fields, on_note=on_note)

    def owner(self) -> Mapping[str, str]:
        """The file's content, and the columns it was read by."""
        columns = json.dumps(sorted(self.fields.items()), ensure_ascii=False)
        return {"input": file_digest(self.path), "columns": columns}


@dataclass(frozen=True, slots=True)
class GivenInput:
    """Rows that stand in no file: all of them are in memory."""

    rows: tuple[Row | RowFault, ...]
    notes: tuple[ReadingNote, ...] = ()
    path: None = None

    def read(self, *, on_note: OnNote | None = None) -> Iterator[Row | RowFault]:
        """The rows, and what was not used of them."""
        yield from self.rows
        if on_note is not None:
            for note in self.notes:
                on_note(note)

    def owner(self) -> Mapping[str, str]:
        """The rows, as a hash."""
        return {"input": hashlib.sha256(repr(self.rows).encode()).hexdigest()}


def input_of(
    sources: Sequence[Path], *, texts: Sequence[str], objects: bool, fields: Mapping[str, str]
) -> Input:
    """What a command line asks to assess. Raises BadParameter for what does not go together.

    ``objects``: the lines of a pipe are JSON objects, not texts.
    """
    source = _only(sources)
    if (source is None) == (not texts):
        wanted = "INPUT, - or --text"
        raise typer.BadParameter(f"需要其中一个 · wanted one of {wanted}", param_hint="INPUT")
    if objects and source != _PIPE:
        raise typer.BadParameter("只与 - 同用 · goes with - only", param_hint="--jsonl")
    if fields and (texts or (source == _PIPE and not objects)):
        wanted = "只用于文件和 --jsonl · goes with a file or --jsonl: plain texts have no columns"
        raise typer.BadParameter(wanted, param_hint="--column")
    if source is None:
        return _typed(texts)
    if source == _PIPE:
        return _piped(objects, fields)
    _check_is_no_text(source)
    return FileInput(source, fields)


def _only(sources: Sequence[Path]) -> Path | None:
    # A text typed without quotes is many words: none of them is repeated.
    if len(sources) > 1:
        reason = f"found {len(sources)}, wanted one; a text with blanks needs quotes"
        raise typer.BadParameter(f"只能有一个,文本请加引号 · {reason}", param_hint="INPUT")
    return next(iter(sources), None)


def _typed(texts: Sequence[str]) -> GivenInput:
    rows = tuple(Row(_TEXT, number, {"text": text}) for number, text in enumerate(texts, start=1))
    for row in rows:
        found = parse_record(row)
        if isinstance(found, RowFault):
            which = f"第 {row.number} 个 · number {row.number}"
            raise typer.BadParameter(f"{which}: {found.reason}", param_hint=_TEXT)
    return GivenInput(rows)


def _piped(objects: bool, fields: Mapping[str, str]) -> GivenInput:
    if sys.stdin.isatty():
        typer.echo("每行一件,Ctrl+D 结束 · one complaint a line, end with Ctrl+D", err=True)
    notes: list[ReadingNote] = []
    stream, note = sys.stdin.buffer, notes.append
    rows = read_piped(stream, name="stdin", objects=objects, fields=fields, on_note=note)
    return GivenInput(tuple(rows), tuple(notes))


def _check_is_no_text(source: Path) -> None:
    """A text typed in place of a file must not come back in an error."""
    if source.suffix.lower() not in SUFFIXES and not _exists(source):
        wanted = f"a file ({', '.join(SUFFIXES)}), or {_TEXT} before a text"
        reason = f"没有这个文件;给文本请用 {_TEXT} · found no such file, wanted {wanted}"
        raise typer.BadParameter(reason, param_hint="INPUT")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name, as texts are
        return False
