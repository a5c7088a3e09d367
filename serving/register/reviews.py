"""Reviews: what a person says of an assessment. Added, never changed; both sides are kept.

``before`` are the labels that stood (the machine's, or those of an earlier review), ``after``
those that are meant; a rejection has none.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sqlalchemy import Connection, insert, select

from models.labels import LabelSpace
from models.privacy import mask_text
from serving.register import audit
from serving.register.answers import proved_labels
from serving.register.errors import ReviewError
from serving.register.moments import now
from serving.register.storable import storable
from serving.register.stored_json import dumped
from serving.register.tables import assessments, reviews

Decision = Literal["accept", "modify", "reject"]
Labels = dict[str, Any]
_LISTS = ("causes", "signs", "marks", "demand")
CHANGEABLE = ("primary", *_LISTS, "agent_run", "record_type", "spans")
# Labels that are ids, each with the kind in the label space that it must be of.
_KIND_OF = {"primary": "causes", **{name: name for name in (*_LISTS, "record_type")}}
_MOST_NAMED = 20
_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Review:
    """A person's word: ``changes`` are labels by name (see CHANGEABLE), for ``modify`` only."""

    decision: Decision
    reviewer: str
    reason: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review as it stands in the register."""

    at: str
    reviewer: str
    decision: str
    reason: str | None
    before: Labels
    after: Labels | None


def add_review(
    connection: Connection,
    review: Review,
    *,
    row: int,
    case_id: str,
    actor: str,
    known: LabelSpace | None = None,
) -> Reviewed:
    """Write a review of the case in this row. Raises ReviewError for one that cannot be meant.

    ``actor`` is who sent it, for the audit, which keeps no word of the review.
    ``known`` are the ids that labels of each kind may have, beside those that stand; None checks
    none.
    """
    answer = _answer_of(connection, row)
    before = standing_labels(connection, row)
    after = _after(review, before, known, chars=answer["text"]["chars"])
    reason = _kept(review.reason) if review.reason else None
    found = Reviewed(now(), _kept(review.reviewer), review.decision, reason, before, after)
    connection.execute(
        insert(reviews).values(
            case_row=row,
            at=found.at,
            reviewer=found.reviewer,
            decision=found.decision,
            reason=reason,
            before=dumped(before),
            after=None if after is None else dumped(after),
        )
    )
    facts = {"case_id": case_id, "decision": review.decision, **_difference(before, after)}
    audit.append(connection, [("review", facts)], actor=actor)
    return found


def edition_of(version: int, told: Sequence[Reviewed]) -> str:
    """What stands for a version of a case with so many reviews."""
    return f"{version}/{len(told)}"


def check_edition(connection: Connection, read: str, *, row: int, version: int) -> None:
    """Raises ReviewError where another version or review has come since the reviewer read it."""
    if read != edition_of(version, reviews_of(connection, row)):
        raise ReviewError("edition", "the case has changed, wanted a review of it as it is now")


def reviews_of(connection: Connection, row: int) -> tuple[Reviewed, ...]:
    """All reviews of the case in this row, first to last."""
    query = select(reviews).where(reviews.c.case_row == row).order_by(reviews.c.id)
    return tuple(
        Reviewed(
            one.at,
            one.reviewer,
            one.decision,
            one.reason,
            json.loads(one.before),
            None if one.after is None else json.loads(one.after),
        )
        for one in connection.execute(query)
    )


def standing_labels(connection: Connection, row: int) -> Labels:
    """The labels that stand: of the last review that names some, else the machine's."""
    for review in reversed(reviews_of(connection, row)):
        if review.after is not None:
            return review.after
    return labels_of(_answer_of(connection, row))


def _kept(words: str) -> str:
    return storable(mask_text(words.strip()))


def _answer_of(connection: Connection, row: int) -> dict[str, Any]:
    query = select(assessments.c.answer).where(assessments.c.case_row == row)
    answer: dict[str, Any] = json.loads(connection.execute(query).scalar_one())
    return answer


def labels_of(answer: Mapping[str, Any]) -> Labels:
    """The labels of an answer in the names of the labelled format."""
    root, agent, facets = answer["root_cause"], answer["agent"], answer["facets"]
    return {
        "primary": root["primary"]["id"],
        "causes": [label["id"] for label in root["labels"]],
        "signs": [sign["id"] for sign in agent["signs"]],
        "marks": [mark["id"] for mark in agent["marks"]],
        # Without a sign the probability alone accuses nobody, and nothing learns from it.
        "agent_run": bool(agent["signs"]) and agent["probability"] >= 0.5,
        "demand": list(facets["demand"]),
        "record_type": facets["record_type"],
        "spans": [
            {"start": evidence["start"], "end": evidence["end"], "labels": [label["id"]]}
            for label in proved_labels(answer)
            for evidence in label["evidence"]
        ],
    }


def _after(
    review: Review, before: Labels, known: LabelSpace | None, *, chars: int
) -> Labels | None:
    _check_words(review)
    if review.decision != "modify":
        return before if review.decision == "accept" else None
    after = {**before, **review.changes}
    if "primary" in review.changes and "causes" not in review.changes:
        after["causes"] = [*dict.fromkeys([after["primary"], *after["causes"]])]
    if after["primary"] not in after["causes"]:
        raise ReviewError("primary", "wanted one of the causes")
    for name in _KIND_OF:
        if name in review.changes:
            _check_ids(name, _ids(after, name), stood=_ids(before, name), known=known)
    held = {*after["causes"], *after["signs"], *after["marks"]}
    if "spans" not in review.changes:
        after["spans"] = _still_held(after["spans"], held)
    else:
        _check_spans(after["spans"], held, chars=chars)
    return after


def _ids(labels: Labels, name: str) -> list[str]:
    value = labels[name]
    return value if name in _LISTS else [value]


def _check_ids(
    name: str, given: Sequence[str], *, stood: Collection[str], known: LabelSpace | None
) -> None:
    """Ids of one kind, each once: what is none could be anybody's words, and would stay for ever.

    An id that stood before may stay, though the bundle in use does not have it any more.
    """
    if len(set(given)) < len(given):
        raise ReviewError(name, "an id stands twice, wanted each once")
    if known is None:
        return
    wanted: tuple[str, ...] = getattr(known, _KIND_OF[name])
    if not {*given} <= {*wanted, *stood}:
        few = len(wanted) <= _MOST_NAMED
        told = ", ".join(wanted) if few else f"the {len(wanted)} {_KIND_OF[name]} of the bundle"
        raise ReviewError(name, f"found an unknown id, wanted ids among {told}")


def _check_spans(spans: list[Labels], held: Collection[str], *, chars: int) -> None:
    for place, span in enumerate(spans):
        if not 0 <= span["start"] < span["end"] <= chars:
            raise ReviewError(f"spans[{place}]", f"wanted 0 <= start < end <= {chars}")
        if not set(span["labels"]) <= set(held):
            raise ReviewError(f"spans[{place}]", "names a label that the case does not have")


def _check_words(review: Review) -> None:
    if review.decision not in get_args(Decision):
        raise ReviewError("decision", "wanted accept, modify or reject")
    if not review.reviewer.strip():
        raise ReviewError("reviewer", "empty, wanted who reviews")
    if review.decision != "accept" and not (review.reason or "").strip():
        raise ReviewError("reason", "empty, wanted why")
    if len(review.reason or "") > _LONGEST_REASON:
        raise ReviewError("reason", f"longer than {_LONGEST_REASON} characters")
    if bool(review.changes) != (review.decision == "modify"):
        raise ReviewError("changes", "wanted with modify, and only with it")
    for name in review.changes:
        if name not in CHANGEABLE:
            raise ReviewError("changes", f"wanted names among {', '.join(CHANGEABLE)}")


def _still_held(spans: list[Labels], held: Collection[str]) -> list[Labels]:
    kept = ({**s, "labels": [label for label in s["labels"] if label in held]} for s in spans)
    return [span for span in kept if span["labels"]]


def _difference(before: Labels, after: Labels | None) -> dict[str, list[str]]:
    """Ids taken away and added: the two directions in which a machine errs."""
    if after is None:
        return {}
    names = ("causes", "signs", "marks")
    had, has = ({label for name in names for label in side[name]} for side in (before, after))
    return {"removed": sorted(had - has), "added": sorted(has - had)}
