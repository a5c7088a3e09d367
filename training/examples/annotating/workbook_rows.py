"""An annotated workbook back to labelled records; every fault with its row and column.

Reads what ``workbook`` wrote, with whatever people changed in it.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from models.record import Span
from models.rows import Row, RowFault, RowsError
from models.rows.cells import CellError
from models.rows.columns import RECORD_FIELDS
from models.rows.row import type_name
from models.rows.sheets import unescape
from training.examples.annotating.label_studio_exports import Annotated
from training.examples.annotating.workbook import EVIDENCE
from training.examples.labelled import LABEL_FIELDS, KnownLabels, parse_labelled

_KNOWN = frozenset((*RECORD_FIELDS, *LABEL_FIELDS, "suggested"))
_QUOTE = re.compile(
    r"\s*(?P<labels>[^\s:：@;；]+(?:\s*[;；]\s*[^\s:：@;；]+)*)\s*"
    r"(?:@(?P<at>\d+)\s*)?(?:[:：] ?|\n)(?P<words>.+)",
    re.DOTALL,
)
_LABELS = ("causes", "signs", "marks", EVIDENCE)


def read_workbook(
    path: Path, *, known: KnownLabels, left_out: Counter[str] | None = None
) -> Annotated:
    """The annotated records of a workbook; a row without any label is open yet.

    Raises RowsError for a file that is no workbook, or has no sheet of cases.
    """
    records, faults, unlabelled = [], [], []
    for number, values in _rows(path):
        if not values.get("primary"):
            if labels := [n for n, cell in values.items() if n.startswith(_LABELS) and cell]:
                reason = f"found none beside {', '.join(labels)}, wanted the main cause"
                faults.append(RowFault(str(path), number, "primary", reason))
            else:
                unlabelled.append(number)
            continue
        try:
            row = Row(str(path), number, _with_spans(values))
        except CellError as error:
            faults.append(RowFault(str(path), number, error.field, error.reason))
            continue
        found = parse_labelled(row, known=known, left_out=left_out)
        if isinstance(found, tuple):
            faults.extend(found)
        else:
            records.append(found)
    return Annotated(tuple(records), tuple(faults), tuple(unlabelled), ())


def read_quote(cell: str, text: str, *, column: str) -> Span:
    """The span of an evidence cell; CellError names the column and what is wrong there."""
    found = _QUOTE.fullmatch(cell)
    if not found:
        raise CellError(column, "found no label before the words, wanted LABEL: words of the text")
    words, at = found["words"], found["at"]
    labels = tuple(part.strip() for part in re.split("[;；]", found["labels"]))
    if at is not None and text.startswith(words, int(at)):
        return Span(int(at), int(at) + len(words), labels)
    words = words if words in text else words.strip()
    count = _count(text, words)
    if count != 1:
        where = f"{count} times in the text"
        raise CellError(column, f"found words that stand {where}, wanted once, or @ and the place")
    start = text.index(words)
    return Span(start, start + len(words), labels)


def _count(text: str, words: str) -> int:
    return sum(text.startswith(words, place) for place in range(len(text) - len(words) + 1))


def _with_spans(values: Mapping[str, Any]) -> dict[str, Any]:
    text = values.get("text")
    if not isinstance(text, str):
        raise CellError("text", f"found {type_name(text)}, wanted the complaint text")
    cells = {name: cell for name, cell in values.items() if name.startswith(EVIDENCE)}
    spans = [read_quote(str(cell), text, column=name) for name, cell in cells.items()]
    kept = {name: value for name, value in values.items() if name not in cells}
    return {**kept, "spans": [asdict(span) for span in spans]}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row of the sheet of cases that is not blank: its number, and its cells by field."""
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise RowsError(f"{path}: cannot be read ({error.strerror}), wanted a workbook") from error
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RowsError(f"{path}: found no Excel workbook inside, wanted .xlsx") from error
    try:
        for sheet in book.worksheets:
            rows = sheet.iter_rows(values_only=True)
            names = [_field(title) for title in next(rows, ())]
            if "text" in names and "primary" in names:
                yield from _cells(names, rows)
                return
    finally:
        book.close()
    raise RowsError(f"{path}: found no sheet with columns text and primary, wanted one")


def _cells(
    names: Sequence[str | None], rows: Iterator[Sequence[Any]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, cells in enumerate(rows, start=2):
        pairs = zip(names, cells, strict=False)
        values = {n: _plain(cell) for n, cell in pairs if n and cell is not None and cell != ""}
        if values:
            yield number, values


def _field(title: object) -> str | None:
    """The field of a column: the last word of its title."""
    name = str(title).split()[-1] if title is not None and str(title).split() else None
    return name if name in _KNOWN or str(name).startswith(EVIDENCE) else None


def _plain(cell: Any) -> Any:
    return unescape(cell) if isinstance(cell, str) else cell
