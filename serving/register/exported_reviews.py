"""Reviews exported: what people made of cases, as training records with their provenance."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.register.reviews import CHANGEABLE, Labels, Reviewed, reviews_of
from serving.register.tables import assessments, cases, reviews
from serving.register.texts import Texts

_PAGE = 500  # cases


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A page of training records; ``last`` is the row to go on after, None at the end."""

    records: tuple[Labels, ...]
    last: int | None


def export_page(
    connection: Connection,
    texts: Texts,
    *,
    after: int,
    facets: Mapping[str, Collection[str]],
    clear: bool,
) -> ReviewPage:
    """Some reviewed cases as rows of the labelled format, oldest first; ``review`` says whence.

    Left out: forgotten cases, cases without a text, and those whose last word is a rejection.
    ``facets`` are the values that a field may have in training; another value is left out.
    """
    query = (
        select(cases, assessments.c.bundle)
        .join(assessments, assessments.c.case_row == cases.c.id)
        .where(cases.c.forgotten_at.is_(None), cases.c.text.is_not(None))
        .where(cases.c.id.in_(select(reviews.c.case_row)), cases.c.id > after)
        .order_by(cases.c.id)
        .limit(_PAGE)
    )
    found = connection.execute(query).all()
    read = texts.clear if clear else texts.masked
    records = (
        _training_record(case, read(case.text, case.text_form), told, facets)
        for case in found
        if (told := reviews_of(connection, case.id))[-1].after is not None
    )
    return ReviewPage(tuple(records), found[-1].id if found else None)


def _training_record(
    case: Row[Any],
    text: str | None,
    told: Sequence[Reviewed],
    facets: Mapping[str, Collection[str]],
) -> Labels:
    last = told[-1]
    return {
        "id": f"{case.case_id}/{case.version}",
        "writer": "review",
        "text": text,
        **_readable({**case._mapping, **(last.after or {})}, facets),
        "review": {
            "decision": last.decision,
            "reviewer": last.reviewer,
            "reason": last.reason,
            "at": last.at,
            "reviews": len(told),
            "bundle": case.bundle,
            "before": told[0].before,
            "text_form": case.text_form,
        },
    }


def _readable(values: Mapping[str, Any], facets: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Labels as they are; facets only with values that training knows."""
    labels = {name: values[name] for name in CHANGEABLE if name not in facets}
    known: dict[str, Any] = {}
    for name, wanted in facets.items():
        value = values.get(name)
        if isinstance(value, list):
            known[name] = [one for one in value if one in wanted]
        elif value in wanted:
            known[name] = value
    return labels | known
