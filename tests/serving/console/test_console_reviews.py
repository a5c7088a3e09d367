from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.register.register import Register
from serving.vocabulary import default_vocabulary
from tests.support.consoles import Fields, found, open_joining, review, send, unchanged


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_joining(tmp_path) as register:
        yield register


def test_a_review_from_the_page_stands_in_the_register_as_one_of_the_api(console, register):
    answer = review(console, **unchanged(signs=[]))
    assert answer.status_code == 303
    (kept,) = register.get("T-1").reviews
    assert (kept.decision, kept.reviewer, kept.reason) == ("modify", "复核一组", "客户本人来函")
    assert kept.after is not None
    assert (kept.before["signs"], kept.after["signs"]) == (["PS_FULL_REFUND_ONLY"], [])
    assert register.verify_audit().broken is None


@pytest.mark.parametrize("fields", [{"decision": "accept"}, {"decision": "reject", "reason": "错"}])
def test_a_case_can_be_accepted_or_rejected(console, register, fields):
    assert review(console, **fields).status_code == 303
    assert register.get("T-1").reviews[0].decision == fields["decision"]
    assert found(register, review="reviewed") == ["T-1"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"decision": "reject"}, "必须写明理由"),
        ({"decision": ""}, "请选择认可、修改或不认可"),
        ({"decision": "accept", "reviewer": " "}, "请填写复核人"),
        (unchanged(), "与现有标签相同"),
        (unchanged(signs=["PS_MADE_UP"]), "没有的标签"),
        ({"decision": "reject", "reason": "错" * 2001}, "不超过 2000 字"),
    ],
)
def test_a_review_that_cannot_be_meant_is_told_on_the_form(console, register, fields, words):
    answer = review(console, **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert register.get("T-1").reviews == ()


def test_a_refused_form_keeps_what_was_typed(console):
    page = review(console, **unchanged(signs=["PS_MADE_UP"], reason="我写了很久")).text
    assert "我写了很久" in page
    assert 'value="modify" id="d-modify" required checked' in page


def test_the_primary_cause_is_always_one_of_the_causes(console, register):
    review(console, **unchanged(causes=[], signs=[]))
    after = register.get("T-1").reviews[0].after
    assert after is not None
    assert after["causes"] == ["CLAIM.CLAIM_DELAY"]


def test_a_case_that_changed_while_it_was_read_is_not_reviewed_unseen(console, register):
    page = console.get("/console/case?id=T-1")
    send(console, text="理赔太慢")
    form = {**Fields(page.text).hidden, "reviewer": "复核一组", "decision": "accept"}
    answer = console.post("/console/case?id=T-1", data=form)
    assert answer.status_code == 409
    assert "已更新" in answer.text
    assert register.get("T-1").reviews == ()


def test_the_history_tells_what_a_review_changed(console):
    review(console, **unchanged(signs=[], marks=[]))
    page = console.get("/console/case?id=T-1").text
    assert f"去掉 {default_vocabulary().name('PS_FULL_REFUND_ONLY')}" in page
    assert "客户本人来函" in page


@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_of_another_site_is_refused(console, register, token):
    fields = Fields(console.get("/console/case?id=T-1").text).hidden
    form = {**fields, "reviewer": "x", "decision": "accept", "form_token": token}
    form = {name: value for name, value in form.items() if value is not None}
    assert console.post("/console/case?id=T-1", data=form).status_code == 403
    assert register.get("T-1").reviews == ()


def test_a_form_sent_from_another_browser_is_refused(console, register):
    form = Fields(console.get("/console/case?id=T-1").text).hidden
    console.cookies.clear()
    console.get("/console/try")
    form |= {"reviewer": "x", "decision": "accept"}
    assert console.post("/console/case?id=T-1", data=form).status_code == 403


def test_a_form_that_the_browser_says_comes_from_elsewhere_is_refused(reading):
    form = {**Fields(reading.get("/console/case?id=T-1").text).hidden, "decision": "accept"}
    headers = {"sec-fetch-site": "cross-site"}
    assert reading.post("/console/case?id=T-1", data=form, headers=headers).status_code == 403


def test_a_body_that_is_no_form_is_refused(reading):
    assert reading.post("/console/case?id=T-1", json={"decision": "accept"}).status_code == 415
