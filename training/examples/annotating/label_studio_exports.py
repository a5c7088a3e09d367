"""An export of Label Studio (JSON) back to labelled records; every fault with its task's place.

An annotation's own words are compared with the text, so that a span which was counted in UTF-16
units (before Label Studio 1.4) is mended, and one that is elsewhere is refused.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.record import LabelledRecord, Span
from models.rows import Row, RowFault, RowsError
from models.rows.cells import CellError
from models.rows.columns import RECORD_FIELDS
from models.rows.row import type_name
from training.examples.labelled import KnownLabels, parse_labelled

_DATA_FIELDS = (*RECORD_FIELDS, "group", "writer")
_CHOICES = ("signs", "marks", "demand", "record_type", "agent_run")


@dataclass(frozen=True, slots=True)
class Annotated:
    """What an export of Label Studio holds: records, faults, places of tasks nobody annotated.

    ``several`` are the places of tasks with more than one annotation: the ground truth was taken,
    else the latest.
    """

    records: tuple[LabelledRecord, ...]
    faults: tuple[RowFault, ...]
    open: tuple[int, ...]
    several: tuple[int, ...]


def read_tasks(
    path: Path, *, known: KnownLabels, left_out: Counter[str] | None = None
) -> Annotated:
    """The annotated records of an export (JSON, not JSON-MIN); RowsError for another file."""
    tasks = _tasks(path)
    records: list[LabelledRecord] = []
    faults: list[RowFault] = []
    unlabelled: list[int] = []
    several: list[int] = []
    for number, task in enumerate(tasks, start=1):
        try:
            kept = _annotations(task)
            if not kept:
                unlabelled.append(number)
                continue
            if len(kept) > 1:
                several.append(number)
            values = _values(task["data"], _standing(kept))
        except CellError as error:
            faults.append(RowFault(str(path), number, error.field, error.reason))
            continue
        found = parse_labelled(Row(str(path), number, values), known=known, left_out=left_out)
        if isinstance(found, tuple):
            faults.extend(found)
        else:
            records.append(found)
    return Annotated(tuple(records), tuple(faults), tuple(unlabelled), tuple(several))


def _tasks(path: Path) -> list[Any]:
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise RowsError(f"{path}: cannot be read ({error.strerror}), wanted a file") from error
    except ValueError as error:
        raise RowsError(f"{path}: found no JSON, wanted an export of Label Studio") from error
    if not isinstance(found, list):
        raise RowsError(f"{path}: found {type_name(found)}, wanted a list of tasks")
    return found


def _annotations(task: Any) -> list[Mapping[str, Any]]:
    """What people said of a task and did not cancel."""
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        raise CellError("data", f"found {_kind_of(task)}, wanted a task with its data (JSON)")
    found = task.get("annotations", [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise CellError("annotations", f"found {type_name(found)}, wanted a list of objects")
    return [one for one in found if not one.get("was_cancelled") and one.get("result")]


def _kind_of(task: Any) -> str:
    return "a task without data" if isinstance(task, dict) else type_name(task)


def _standing(annotations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The ground truth where one is, else the latest."""

    def rank(one: Mapping[str, Any]) -> tuple[bool, str]:
        return bool(one.get("ground_truth")), str(one.get("updated_at") or "")

    return max(reversed(annotations), key=rank)


def _values(data: Mapping[str, Any], annotation: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: data[name] for name in _DATA_FIELDS if name in data}
    text, spans = values.get("text"), []
    if not isinstance(text, str):
        raise CellError("text", f"found {type_name(text)}, wanted the complaint text")
    results = annotation["result"]
    if not isinstance(results, list):
        raise CellError("result", f"found {type_name(results)}, wanted a list")
    for place, result in enumerate(results):
        name, value = _named(result, f"result[{place}]")
        if name == "evidence":
            spans.append(_span(value, text, f"result[{place}]"))
        elif name in ("primary", "causes"):
            values[name] = _leaves(value, f"result[{place}]")
        elif name in _CHOICES:
            values[name] = _chosen(value, f"result[{place}]")
    for name in ("record_type", "agent_run"):
        chosen = values.pop(name, [])
        values |= {name: chosen[0]} if chosen else {}
    values |= _causes(values)
    values["spans"] = [asdict(span) for span in spans]
    return values


def _causes(values: Mapping[str, Any]) -> dict[str, Any]:
    primary, causes = values.get("primary", []), values.get("causes", [])
    if len(primary) != 1:
        raise CellError("primary", f"found {len(primary)} primary causes, wanted one")
    missing = primary if primary[0] not in causes else []
    return {"primary": primary[0], "causes": [*missing, *causes]}


def _named(result: Any, place: str) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
        raise CellError(place, f"found {type_name(result)}, wanted an object with a value")
    name = str(result.get("from_name"))
    if name not in ("primary", "causes", "evidence", *_CHOICES):
        wanted = f"one of primary, causes, evidence, {', '.join(_CHOICES)}"
        raise CellError(place, f"found a control that is not ours, wanted {wanted}")
    return name, result["value"]


def _leaves(value: Mapping[str, Any], place: str) -> list[str]:
    paths = _strings_in(value.get("taxonomy"), f"{place}.taxonomy", nested=True)
    return [_id(path[-1]) for path in paths]


def _chosen(value: Mapping[str, Any], place: str) -> list[str]:
    return [_id(one) for one in _strings_in(value.get("choices"), f"{place}.choices")]


def _span(value: Mapping[str, Any], text: str, place: str) -> Span:
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        raise CellError(place, "found a region without whole numbers, wanted start and end")
    labels = tuple(_id(one) for one in _strings_in(value.get("labels"), f"{place}.labels"))
    words = value.get("text")
    if isinstance(words, str) and not _says(text[start:end], words):
        units = text.encode("utf-16-le")
        start, end = (len(units[: 2 * at].decode("utf-16-le", "ignore")) for at in (start, end))
        if not _says(text[start:end], words):
            raise CellError(place, "found other words at its offsets, wanted those it quotes")
    return Span(start, end, labels)


def _says(stretch: str, words: str) -> bool:
    """Whether two stretches are one: browsers write line ends in their own way."""
    return "".join(stretch.split()) == "".join(words.replace("\\n", "\n").split())


def _strings_in(found: Any, place: str, *, nested: bool = False) -> list[Any]:
    whole = isinstance(found, list) and all(
        (isinstance(one, list) and one and all(isinstance(step, str) for step in one))
        if nested
        else isinstance(one, str)
        for one in found
    )
    if not whole:
        wanted = "a list of paths" if nested else "a list of texts"
        raise CellError(place, f"found {type_name(found)}, wanted {wanted}")
    return list(found)


def _id(shown: str) -> str:
    """The id of what is shown: an alias is one, and a name is followed by one."""
    return shown.rsplit(" ", 1)[-1]
