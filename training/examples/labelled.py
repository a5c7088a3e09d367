"""From a row to a labelled record: both annotation formats, every problem of a row at once.

Pure; knows ids only as plain sets. Evidence stands as inline tags `⟦ID⟧…⟦/⟧` in the text or as
``spans`` over the clean text, never both.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.annotation import AnnotationError, parse_tags
from models.labels import FACET_FIELDS, LabelSpace
from models.record import LabelledRecord, Record, Span
from models.rows import Row, RowFault, parse_record
from models.rows.cells import CellError, parse_cell
from models.rows.columns import RECORD_FIELDS
from models.rows.row import shown, type_name

LABEL_FIELDS: tuple[str, ...] = (
    "id", "writer", "primary", "causes", "signs", "marks", "agent_run", "demand", "record_type",
    "group", "spans", "meta",
)  # fmt: skip

# What intake says of a record, in an insurer's own words maybe; no label that a person gave.
INTAKE_FACETS = tuple(name for name in FACET_FIELDS if name in RECORD_FIELDS)

_TRUTHS = {"true": True, "1": True, "是": True, "false": False, "0": False, "否": False}


@dataclass(frozen=True, slots=True)
class KnownLabels:
    """The ids a label may have; ``facets`` by the taxonomy's facet name, an absent one is free."""

    causes: frozenset[str]
    signs: frozenset[str]
    marks: frozenset[str]
    facets: Mapping[str, Collection[str]]


def known_labels(labels: LabelSpace, facets: Mapping[str, Collection[str]]) -> KnownLabels:
    """The ids of a label space, and the values of facets."""
    kinds = (frozenset(labels.causes), frozenset(labels.signs), frozenset(labels.marks))
    return KnownLabels(*kinds, facets)


def parse_labelled(
    row: Row, *, known: KnownLabels | None, left_out: Counter[str] | None = None
) -> LabelledRecord | tuple[RowFault, ...]:
    """The labelled record of a row, or all its faults; any id will do where none is ``known``.

    A channel, product and the like that is not ``known`` is left out, and counted in ``left_out``.
    """
    try:
        parsed = _read_cells(row, known, Counter() if left_out is None else left_out)
    except CellError as error:
        return (RowFault(row.file, row.number, error.field, error.reason),)
    if isinstance(parsed, RowFault):
        return (parsed,)
    problems = [*(_unknown_labels(parsed, known) if known else ()), *_own_problems(parsed)]
    problems += _facet_problems(parsed, known.facets) if known else ()
    problems += _span_problems(parsed)
    faults = tuple(RowFault(row.file, row.number, field, reason) for field, reason in problems)
    return faults or parsed


def unknown_values(left_out: Mapping[str, int]) -> Iterator[str]:
    """What is said of values by field that were left out, since the taxonomy does not know them."""
    for field, count in sorted(left_out.items()):
        yield f"{field}: {count} 个值不在分类中,已略去 values not in the taxonomy, left out"


def _read_cells(
    row: Row, known: KnownLabels | None, left_out: Counter[str]
) -> LabelledRecord | RowFault:
    values = _with_meta(row.values)
    for field in _unknown_facets(values, known.facets) if known else ():
        values[field] = None
        left_out[field] += 1
    values["case_id"] = values.get("case_id") or values.get("id")
    text, spans = _read_evidence(row, values)
    record = parse_record(Row(row.file, row.number, {**values, "text": text}))
    if isinstance(record, RowFault):
        return record
    primary = parse_cell("primary", values.get("primary"))
    if primary is None:
        raise CellError("primary", "missing, wanted a cause id")
    return LabelledRecord(
        record=record,
        primary=primary,
        causes=_read_ids("causes", values) or (primary,),
        signs=_read_ids("signs", values),
        marks=_read_ids("marks", values),
        agent_run=_read_truth("agent_run", values.get("agent_run")),
        demand=_read_ids("demand", values),
        record_type=parse_cell("record_type", values.get("record_type")) or "complaint",
        group=parse_cell("group", values.get("group")),
        writer=parse_cell("writer", values.get("writer")),
        spans=spans,
    )


def _with_meta(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those of ``meta`` beside them; a field at the top wins."""
    meta = values.get("meta") or {}
    if not isinstance(meta, dict):
        raise CellError("meta", f"found {type_name(meta)}, wanted an object")
    for name in meta:
        if name not in RECORD_FIELDS[1:]:
            wanted = ", ".join(RECORD_FIELDS[1:])
            raise CellError("meta", f"found {shown(str(name))}, wanted fields among {wanted}")
    return {**meta, **{name: value for name, value in values.items() if value is not None}}


def _unknown_facets(
    values: Mapping[str, Any], facets: Mapping[str, Collection[str]]
) -> tuple[str, ...]:
    """The fields of intake whose value is none of its facet's."""
    said = {field: values.get(field) for field in INTAKE_FACETS if FACET_FIELDS[field] in facets}
    return tuple(
        field
        for field, value in said.items()
        if isinstance(value, str) and value.strip() not in ("", *facets[FACET_FIELDS[field]])
    )


def _read_evidence(row: Row, values: Mapping[str, Any]) -> tuple[Any, tuple[Span, ...]]:
    text, stored = values.get("text"), values.get("spans")
    if not isinstance(text, str) or "⟦" not in text:
        return text, tuple(_read_spans(stored))
    if stored:
        raise CellError("spans", "found spans and inline tags, wanted one of them")
    try:
        return parse_tags(text, name=f"{row.file}:{row.number}")
    except AnnotationError as error:
        reason = f"offset {error.offset}: {error.what}"
        raise CellError("text", reason) from error


def _read_spans(value: Any) -> Iterable[Span]:
    for place, span in enumerate(_json_list("spans", value)):
        if not isinstance(span, dict):
            raise CellError(f"spans[{place}]", f"found {type_name(span)}, wanted an object")
        for name in ("start", "end"):
            if not isinstance(span.get(name), int) or isinstance(span[name], bool):
                found = type_name(span.get(name))
                raise CellError(f"spans[{place}].{name}", f"found {found}, wanted a whole number")
        labels = _ids(f"spans[{place}].labels", span.get("labels"))
        yield Span(span["start"], span["end"], labels)


def _json_list(field: str, value: Any) -> Sequence[Any]:
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise CellError(field, "found text that is not JSON, wanted a JSON list") from None
    if not value:
        return ()
    if not isinstance(value, list):
        raise CellError(field, f"found {type_name(value)}, wanted a list")
    return value


def _read_ids(field: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    return _ids(field, values.get(field))


def _ids(field: str, value: Any) -> tuple[str, ...]:
    """Ids from a list, or from text with semicolons as sheets have it."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = [part.strip() for part in re.split("[;\uff1b]", value) if part.strip()]
    if not isinstance(value, list | tuple):
        raise CellError(field, f"found {type_name(value)}, wanted a list of ids")
    for item in value:
        if not isinstance(item, str):
            raise CellError(field, f"found {type_name(item)} in the list, wanted ids")
    return tuple(value)


def _read_truth(field: str, value: Any) -> bool:
    if value is None or value == "":
        return False
    truth = _TRUTHS.get(str(value).strip().casefold())
    if truth is None:
        raise CellError(field, f"found {type_name(value)}, wanted true or false")
    return truth


def _code(label: str) -> str:
    """A label in quotes if it looks like a code: with fewer digits than any person's number."""
    codelike = len(label) <= 24 and re.fullmatch(r"[A-Za-z0-9_.-]+", label)
    return repr(label) if codelike and sum(c.isdigit() for c in label) < 7 else shown(label)


_Problems = Iterable[tuple[str, str]]


def _unknown_labels(record: LabelledRecord, known: KnownLabels) -> _Problems:
    sets = (("causes", known.causes), ("signs", known.signs), ("marks", known.marks))
    for field, ids in sets:
        for label in getattr(record, field):
            if label not in ids:
                yield field, f"unknown id {_code(label)}, wanted one of {len(ids)} known {field}"


def _own_problems(record: LabelledRecord) -> _Problems:
    for field in ("causes", "signs", "marks"):
        given: tuple[str, ...] = getattr(record, field)
        if len(set(given)) < len(given):
            yield field, "an id stands twice, wanted each once"
    if record.primary not in record.causes:
        yield "primary", f"found {_code(record.primary)}, wanted one of the record's causes"


def _facet_problems(record: LabelledRecord, facets: Mapping[str, Collection[str]]) -> _Problems:
    for field, facet in FACET_FIELDS.items():
        wanted = facets.get(facet)
        for value in _facet_values(record, field) if wanted is not None else ():
            if value not in (wanted or ()):
                yield field, f"found {shown(value)}, wanted one of {', '.join(wanted or ())}"


def _facet_values(record: LabelledRecord, field: str) -> tuple[str, ...]:
    if field == "demand":
        return record.demand
    owner: LabelledRecord | Record = record if field == "record_type" else record.record
    value = getattr(owner, field)
    return () if value is None else (value,)


def _span_problems(record: LabelledRecord) -> _Problems:
    chars = len(record.record.text)
    own = {*record.causes, *record.signs, *record.marks}
    for place, span in enumerate(record.spans):
        field = f"spans[{place}]"
        if not 0 <= span.start < span.end <= chars:
            found = f"found {span.start} to {span.end}"
            yield field, f"{found}, wanted 0 <= start < end <= {chars} (the text's characters)"
        if not span.labels:
            yield field, "found no label, wanted at least one"
        for label in span.labels:
            if label not in own:
                yield field, f"found label {_code(label)}, wanted one of the record's own labels"
