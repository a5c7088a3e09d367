"""Accepting: a record and its assessment become a stored case, once, linked and audited.

The same case with the same content is answered with what is stored. The same case with other
content is a new version: a complaint is never refused, and none is overwritten.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from models.assessment import Assessment, Related
from models.days import day_of
from models.privacy import known_words, mask_text
from models.record import Record
from serving.register import audit
from serving.register.answers import Answer, Links, answer_from, links_of, stored_form
from serving.register.keys import ActiveKeys, Keys
from serving.register.moments import local_day, now
from serving.register.registered import CaseIndex
from serving.register.storable import storable
from serving.register.tables import OF_INTAKE, assessments, cases
from serving.register.texts import Texts

_LONGEST_ID = 200

_NEW = insert(cases).returning(cases.c.id)
_VERSIONS = (
    select(cases.c.id, cases.c.case_id, cases.c.version, cases.c.content, assessments.c.answer)
    .join(assessments, assessments.c.case_row == cases.c.id)
    .where(cases.c.case_id == bindparam("case_id"))
    .order_by(cases.c.version.desc())
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A case in the register: its answer (evidence in the words of the request), and its version.

    ``new`` is false where the same content was stored before.
    """

    case_id: str
    version: int
    answer: Answer
    new: bool


@dataclass(frozen=True, slots=True)
class _Version:
    id: int
    case_id: str
    version: int
    content: str | None
    answer: str
    new: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record with its assessment, masked and ready to be stored; needs no database yet."""

    record: Record
    assessment: Assessment
    case_id: str
    kept: Mapping[str, str | None]
    answer: str
    linkable: Any


class Acceptance:
    """Stores cases inside a write transaction."""

    def __init__(self, *, keys: Keys, texts: Texts, index: CaseIndex) -> None:
        self._keys = keys
        self._texts = texts
        self._index = index

    def prepare(self, record: Record, assessment: Assessment) -> Prepared:
        """All that can be done before the transaction: others wait for its lock."""
        case_id = stored_id(record.case_id) or new_id()
        text = self._texts.keep(record)
        kept = {
            "text": None if text is None else storable(text),
            "text_form": self._texts.form,
            **_free_fields(record),
        }
        answer = stored_form(replace(assessment, case_id=case_id))
        linkable = self._index.prepare(case_id, record, assessment)
        return Prepared(record, assessment, case_id, kept, answer, linkable)

    def accept(
        self, connection: Connection, cases_: Sequence[Prepared], *, actor: str
    ) -> list[Accepted]:
        """The cases as stored now or before, in order; see ``Accepted``."""
        active = self._keys.active(connection)
        fresh: dict[str, tuple[int, Any]] = {}
        rows = [self._place(connection, one, active, fresh) for one in cases_]
        new = dict(fresh.values())
        linked = self._index.add_many(connection, new) if new else {}
        told = list(zip(cases_, rows, strict=True))
        proofs = [("accept", _facts(one, row)) for one, row in told if row.new]
        audit.append(connection, proofs, actor=actor)
        return [
            self._answer(
                connection, one, row, linked.get(row.id, Related()) if row.id in new else None
            )
            for one, row in told
        ]

    def is_known(self, connection: Connection, record: Record) -> bool:
        """Whether this case with this content is stored, or the case has been forgotten."""
        case_id = stored_id(record.case_id)
        if case_id is None:
            return False
        digests = _digests(record, self._keys.active(connection))
        versions = _versions(connection, case_id)
        forgotten = any(row.content is None for row in versions[:1])
        return forgotten or any(row.content in digests for row in versions)

    def _answer(
        self, connection: Connection, one: Prepared, row: _Version, related: Related | None
    ) -> Accepted:
        links = links_of(connection, row.id, self._index, related=related)
        return _accepted(one.record, row, links)

    def _place(
        self,
        connection: Connection,
        one: Prepared,
        active: ActiveKeys,
        fresh: dict[str, tuple[int, Any]],
    ) -> _Version:
        """The row of a case: the one that has this content, or a new one.

        ``fresh`` are the cases to be linked. Links lead to the newest version of each: two
        versions of a case are no pair.
        """
        digests = _digests(one.record, active)
        earlier = _versions(connection, one.case_id)
        for row in earlier:
            if row.content in digests:
                return row
        if earlier and one.case_id not in fresh:
            self._index.remove(connection, earlier[0].id)
        version = earlier[0].version + 1 if earlier else 1
        id_ = _store(connection, one, version=version, content=digests[0])
        connection.execute(insert(assessments), _columns(id_, one))
        fresh[one.case_id] = id_, one.linkable
        return _Version(id_, one.case_id, version, digests[0], one.answer, new=True)


def stored_id(case_id: str | None) -> str | None:
    """A case id as the register has it; None for one that says nothing."""
    if case_id is None or not case_id.strip():
        return None
    if len(case_id) > _LONGEST_ID:  # longer than an index of PostgreSQL takes
        return "sha256-" + hashlib.sha256(case_id.encode("utf-8", "surrogatepass")).hexdigest()
    return storable(case_id)


def new_id() -> str:
    """An id for a complaint that came without one: each is a case of its own."""
    return f"X-{secrets.token_hex(8)}"


def _accepted(record: Record, row: _Version, links: Links) -> Accepted:
    """Evidence in the words of the request, the id as it came."""
    answer = answer_from(row.answer, text=record.text, links=links)
    if stored_id(record.case_id) is not None:
        answer["case_id"] = record.case_id
    return Accepted(row.case_id, row.version, answer, new=row.new)


def _versions(connection: Connection, case_id: str) -> list[_Version]:
    """All versions of a case, newest first."""
    return [_Version(*row) for row in connection.execute(_VERSIONS, {"case_id": case_id})]


def _store(connection: Connection, one: Prepared, *, version: int, content: str) -> int:
    named = {"case_id": one.case_id, "version": version, "content": content}
    stored_at = now()
    # As it came: masked, a moment in digits alone looks like a phone.
    received = day_of(one.record.received_at)
    day = local_day(stored_at) if received is None else received.isoformat()
    row = {**named, "stored_at": stored_at, "day": day, **one.kept}
    return int(connection.execute(_NEW, row).scalar_one())


def _digests(record: Record, active: ActiveKeys) -> list[str]:
    """The record's content under each key in use, the current one first.

    Keyed: a plain hash would let anyone with the database try phone numbers until one fits.
    """
    whole = json.dumps(asdict(replace(record, case_id=None)), sort_keys=True)
    return [named.key.token("content", whole) for named in active.all]


def _free_fields(record: Record) -> dict[str, str | None]:
    known = known_words(record)
    values = {name: getattr(record, name) for name in OF_INTAKE}
    return {
        name: None if value is None else storable(mask_text(value, known=known))
        for name, value in values.items()
    }


def _columns(id_: int, one: Prepared) -> dict[str, str | int | None]:
    assessment = one.assessment
    return {
        "case_row": id_,
        "bundle": assessment.model.bundle,
        "primary_cause": assessment.root_cause.primary.id,
        "level": assessment.agent.level,
        "route": assessment.agent.route,
        "review_needed": int(assessment.review.needed),
        "answer": one.answer,
    }


def _facts(one: Prepared, row: _Version) -> dict[str, str | int]:
    return {
        "case_id": one.case_id,
        "version": row.version,
        "bundle": one.assessment.model.bundle,
        "primary": one.assessment.root_cause.primary.id,
        "level": one.assessment.agent.level,
        "answer_sha256": hashlib.sha256(one.answer.encode()).hexdigest(),
    }
