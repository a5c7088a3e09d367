"""Kept cases: the newest version of a case read back, masked, with its reviews and links of now."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.register import reviews
from serving.register.accepting import stored_id
from serving.register.answers import Answer, answer_from, links_of
from serving.register.errors import ForgottenCaseError, UnknownCaseError
from serving.register.registered import CaseIndex
from serving.register.tables import assessments, cases
from serving.register.texts import Texts


@dataclass(frozen=True, slots=True)
class KeptCase:
    """A case as the register has it: text and evidence masked, links as of now."""

    case_id: str
    version: int
    stored_at: str
    text: str | None
    answer: Answer
    reviews: tuple[reviews.Reviewed, ...]

    @property
    def edition(self) -> str:
        """What a reviewer has read: the version, and how many reviews it had."""
        return reviews.edition_of(self.version, self.reviews)


def read_kept(connection: Connection, case_id: str, *, texts: Texts, index: CaseIndex) -> KeptCase:
    """The newest version of a case. Raises UnknownCaseError, ForgottenCaseError."""
    row = newest_of(connection, case_id)
    text = texts.masked(row.text, row.text_form)
    answer = answer_from(row.answer, text=text, links=links_of(connection, row.id, index))
    told = reviews.reviews_of(connection, row.id)
    return KeptCase(row.case_id, row.version, row.stored_at, text, answer, told)


def newest_of(connection: Connection, case_id: str) -> Row[Any]:
    """The row of the newest version, with its answer. Raises as ``read_kept``."""
    query = (
        select(cases, assessments.c.answer)
        .join(assessments, assessments.c.case_row == cases.c.id)
        .where(cases.c.case_id == stored_id(case_id))
        .order_by(cases.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        raise UnknownCaseError("case_id: no such case in the register")
    if row.forgotten_at is not None:
        raise ForgottenCaseError("case_id: the case was forgotten")
    return row
