"""Forgetting: a case's text, tokens, fingerprints and evidence go; the audit's proof stays.

What stays of a case is its id, its moments, and which labels it had without any word of it.
"""

import json

from sqlalchemy import Connection, exists, select, update

from serving.register import audit
from serving.register.answers import proved_labels
from serving.register.moments import local_day, now
from serving.register.registered import CaseIndex
from serving.register.stored_json import dumped
from serving.register.tables import OF_INTAKE, assessments, cases, reviews

_EMPTIED = ("content", "text", *OF_INTAKE)


def forget(connection: Connection, case_id: str, *, index: CaseIndex, actor: str, why: str) -> int:
    """Forget all versions of a case; how many there were that were not forgotten before."""
    here = (cases.c.case_id == case_id) & cases.c.forgotten_at.is_(None)
    rows = connection.execute(select(cases.c.id, cases.c.stored_at).where(here)).all()
    for row in rows:
        index.remove(connection, row.id)
        _empty(connection, row.id, day=local_day(row.stored_at))
    if rows:
        facts = {"case_id": case_id, "versions": len(rows), "why": why}
        audit.append(connection, [("forget", facts)], actor=actor)
    return len(rows)


def older_than(connection: Connection, moment: str, *, most: int) -> list[str]:
    """Ids of cases of which no version was stored since this moment, oldest first."""
    newer = cases.alias()
    query = (
        select(cases.c.case_id)
        .where(cases.c.forgotten_at.is_(None), cases.c.stored_at < moment)
        .where(
            ~exists()
            .where(newer.c.case_id == cases.c.case_id, newer.c.stored_at >= moment)
            .correlate(cases)
        )
        .order_by(cases.c.stored_at)
        .limit(most)
    )
    return list(dict.fromkeys(connection.execute(query).scalars()))


def _empty(connection: Connection, row: int, *, day: str) -> None:
    """``day``: of storing, in place of the one that intake gave."""
    gone = dict.fromkeys(_EMPTIED)
    connection.execute(
        update(cases)
        .where(cases.c.id == row)
        .values(**gone, text_form="forgotten", forgotten_at=now(), day=day)
    )
    query = select(assessments.c.answer).where(assessments.c.case_row == row)
    answer = json.loads(connection.execute(query).scalar_one())
    for label in proved_labels(answer):
        label["evidence"] = []
    connection.execute(
        update(assessments).where(assessments.c.case_row == row).values(answer=dumped(answer))
    )
    told = select(reviews).where(reviews.c.case_row == row)
    for review in connection.execute(told).all():
        sides = {side: _without_spans(getattr(review, side)) for side in ("before", "after")}
        connection.execute(
            update(reviews).where(reviews.c.id == review.id).values(reason=None, **sides)
        )


def _without_spans(labels: str | None) -> str | None:
    return None if labels is None else dumped({**json.loads(labels), "spans": []})
