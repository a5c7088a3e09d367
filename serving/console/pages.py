"""The pages: what each one shows. A page looks up, chooses a template and hands it names."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from models.assessment import as_json
from models.codebook import Codebook, Sign
from models.links.kinds import read_kinds
from models.record import GENRES, Record
from serving.api.assessing import answer_records, check_length
from serving.api.cases import labels_of
from serving.api.keeping import actor_of, ask, written
from serving.api.problems import ProblemError
from serving.console import reviewing
from serving.console.filters import PAGE_SIZE, page_number, read_query
from serving.console.highlights import cut_pieces, labels_shown
from serving.console.rendering import link, page
from serving.console.visit import Visit
from serving.register.errors import ReviewError
from serving.register.kept_cases import KeptCase
from serving.register.register import Register
from serving.register.reviews import Labels
from serving.register.worklist import (
    find_cases,
    group_levels,
    standing_labels_of,
    versions_of,
)


def _register_of(visit: Visit) -> Register:
    if visit.register is None:
        raise ProblemError(404, "未启用案件登记,只能试用文本 · database: none, nothing is kept")
    return visit.register


async def show_worklist(visit: Visit) -> Response:
    """Cases by filter, counted and paged; where nothing is kept, the page to try a text."""
    if visit.register is None:
        return RedirectResponse(link(visit.root, "/try"), 303)
    asked = read_query(visit.request.query_params, visit.vocabulary)
    found = await ask(
        visit.service,
        find_cases,
        visit.register,
        asked.wanted,
        levels=list(visit.vocabulary.levels),
        routes=list(visit.vocabulary.routes),
        order=asked.order,
        limit=PAGE_SIZE,
        offset=asked.offset,
    )
    pages = max(-(-found.total // PAGE_SIZE), 1)
    return page(visit, "worklist.html", asked=asked, found=found, pages=pages)


async def show_case(visit: Visit) -> Response:
    """One case with all that is known of it, and the form to review it."""
    case, standing = await _case_of(visit)
    entry = reviewing.first_entry(standing, reviewer=_reviewer(visit))
    return await _case_page(visit, case, standing, entry)


async def review_case(visit: Visit) -> Response:
    """Write a review as the API does, then show the case again; a fault is told on the form."""
    case, standing = await _case_of(visit)
    try:
        review = reviewing.review_of(visit.form, standing, reviewer=_reviewer(visit))
        known = labels_of(visit.service.shelf.active)
        actor = actor_of(visit.request)
        writing = _register_of(visit).submit_review(
            case.case_id, review, actor=actor, known=known, edition=visit.form.one("edition")
        )
        await written(writing, deadline_s=visit.service.settings.deadline_s)
    except ReviewError as error:
        reason = reviewing.REASONS.get(error.field, error.reason)
        return await _refuse(visit, case, standing, reviewing.FormFault(error.field, reason))
    except reviewing.FormFault as fault:
        return await _refuse(visit, case, standing, fault)
    return RedirectResponse(link(visit.root, "/case", id=case.case_id, done="1") + "#reviews", 303)


async def show_groups(visit: Visit) -> Response:
    """Groups, the one with the newest case first."""
    register, kind = _register_of(visit), visit.request.query_params.get("kind") or None
    number = page_number(visit.request.query_params)
    found = await ask(
        visit.service,
        register.groups,
        limit=PAGE_SIZE + 1,
        offset=(number - 1) * PAGE_SIZE,
        kind=kind,
    )
    levels = await ask(visit.service, group_levels, register, [group.id for group in found])
    return page(
        visit,
        "groups.html",
        levels=levels,
        groups=found[:PAGE_SIZE],
        more=len(found) > PAGE_SIZE,
        number=number,
        kind=kind,
        kinds=read_kinds().by_id.values(),
    )


async def show_group(visit: Visit) -> Response:
    """One group: members, what joins them, when they came, what explains it, what to verify."""
    register, id_ = _register_of(visit), visit.request.query_params.get("id", "")
    group = await ask(visit.service, register.group, id_)
    routes = Counter(member.route for member in group.members)
    levels = Counter(member.level for member in group.members if member.route is None)
    days = group.timeline
    return page(visit, "group.html", group=group, days=days, levels=levels, routes=routes)


async def show_try(visit: Visit) -> Response:
    """The page to try a text, empty."""
    return page(visit, "try.html", text="", genre="", answer=None, genres=GENRES, fault=None)


async def try_text(visit: Visit) -> Response:
    """Assess a text and show the answer; nothing is stored."""
    text, genre = visit.form.one("text"), visit.form.one("genre")
    typed: dict[str, Any] = {"text": text, "genre": genre, "genres": GENRES}
    if not text:
        fault = "请粘贴一段投诉文本 · paste a text"
        return page(visit, "try.html", status=422, answer=None, fault=fault, **typed)
    check_length("text", text, settings=visit.service.settings)
    record = Record(text, genre=genre if genre in GENRES else None)
    (assessment,) = await answer_records(visit.request, [record])
    answer = as_json(assessment)
    return page(visit, "try.html", answer=answer, fault=None, **typed, **_marked(text, answer))


async def _case_page(
    visit: Visit,
    case: KeptCase,
    standing: Labels,
    entry: reviewing.ReviewEntry,
    *,
    status: int = 200,
) -> Response:
    versions = await ask(visit.service, versions_of, _register_of(visit), case.case_id)
    return page(
        visit,
        "case.html",
        status=status,
        case=case,
        answer=case.answer,
        versions=versions,
        standing=standing,
        entry=entry,
        cause_groups=[(parent.zh, causes) for parent, causes in visit.vocabulary.branches],
        sign_groups=_by_group(visit.vocabulary.codebook),
        done=visit.request.query_params.get("done") == "1",
        **_marked(case.text, case.answer),
    )


async def _case_of(visit: Visit) -> tuple[KeptCase, Labels]:
    register, id_ = _register_of(visit), visit.request.query_params.get("id", "")
    case = await ask(visit.service, register.get, id_)
    return case, await ask(visit.service, standing_labels_of, register, case.case_id)


async def _refuse(
    visit: Visit, case: KeptCase, standing: Labels, fault: reviewing.FormFault
) -> Response:
    entry = reviewing.entry_of(visit.form, standing, reviewer=_reviewer(visit), fault=fault)
    status = 409 if fault.field == "edition" else 422
    return await _case_page(visit, case, standing, entry, status=status)


def _reviewer(visit: Visit) -> str:
    """Who reviews: with keys the name of the key, and nobody else's."""
    return visit.key.name if visit.key is not None else visit.form.one("reviewer")


def _marked(text: str | None, answer: Mapping[str, Any]) -> dict[str, Any]:
    labels = labels_shown(answer)
    numbers = {(label.kind, label.id): label.number for label in labels}
    pieces = None if text is None else cut_pieces(text, labels)
    return {"labels": labels, "numbers": numbers, "pieces": pieces}


def _by_group(codebook: Codebook) -> list[tuple[str, list[Sign]]]:
    """Signs under the names of their groups."""
    return [
        (group.zh, [sign for sign in codebook.signs if sign.group == group.id])
        for group in codebook.groups
    ]
