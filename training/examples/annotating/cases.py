"""Cases to annotate: rows of a file that may or may not be labelled yet, and where they stand."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.record import LabelledRecord, Record
from models.rows import Row, RowFault, parse_record, read_rows
from training.examples.labelled import LABEL_FIELDS, KnownLabels, parse_labelled
from training.examples.reading import as_row


@dataclass(frozen=True, slots=True)
class AnnotationCase:
    """A complaint of a file; ``labelled`` is None where nobody has labelled it yet.

    ``has_labels``: that somebody has, read or not.
    """

    file: str
    row: int
    record: Record
    group: str | None = None
    labelled: LabelledRecord | None = None
    has_labels: bool = False

    @property
    def name(self) -> str:
        """Its id, else where it stands."""
        return self.record.case_id or f"{self.file}:{self.row}"

    def as_row(self) -> dict[str, Any]:
        """A flat row of the stored format, without what is not said."""
        row = (
            as_row(self.labelled) if self.labelled else {**asdict(self.record), "group": self.group}
        )
        return {name: value for name, value in row.items() if value is not None}


def read_cases(
    path: Path, *, known: KnownLabels | None = None, left_out: Counter[str] | None = None
) -> tuple[list[AnnotationCase], list[RowFault]]:
    """The cases of a file and the faults of its other rows.

    known: the ids a label may have; without it labels are not read at all. Raises RowsError for a
    file that as a whole cannot be read.
    """
    cases: list[AnnotationCase] = []
    faults: list[RowFault] = []
    for row in read_rows(path, also=LABEL_FIELDS):
        found = (row,) if isinstance(row, RowFault) else _case_of(row, known, left_out)
        if isinstance(found, AnnotationCase):
            cases.append(found)
        else:
            faults.extend(found)
    return cases, faults


def _case_of(
    row: Row, known: KnownLabels | None, left_out: Counter[str] | None
) -> AnnotationCase | tuple[RowFault, ...]:
    if known is not None and row.values.get("primary"):
        labelled = parse_labelled(row, known=known, left_out=left_out)
        if isinstance(labelled, tuple):
            return labelled
        return AnnotationCase(
            row.file, row.number, labelled.record, labelled.group, labelled, has_labels=True
        )
    case_id = row.values.get("case_id") or row.values.get("id")
    record = parse_record(Row(row.file, row.number, {**row.values, "case_id": case_id}))
    if isinstance(record, RowFault):
        return (record,)
    group, has_labels = row.values.get("group"), bool(row.values.get("primary"))
    return AnnotationCase(
        row.file, row.number, record, str(group) if group else None, has_labels=has_labels
    )
