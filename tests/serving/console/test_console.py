import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from models.assessment import NOTICE
from serving.register.register import Register
from tests.support.consoles import PHONE, TEXT, Fields, found, keep_routed, open_joining, send

PAGES = ("", "/groups", "/try", "/enter")


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_joining(tmp_path) as register:
        yield register


# --- every page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/case?id=T-1", "/group?id=G1", "/case?id=no-such-case"])
def test_every_page_says_that_a_flag_changes_nothing(reading, path):
    assert NOTICE in reading.get(f"/console{path}").text


@pytest.mark.parametrize("path", [*PAGES, "/case?id=T-1", "/group?id=G1"])
def test_a_page_loads_our_own_files_only_and_runs_nothing_that_stands_in_it(reading, path):
    page = reading.get(f"/console{path}")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag, attrs in Fields(page.text).tags:
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert tag != "style"
        for name in ("src", "href", "action"):
            assert (attrs.get(name) or "/console").startswith(("/console", "#"))
        assert tag != "script" or attrs["src"]


@pytest.mark.parametrize("path", [*PAGES, "/case?id=T-1", "/group?id=G1"])
def test_every_field_of_a_page_has_a_name_that_can_be_read_aloud(reading, path):
    page = reading.get(f"/console{path}").text
    labelled = "".join(re.findall(r"<label\b.*?</label>", page, re.DOTALL))
    fields = [
        attrs["name"]
        for tag, attrs in Fields(page).tags
        if tag in ("select", "textarea", "input")
        and attrs.get("type") != "hidden"
        and "name" in attrs
    ]
    assert [name for name in fields if f'name="{name}"' not in labelled] == []


@pytest.mark.parametrize("name", ["console.css", "console.js", "icon.svg"])
def test_the_files_of_the_pages_come_from_the_service(reading, name):
    assert reading.get(f"/console/assets/{name}").status_code == 200


def test_the_script_puts_no_text_into_a_page_as_markup(reading):
    script = reading.get("/console/assets/console.js").text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


def test_the_console_is_no_part_of_the_api(reading):
    assert not [path for path in reading.get("/openapi.json").json()["paths"] if "console" in path]


# --- the worklist -------------------------------------------------------------------------------


def test_the_worklist_shows_a_case_masked(reading):
    page = reading.get("/console").text
    assert "T-1" in page
    assert PHONE not in page
    assert "*" * 11 in page


def test_without_a_register_the_console_offers_to_try_a_text(client):
    answer = client.get("/console")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/try")


# --- one case -----------------------------------------------------------------------------------


def test_a_case_shows_its_evidence_its_innocent_reading_and_what_to_verify(reading):
    page = reading.get("/console/case?id=T-1").text
    assert re.search(r'<mark class="ev k-cause"[^>]*>理赔<', page)
    assert re.search(r'<mark class="ev k-sign"[^>]*>全额退保<', page)
    assert "多数真实客户也这样要求" in page
    assert "先核对保单与诉求" in page


def test_what_a_complaint_holds_is_never_markup(console):
    send(console, case_id='"><b>', text="<img src=x onerror=alert(1)>理赔</div>")
    page = console.get("/console/case", params={"id": '"><b>'}).text
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert '"><b>' not in console.get("/console").text


def test_signs_are_folded_away_until_asked_for(reading):
    folded = [
        a for tag, a in Fields(reading.get("/console/case?id=T-1").text).tags if tag == "details"
    ]
    assert "open" not in folded[0]


def test_any_case_id_leads_to_its_page(console):
    for case_id in ("沪/2024/17", "../x", "a?b#c&d", "50%"):
        send(console, case_id=case_id)
    hrefs = [a.get("href") or "" for _, a in Fields(console.get("/console").text).tags]
    links = [href for href in hrefs if href.startswith("/console/case")]
    assert len(links) == 5
    assert {console.get(link).status_code for link in links} == {200}


def test_a_case_that_is_not_there_is_a_page_that_says_so(console, register):
    page = console.get("/console/case?id=no-such-case")
    assert page.status_code == 404
    assert "没有这件案件" in page.text
    register.forget("T-1", actor="tests")
    assert console.get("/console/case?id=T-1").status_code == 410


# --- groups -------------------------------------------------------------------------------------


def test_a_group_shows_members_what_joins_them_and_what_to_verify(console):
    send(console, case_id="T-2", phone=None)
    assert "/console/group?id=G1" in console.get("/console/groups").text
    page = console.get("/console/group?id=G1").text
    for words in ("T-2", "联系电话相同", "核对来电登记", "含义"):
        assert words in page
    assert TEXT[:6] not in page


def test_groups_of_another_kind_are_left_out(console):
    send(console, case_id="T-2", phone=None)
    assert "没有案件组" in console.get("/console/groups?kind=household").text


def test_a_group_that_is_no_more_is_a_page_that_says_so(reading):
    page = reading.get("/console/group?id=G404")
    assert page.status_code == 404
    assert "没有这个案件组" in page.text


# --- try a text ---------------------------------------------------------------------------------


def try_text(client: httpx.Client, text: str) -> httpx.Response:
    form = Fields(client.get("/console/try").text).hidden
    return client.post("/console/try", data={**form, "text": text, "genre": "own_words"})


def test_a_text_can_be_tried_and_is_not_stored(console, register):
    page = try_text(console, "理赔太慢,全额退保")
    assert page.status_code == 200
    assert "理赔时效" in page.text
    assert found(register) == ["T-1"]


def test_a_text_of_several_lines_keeps_its_offsets(reading):
    assert re.search(r"<mark[^>]*>全额退保<", try_text(reading, "一\r\n二\r\n全额退保").text)


@pytest.mark.parametrize(("text", "status"), [("", 422), ("长" * 200_001, 413)])
def test_a_text_that_cannot_be_read_is_refused_on_a_page(reading, text, status):
    page = try_text(reading, text)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")


def test_who_needs_help_is_not_shown_as_a_case_without_advice(console, register):
    keep_routed(register, "H-1", "safety")
    page = console.get("/console/case", params={"id": "H-1"}).text
    (title,) = re.findall(r"<h1>.*?</h1>", page, re.DOTALL)
    assert "安全关怀" in title
    assert "无提示" not in title
    assert "先给帮助,不给级别" in page


def test_the_worklist_shows_who_needs_help_in_the_words_of_the_case_page(console, register):
    keep_routed(register, "H-1", "safety")
    page = console.get("/console").text
    (row,) = (row for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if "H-1" in row)
    assert "安全关怀" in row
    assert "无提示" not in row
    chips = dict(re.findall(r'class="chip" href="([^"]*)".*?<b>(\d+)</b>', page))
    assert chips["/console?route=safety"] == "1"
    assert chips["/console?level=NONE"] == "0"
    only = console.get("/console?route=safety").text
    assert "H-1" in only
    assert "T-1" not in only
