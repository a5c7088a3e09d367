"""Labelled examples from files: records, faults and notes, and the same as a Hugging Face dataset.

Reads every format that `models.rows` reads. A bad row is reported and the good ones go on.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import datasets

from models.record import LabelledRecord
from models.rows import ReadingNote, Row, RowFault, read_rows
from models.rows.columns import RECORD_FIELDS
from models.taxonomy import default_taxonomy
from training.examples.labelled import LABEL_FIELDS, KnownLabels, parse_labelled


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled record and where it stands: ``row`` is the number the user sees."""

    file: str
    row: int
    labelled: LabelledRecord


@dataclass(frozen=True, slots=True)
class Examples:
    """What some files hold: ``places[i]`` is (file, row) of ``records[i]``."""

    records: tuple[LabelledRecord, ...]
    faults: tuple[RowFault, ...] = ()
    notes: tuple[ReadingNote, ...] = ()
    places: tuple[tuple[str, int], ...] = ()

    def dataset(self) -> Any:
        """A `datasets.Dataset`, one row a record, in order; columns as the stored format's."""
        return datasets.Dataset.from_list([as_row(r) for r in self.records], features=_features())


def load_examples(
    paths: Iterable[Path],
    *,
    causes: Collection[str],
    signs: Collection[str],
    marks: Collection[str],
    facets: Mapping[str, Collection[str]] | None = None,
    fields: Mapping[str, str] | None = None,
) -> Examples:
    """All examples of the files, in order; ids are unique across them.

    ``causes`` are the leaf and technical ids, ``facets`` the values by facet (default: those of
    the taxonomy shipped), ``fields`` maps further column names to fields. Raises `RowsError` for
    a file that as a whole cannot be read.
    """
    facets = default_taxonomy().facets if facets is None else facets
    known = KnownLabels(frozenset(causes), frozenset(signs), frozenset(marks), facets)
    examples: list[Example] = []
    faults: list[RowFault] = []
    notes: list[ReadingNote] = []
    seen: dict[tuple[str, str], str] = {}
    for path in paths:
        for item in read_labelled(
            path, known=known, fields=fields, seen=seen, on_note=notes.append
        ):
            (faults if isinstance(item, RowFault) else examples).append(item)  # type: ignore[arg-type]
    return Examples(
        records=tuple(example.labelled for example in examples),
        faults=tuple(faults),
        notes=tuple(notes),
        places=tuple((example.file, example.row) for example in examples),
    )


def read_labelled(
    path: Path,
    *,
    known: KnownLabels,
    fields: Mapping[str, str] | None = None,
    seen: dict[tuple[str, str], str] | None = None,
    on_note: Callable[[ReadingNote], None] | None = None,
) -> Iterator[Example | RowFault]:
    """Each row's example, or all its faults. ``seen`` keeps the ids met, across files."""
    seen = {} if seen is None else seen
    left_out: Counter[str] = Counter()

    def note(found: ReadingNote) -> None:
        if on_note is not None:
            on_note(replace(found, unknown=tuple(sorted(left_out.items()))))

    also = (*LABEL_FIELDS, "genre")  # not for `read_rows` to leave out: the taxonomy says
    for row in read_rows(path, fields=fields, also=also, on_note=note):
        if isinstance(row, RowFault):
            yield row
            continue
        parsed = parse_labelled(row, known=known, left_out=left_out)
        faults = parsed if isinstance(parsed, tuple) else tuple(_double_ids(row, seen))
        if faults or isinstance(parsed, tuple):
            yield from faults
        else:
            yield Example(row.file, row.number, parsed)


def _double_ids(row: Row, seen: dict[tuple[str, str], str]) -> Iterator[RowFault]:
    place = f"{row.file}:{row.number}"
    for field in ("id", "case_id"):
        value = row.values.get(field)
        if value is None or value == "":
            continue
        first = seen.setdefault((field, str(value)), place)
        if first != place:
            yield RowFault(row.file, row.number, field, f"already at {first}, wanted a new one")


def as_row(labelled: LabelledRecord) -> dict[str, Any]:
    """One flat row of the stored format; spans as {start, end, labels}."""
    row = asdict(labelled)
    return {**row.pop("record"), **row}


def _features() -> Any:
    text = datasets.Value("string")
    number = datasets.Value("int32")
    texts = datasets.List(text)
    spans = datasets.List({"start": number, "end": number, "labels": texts})
    lists = dict.fromkeys(("causes", "signs", "marks", "demand"), texts)
    plain = dict.fromkeys((*RECORD_FIELDS, "primary", "record_type", "group", "writer"), text)
    return datasets.Features(
        {**plain, **lists, "agent_run": datasets.Value("bool"), "spans": spans}
    )
