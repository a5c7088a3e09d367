"""Assessments as files: JSONL whole, CSV and Parquet as flat columns, one row a record.

Flat columns hold labels and numbers, no words of the complaint: evidence stands in JSONL only.
"""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow
import pyarrow.parquet

from models.errors import XiaobaoError
from serving.files.partial import write_whole

_ROW_GROUP = 4096

_TEXT, _NUMBER, _WHOLE, _YES_NO, _LIST = (
    pyarrow.string(),
    pyarrow.float64(),
    pyarrow.int64(),
    pyarrow.bool_(),
    pyarrow.list_(pyarrow.string()),
)

COLUMNS: Mapping[str, Any] = {
    "row": _WHOLE,
    "case_id": _TEXT,
    "primary_id": _TEXT,
    "primary_name": _TEXT,
    "primary_probability": _NUMBER,
    "level1": _LIST,
    "causes": _LIST,
    "cause_names": _LIST,
    "bulletin_type": _TEXT,
    "level": _TEXT,
    "agent_probability": _NUMBER,
    "signs": _LIST,
    "marks": _LIST,
    "level_reasons": _LIST,
    "demand": _LIST,
    "record_type": _TEXT,
    "role": _TEXT,
    "review_needed": _YES_NO,
    "review_reasons": _LIST,
    "chars": _WHOLE,
    "windows": _WHOLE,
    "language": _TEXT,
    "bundle": _TEXT,
    "taxonomy": _TEXT,
    "codebook": _TEXT,
    "notice": _TEXT,
}
"""Column name to Arrow type; lists are joined with ``;`` in CSV."""


class OutputError(XiaobaoError):
    """The answers cannot be written where they were asked for."""


def find_writer(out: Path) -> Callable[[Path, Iterable[tuple[int, bytes]]], None]:
    """The writer for the suffix of ``out``; it takes pairs of input row and assessment line."""
    writer = _WRITERS.get(out.suffix.lower())
    if writer is None:
        raise OutputError(
            f"{out}: found suffix {out.suffix or 'none'!r}, wanted one of {', '.join(_WRITERS)}"
        )
    return writer


def flat(row: int, assessment: Mapping[str, Any]) -> dict[str, Any]:
    """One row of COLUMNS for an assessment as its JSON object."""
    root, agent, facets = (assessment[name] for name in ("root_cause", "agent", "facets"))
    text, review = assessment["text"], assessment["review"]
    return {
        "row": row,
        "case_id": assessment["case_id"],
        **{f"primary_{name}": root["primary"][name] for name in ("id", "name", "probability")},
        "level1": _ids(root["level1"]),
        "causes": _ids(root["labels"]),
        "cause_names": [label["name"] for label in root["labels"]],
        "bulletin_type": root["bulletin_type"],
        "level": agent["level"],
        "agent_probability": agent["probability"],
        "signs": _ids(agent["signs"]),
        "marks": _ids(agent["marks"]),
        "level_reasons": agent["reasons"],
        **facets,
        "review_needed": review["needed"],
        "review_reasons": review["reasons"],
        **text,
        **assessment["model"],
        "notice": assessment["notice"],
    }


def _write_jsonl(out: Path, answers: Iterable[tuple[int, bytes]]) -> None:
    write_whole(out, (line for _, line in answers))


def _write_csv(out: Path, answers: Iterable[tuple[int, bytes]]) -> None:
    write_whole(out, _csv_blocks(answers))


def _write_parquet(out: Path, answers: Iterable[tuple[int, bytes]]) -> None:
    schema = pyarrow.schema(list(COLUMNS.items()))
    rows = _flat_rows(answers)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with pyarrow.parquet.ParquetWriter(beside, schema) as writer:
            while group := list(islice(rows, _ROW_GROUP)):
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def _csv_blocks(answers: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    # Excel takes a CSV without this mark for the system's code page and garbles Chinese.
    yield b"\xef\xbb\xbf"
    yield _csv_line(COLUMNS)
    for row in _flat_rows(answers):
        yield _csv_line(_joined(value) for value in row.values())


def _csv_line(cells: Iterable[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


def _joined(value: Any) -> Any:
    return ";".join(value) if isinstance(value, list) else value


def _flat_rows(answers: Iterable[tuple[int, bytes]]) -> Iterator[dict[str, Any]]:
    return (flat(row, orjson.loads(line)) for row, line in answers)


def _ids(labels: Iterable[Mapping[str, Any]]) -> list[str]:
    return [label["id"] for label in labels]


_WRITERS: Mapping[str, Callable[[Path, Iterable[tuple[int, bytes]]], None]] = {
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
