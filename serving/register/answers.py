"""Answers as they are kept: the assessment's JSON object without words of the complaint.

Evidence is kept as offsets; its words are cut from the text when the answer is read again: from
the text as stored (masked), or from the same text sent once more. Links are kept by the index.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from models.assessment import Assessment, Related, as_json, as_plain
from models.privacy import MASK
from serving.register.registered import CaseIndex, Company
from serving.register.stored_json import dumped

Answer = dict[str, Any]


def stored_form(assessment: Assessment) -> str:
    """The answer to keep: JSON without words of the text and without links."""
    answer = as_json(assessment)
    for evidence in _evidence(answer):
        del evidence["text"]
    del answer["related"]
    return dumped(answer)


def proved_labels(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All labels of an answer that evidence stands by: causes, signs, marks."""
    agent = answer["agent"]
    yield from (*answer["root_cause"]["labels"], *agent["signs"], *agent["marks"])


@dataclass(frozen=True, slots=True)
class Links:
    """What is known of a case from others: its links and what its company makes of it."""

    related: Related
    company: Company | None


def links_of(
    connection: Connection, id_: int, index: CaseIndex, *, related: Related | None = None
) -> Links:
    """The links of a case as of now; ``related`` where it is known already."""
    if related is None:
        related = index.related(connection, id_)
    company = None if related.group_id is None else index.company(connection, id_)
    return Links(related, company)


def answer_from(stored: str, *, text: str | None, links: Links) -> Answer:
    """The answer again; where no text is kept the words of evidence are as many ``*``."""
    answer: Answer = json.loads(stored)

    def words(start: int, end: int) -> str:
        return MASK * (end - start) if text is None else text[start:end]

    _refill(answer, words)
    if links.company is not None:
        _put_in_company(answer["agent"], links.company)
    answer["related"] = as_plain(links.related)
    return {name: answer[name] for name in Assessment.__dataclass_fields__}


def _put_in_company(agent: dict[str, Any], company: Company) -> None:
    """The level that the group gives by the codebook's policy, with the signs that follow."""
    told = {sign["id"] for sign in agent["signs"]}
    agent["level"] = company.level
    agent["signs"] += [as_plain(sign) for sign in company.signs if sign.id not in told]
    agent["reasons"] = list(company.reasons)


def _refill(answer: Answer, words: Callable[[int, int], str]) -> None:
    for evidence in _evidence(answer):
        score = evidence.pop("score")
        evidence |= {"text": words(evidence["start"], evidence["end"]), "score": score}


def _evidence(answer: Answer) -> Iterator[dict[str, Any]]:
    for label in proved_labels(answer):
        yield from label["evidence"]
