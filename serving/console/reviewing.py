"""Reviewing: the form of a case read into a review, by the rules of ``POST /v1/cases/…/review``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from models.errors import XiaobaoError
from serving.api.cases import ReviewIn
from serving.console.visit import Form
from serving.register.reviews import Labels, Review

_LISTS = ("causes", "signs", "marks")


class FormFault(XiaobaoError):  # noqa: N818 - a fault of the form, told on the page
    """A form that cannot be meant; ``field`` names what is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """What a reviewer has entered so far; begins with the labels that stand."""

    primary: str
    causes: tuple[str, ...]
    signs: tuple[str, ...]
    marks: tuple[str, ...]
    agent_run: bool
    decision: str = ""
    reviewer: str = ""
    reason: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)


def first_entry(standing: Labels, *, reviewer: str) -> ReviewEntry:
    """The form as it is shown first: with the labels that stand."""
    return _entry(standing, reviewer=reviewer)


def entry_of(form: Form, standing: Labels, *, reviewer: str, fault: FormFault) -> ReviewEntry:
    """The form as it was sent, with its fault."""
    labels = {**standing, **_chosen(form)} if form.one("decision") == "modify" else standing
    return _entry(
        labels,
        decision=form.one("decision"),
        reviewer=reviewer,
        reason=form.one("reason"),
        faults={fault.field: fault.reason},
    )


def review_of(form: Form, standing: Labels, *, reviewer: str) -> Review:
    """The review that a form means; of a modification only what differs. Raises FormFault."""
    decision = form.one("decision")
    body: dict[str, Any] = {
        "decision": decision,
        "reviewer": reviewer,
        "reason": form.one("reason") or None,
    }
    if decision == "modify":
        chosen = _chosen(form)
        changes = {name: value for name, value in chosen.items() if _differs(standing, name, value)}
        if not changes:
            raise FormFault("changes", "与现有标签相同;没有修改时请选“认可” · nothing was changed")
        if "causes" in changes:  # the primary cause must be one of them, whichever was changed
            changes["primary"] = chosen["primary"]
        body["changes"] = changes
    try:
        return ReviewIn(**body).to_review(reviewer=reviewer)
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        raise FormFault(str(place[0]), _WANTED.get(str(place[0]), "值无效")) from None


_WANTED = {
    "decision": "请选择认可、修改或不认可 · choose one",
    "reviewer": "请填写复核人或岗位,不超过 100 字 · who reviews",
    "reason": "不超过 2000 字 · at most 2000 characters",
}

REASONS = {
    "primary": "主要根因必须是所选根因之一 · one of the causes",
    "reason": "修改和不认可必须写明理由 · say why",
    "reviewer": _WANTED["reviewer"],
    "edition": "案件在您阅读期间已更新,请核对后重新提交 · the case has changed, read it again",
    **dict.fromkeys(_LISTS, "含有体系中没有的标签 · a label that the taxonomy does not have"),
}
"""What the register's refusals of a field are on the page."""


def _chosen(form: Form) -> Labels:
    """Labels as chosen. The primary cause is always among the causes."""
    primary = form.one("primary")
    lists = {name: list(form.all(name)) for name in _LISTS}
    if primary and primary not in lists["causes"]:
        lists["causes"].insert(0, primary)
    return {"primary": primary, **lists, "agent_run": form.one("agent_run") == "yes"}


def _differs(standing: Labels, name: str, value: Any) -> bool:
    if name in _LISTS:
        return set(standing[name]) != set(value)
    return bool(standing[name] != value)


def _entry(labels: Labels, **more: Any) -> ReviewEntry:
    lists: dict[str, Any] = {name: tuple(labels[name]) for name in _LISTS}
    return ReviewEntry(
        primary=labels["primary"], agent_run=bool(labels["agent_run"]), **(lists | more)
    )
