"""What of the labelled samples the tests read."""

import json
from typing import Any

from models.record import LabelledRecord, Record, Span
from tests.support.places import SAMPLES


def few_complaints() -> list[LabelledRecord]:
    """Some sixty of the labelled complaints: all that agents, victims and clerks need, and more."""
    lines = (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines[:2120]]  # later voices may come and go
    wanted = {"NX_VICTIM_REPORT": 8, "NX_SAFETY": 4, "OTHER.UNCLEAR": 4, "NX_FAMILY_HELPER": 4}
    chosen = {row["id"]: row for row in rows[::100]}
    for label, most in wanted.items():
        holding = [row for row in rows if label in (*row["marks"], *row["causes"])]
        chosen |= {row["id"]: row for row in holding[:most]}
    chosen |= {row["id"]: row for row in [row for row in rows if row["agent_run"]][:24]}
    return [labelled_of(row) for row in chosen.values()]


def labelled_of(row: dict[str, Any]) -> LabelledRecord:
    spans = tuple(Span(s["start"], s["end"], tuple(s["labels"])) for s in row["spans"])
    return LabelledRecord(
        Record(row["text"], case_id=row["id"], genre=row["genre"], role=row["role"]),
        primary=row["primary"],
        causes=tuple(row["causes"]),
        signs=tuple(row["signs"]),
        marks=tuple(row["marks"]),
        agent_run=row["agent_run"],
        demand=tuple(row["demand"]),
        record_type=row["record_type"],
        spans=spans,
    )
