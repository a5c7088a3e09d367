"""An answer as one flat row: labels and numbers, no words of a text. Knows no format of files."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

Kind = Literal["text", "number", "whole", "yes_no", "list"]

COLUMNS: Mapping[str, Kind] = {
    "row": "whole",
    "case_id": "text",
    "primary_id": "text",
    "primary_name": "text",
    "primary_probability": "number",
    "level1": "list",
    "causes": "list",
    "cause_names": "list",
    "bulletin_type": "text",
    "level": "text",
    "route": "text",
    "agent_probability": "number",
    "signs": "list",
    "marks": "list",
    "level_reasons": "list",
    "demand": "list",
    "record_type": "text",
    "role": "text",
    "review_needed": "yes_no",
    "review_reasons": "list",
    "chars": "whole",
    "windows": "whole",
    "language": "text",
    "bundle": "text",
    "taxonomy": "text",
    "codebook": "text",
    "notice": "text",
}
"""Flat columns of an answer, with what they hold; a list is one of texts."""


def flat(row: int | None, assessment: Mapping[str, Any]) -> dict[str, Any]:
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
        "route": agent["route"],
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


def _ids(labels: Iterable[Mapping[str, Any]]) -> list[str]:
    return [label["id"] for label in labels]
