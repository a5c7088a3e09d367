"""Labelled rows put from one taxonomy into another by a mapping; nothing is lost on the way.

A row of which any cause has no target, needs a person, or is broken is set aside with its reasons.
Signs, marks and texts stay as they are. The report holds counts and case ids, no words of a text.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from models.record import LabelledRecord, Span
from models.rows import ReadingNote, Row, RowFault, read_rows
from models.rows.columns import Columns
from models.rows.lines import parse_line
from training.examples.labelled import LABEL_FIELDS, parse_labelled
from training.examples.reading import as_row
from training.examples.taxonomies.mapping import CodeMapping, MappingTarget

WHY = {
    "no_target": "无对应新码 no target",
    "person": "需人工判断 needs a person",
    "primary_dropped": "主因的码被略去 the primary code is dropped",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a row was set aside: the old code, a key of WHY, the new codes to choose from."""

    code: str
    why: str
    choices: tuple[str, ...] = ()


@dataclass(slots=True)
class Migration:
    """What became of the rows of a file: ``aside`` are the whole rows with their reasons.

    ``stopped``: by reason and old code the cases that were set aside; ``moved``: by old code how
    often it became which new one; ``dropped``: how often a code fell away beside another.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    aside: list[dict[str, Any]] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    notes: list[ReadingNote] = field(default_factory=list)
    stopped: defaultdict[tuple[str, str], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def codes_beside(self, leaves: Collection[str]) -> Counter[str]:
        """How many migrated rows have a cause, kept as it was, that is none of these."""
        return Counter(code for row in self.rows for code in row["causes"] if code not in leaves)

    def as_json(self) -> dict[str, Any]:
        """The report: counts and case ids, or ``file:row`` of a case without an id."""
        stopped: dict[str, dict[str, Any]] = {why: {} for why in WHY}
        for (why, code), cases in sorted(self.stopped.items()):
            stopped[why][code] = {"rows": len(cases), "cases": cases}
        moved: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (old, new), count in sorted(self.moved.items()):
            moved[old][new] = count
        return {
            "rows": len(self.rows) + len(self.aside),
            "migrated": len(self.rows),
            "aside": len(self.aside),
            **stopped,
            "faults": [asdict(fault) for fault in self.faults],
            "moved": moved,
            "dropped": dict(self.dropped),
            "ignored_columns": [name for note in self.notes for name in note.ignored_columns],
        }


def migrate_file(path: Path, mapping: CodeMapping) -> Migration:
    """Every row of a labelled file, migrated or set aside.

    Raises RowsError for a file that as a whole cannot be read.
    """
    found = Migration()
    originals = _originals(path)
    for row in read_rows(path, also=LABEL_FIELDS, on_note=found.notes.append):
        raw = originals.get(row.row if isinstance(row, RowFault) else row.number)
        if isinstance(row, RowFault):
            _set_aside(found, {"line": raw} if raw is not None else {}, [str(row)])
            found.faults.append(row)
        else:
            _migrate_row(found, row, raw, mapping)
    return found


def _migrate_row(found: Migration, row: Row, raw: str | None, mapping: CodeMapping) -> None:
    kept = {name: value for name, value in row.values.items() if value is not None}
    extra = _extra(raw, row)
    parsed = parse_labelled(row, known=None)
    if isinstance(parsed, tuple):
        found.faults.extend(parsed)
        _set_aside(found, {**extra, **kept}, [str(fault) for fault in parsed])
        return
    stops = tuple(_stops(parsed, mapping))
    case = parsed.record.case_id or f"{row.file}:{row.number}"
    for stop in stops:
        found.stopped[stop.why, stop.code].append(case)
    if stops:
        _set_aside(found, {**extra, **kept}, [asdict(stop) for stop in stops])
        return
    for code in parsed.causes:
        new = _targets(parsed, mapping.target_of(code))
        found.moved.update((code, cause) for cause in new)
        found.dropped.update(() if new else (code,))
    stored = {k: v for k, v in as_row(migrate(parsed, mapping)).items() if v is not None}
    own_id = {"id": kept["id"]} if "id" in kept else {}
    found.rows.append({**extra, **own_id, **stored})


def migrate(record: LabelledRecord, mapping: CodeMapping) -> LabelledRecord:
    """The record with every old code replaced, in causes and in evidence; it has no stops."""
    new = {code: _targets(record, mapping.target_of(code)) for code in record.causes}
    spans = (Span(s.start, s.end, _replaced(s.labels, new)) for s in record.spans)
    return replace(
        record,
        primary=new[record.primary][0],
        causes=_replaced((record.primary, *record.causes), new),
        spans=tuple(span for span in spans if span.labels),
    )


def _replaced(labels: Sequence[str], new: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    found = (cause for label in labels for cause in new.get(label, (label,)))
    return tuple(dict.fromkeys(found))


def _targets(record: LabelledRecord, target: MappingTarget) -> tuple[str, ...]:
    """The new codes; none for a code that falls away, or that a person must decide."""
    if target.rule == "by":
        chosen = target.values.get(_value(record, target.by or ""))
        return () if chosen is None else (chosen,)
    return target.to if target.rule in ("one", "all") else ()


def _stops(record: LabelledRecord, mapping: CodeMapping) -> Iterator[Stop]:
    for code in record.causes:
        target = mapping.target_of(code)
        choices = tuple(dict.fromkeys((*target.to, *target.values.values())))
        if target.rule == "none":
            yield Stop(code, "no_target")
        elif target.rule == "drop":
            if code == record.primary:
                yield Stop(code, "primary_dropped")
        elif not _targets(record, target):
            yield Stop(code, "person", choices)


def _value(record: LabelledRecord, name: str) -> str:
    owner = record if name == "record_type" else record.record
    return str(getattr(owner, name) or "")


def _set_aside(found: Migration, row: Mapping[str, Any], reasons: Sequence[Any]) -> None:
    found.aside.append({**row, "aside": list(reasons)})


def _originals(path: Path) -> dict[int, str]:
    """The lines of a JSON Lines file by number: what they hold beside our fields is kept."""
    if path.suffix.lower() not in (".jsonl", ".ndjson") or not path.is_file():
        return {}
    with path.open("rb") as lines:
        return {number: raw.decode("utf-8", "replace") for number, raw in enumerate(lines, 1)}


def _extra(raw: str | None, row: Row) -> dict[str, Any]:
    """What a line holds that a row does not: under other names, or of no use to us."""
    parsed = None if raw is None else parse_line(raw.encode(), file=row.file, number=row.number)
    if not isinstance(parsed, dict):
        return {}
    fields = Columns(also=LABEL_FIELDS).match(tuple(parsed)).fields
    pairs = zip(parsed.items(), fields, strict=True)
    return {
        name: value
        for (name, value), known in pairs
        if known is None or (value is not None and row.values.get(known) is None)
    }
