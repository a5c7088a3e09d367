import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from models.assessment import NOTICE
from models.record import Record
from serving.console.filters import Asked, read_query
from serving.console.highlights import Shown, cut_pieces
from serving.console.seals import Seal
from serving.console.vocabulary import default_vocabulary
from serving.keys.key import make_key, today
from serving.keys.keys_file import changing
from serving.register.asked import Wanted
from serving.register.register import Register
from serving.register.reviews import Review
from serving.register.worklist import (
    excerpt_of,
    find_cases,
    group_levels,
    standing_labels_of,
    versions_of,
)
from tests.readers import KeywordAnalyzer
from tests.served import run_server
from tests.test_groups_api import OneGroup

PHONE = "19900001101"
TEXT = f"理赔资料交了四十天,请回电{PHONE},不然全额退保。"
LEVELS = list(default_vocabulary().levels)
PAGES = ("", "/groups", "/try", "/enter")


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    url = f"sqlite:///{tmp_path / 'register.db'}"
    opened = Register.open(url, key_file=tmp_path / "k", index=lambda _: OneGroup())
    with opened as register:
        yield register


@pytest.fixture
def console(register: Register, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a service that keeps its cases, with one case in it."""
    with run_server(KeywordAnalyzer(), register=register, data_dir=tmp_path) as (client, _):
        assert send(client).status_code == 200
        yield client


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service with one case, shared by tests that store nothing."""
    place = tmp_path_factory.mktemp("console")
    url = f"sqlite:///{place / 'register.db'}"
    opened = Register.open(url, key_file=place / "k", index=lambda _: OneGroup())
    run = run_server(KeywordAnalyzer(), register=opened, data_dir=place)
    with opened, run as (client, _):
        assert send(client).status_code == 200
        yield client


def send(client: httpx.Client, **fields) -> httpx.Response:
    body = {"text": TEXT, "case_id": "T-1", "phone": PHONE, **fields}
    return client.post("/v1/assess", json=body)


class Fields(HTMLParser):
    """The hidden fields of a page, and every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    @property
    def hidden(self) -> dict[str, str | None]:
        inputs = (given for tag, given in self.tags if tag == "input")
        return {i["name"]: i["value"] for i in inputs if i.get("type") == "hidden"}


def review(client: httpx.Client, *, case_id: str = "T-1", **fields) -> httpx.Response:
    page = client.get("/console/case", params={"id": case_id})
    form = {**Fields(page.text).hidden, "reviewer": "复核一组", **fields}
    return client.post("/console/case", params={"id": case_id}, data=form)


def unchanged(**changes) -> dict:
    labels = {
        "primary": "CLAIM.CLAIM_DELAY",
        "causes": ["CLAIM.CLAIM_DELAY"],
        "signs": ["PS_FULL_REFUND_ONLY"],
        "agent_run": "no",
    }
    return {"decision": "modify", "reason": "客户本人来函", **labels, **changes}


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


def found(register: Register, **wanted) -> list[str]:
    order = wanted.pop("order", "newest")
    cases = find_cases(register, Wanted(**wanted), levels=LEVELS, order=order, limit=25).cases
    return [case.case_id for case in cases]


@pytest.fixture
def several(console, register) -> Register:
    """Three cases: T-1 watched, T-2 unclear and older, T-3 late and newer."""
    send(console, case_id="T-2", text="请问怎么办", received_at="2026/03/02 08:00")
    send(console, case_id="T-3", text="理赔太慢,100%不满意", received_at="2099-01-01T08:00")
    return register


@pytest.mark.parametrize(
    ("wanted", "cases"),
    [
        ({}, ["T-3", "T-2", "T-1"]),
        ({"level": "WATCH"}, ["T-1"]),
        ({"cause": "CLAIM"}, ["T-3", "T-1"]),
        ({"cause": "OTHER.UNCLEAR"}, ["T-2"]),
        ({"review": "waiting"}, ["T-2"]),
        ({"review": "reviewed"}, []),
        ({"until": "2026-03-02"}, ["T-2"]),
        ({"since": "2090-01-01"}, ["T-3"]),
        ({"words": "资料 全额"}, ["T-1"]),
        ({"words": "0%不"}, ["T-3"]),
        ({"words": "1%9"}, []),
        ({"words": PHONE}, []),
        ({"order": "received"}, ["T-3", "T-1", "T-2"]),
        ({"order": "level"}, ["T-1", "T-3", "T-2"]),
    ],
)
def test_the_worklist_finds_what_is_asked_for(several, wanted, cases):
    assert found(several, **wanted) == cases


def test_the_worklist_counts_all_that_is_asked_for_not_only_its_page(several):
    page = find_cases(several, Wanted(), levels=LEVELS, limit=1, offset=1)
    assert [case.case_id for case in page.cases] == ["T-2"]
    assert (page.total, page.waiting, page.levels) == (3, 1, {"NONE": 2, "WATCH": 1})


def test_the_worklist_has_the_newest_version_only(console, register):
    send(console, text="请问怎么办")
    (case,) = find_cases(register, Wanted(), levels=LEVELS, limit=9).cases
    assert (case.version, case.primary_cause) == (2, "OTHER.UNCLEAR")
    assert [one.version for one in versions_of(register, "T-1")] == [2, 1]


def test_a_forgotten_case_is_in_no_list(console, register):
    register.forget("T-1", actor="tests")
    assert found(register) == []


def test_words_are_not_looked_for_in_a_ciphertext(tmp_path):
    url = f"sqlite:///{tmp_path / 'sealed.db'}"
    opened = Register.open(url, key_file=tmp_path / "k2", text_form="encrypted")
    with opened as register, run_server(KeywordAnalyzer(), register=register) as (client, _):
        send(client)
        assert found(register, words="gAAAA") == []
        (case,) = find_cases(register, Wanted(), levels=LEVELS, limit=9).cases
        assert (case.excerpt or "").startswith("理赔资料")


def test_both_kinds_of_database_find_and_count_alike(database_url, tmp_path):
    with Register.open(database_url, key_file=tmp_path / "k3") as register:
        for number, text in enumerate(("理赔太慢", "理赔太慢,全额退保", "请问怎么办")):
            record = Record(text, case_id=f"T-{number}", received_at=f"2026-11-0{3 - number}")
            (assessment,) = KeywordAnalyzer().assess([record])
            register.accept(record, assessment)
        register.review("T-2", Review("accept", "复核一组"))
        assert found(register, order="level") == ["T-1", "T-0", "T-2"]
        assert found(register, order="received", words="理赔", until="2026-11-02") == ["T-1"]
        assert found(register, cause="OTHER", review="reviewed", since="2026-11-01") == ["T-2"]
        page = find_cases(register, Wanted(cause="CLAIM"), levels=LEVELS, limit=1)
        assert (page.total, page.waiting, page.levels) == (2, 0, {"NONE": 1, "WATCH": 1})
        assert [one.reviews for one in versions_of(register, "T-2")] == [1]
        assert standing_labels_of(register, "T-2")["primary"] == "OTHER.UNCLEAR"
        assert group_levels(register, ["G000001", "X"]) == {}


def test_a_query_that_cannot_be_meant_is_passed_over():
    query = {"level": "GUILTY", "cause": "X", "since": "昨天", "page": "-3", "order": "worst"}
    assert read_query(query, default_vocabulary()) == Asked(Wanted())


def test_an_excerpt_shows_the_words_looked_for():
    assert "回访" in excerpt_of("长" * 500 + "回访" + "长" * 500, "回访")


# --- one case -----------------------------------------------------------------------------------


def shown(number: int, kind: str, *spans: tuple[int, int]) -> Shown:
    return Shown(number, kind, f"L{number}", "名称", spans)


def test_pieces_together_are_the_text():
    labels = [shown(1, "cause", (2, 6)), shown(2, "sign", (4, 9)), shown(3, "mark", (4, 6))]
    assert "".join(piece.text for piece in cut_pieces("零一二三四五六七八九", labels)) == (
        "零一二三四五六七八九"
    )


def test_overlapping_evidence_names_every_label_that_covers_it():
    labels = [shown(1, "cause", (2, 6)), shown(2, "sign", (4, 9))]
    pieces = cut_pieces("零一二三四五六七八九", labels)
    numbers = [(piece.text, [label.number for label in piece.labels]) for piece in pieces]
    assert numbers == [("零一", []), ("二三", [1]), ("四五", [1, 2]), ("六七八", [2]), ("九", [])]
    assert [[label.number for label in piece.ends] for piece in pieces] == [[], [], [1], [2], []]


def test_a_piece_that_two_kinds_cover_shows_both():
    (piece,) = cut_pieces("理赔", [shown(1, "sign", (0, 2)), shown(2, "cause", (0, 2))])
    assert piece.kinds == ("cause", "sign")


def test_evidence_beyond_the_text_is_cut_to_what_is_there():
    assert [piece.text for piece in cut_pieces("理赔", [shown(1, "cause", (1, 9))])] == ["理", "赔"]


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


# --- reviews ------------------------------------------------------------------------------------


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
        ({"decision": ""}, "请选择采纳、修改或驳回"),
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


# --- keys ---------------------------------------------------------------------------------------


@pytest.fixture
def keyed(register: Register, tmp_path: Path) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    """A service with keys, and a key for each scope."""
    file, tokens = tmp_path / "keys.json", {}
    with changing(file) as stored:
        for scope in ("review", "assess"):
            key, tokens[scope] = make_key(
                f"{scope} 一组", frozenset({scope}), now=today(), expires=today() + timedelta(1)
            )
            stored.append(key)
    run = run_server(KeywordAnalyzer(), register=register, keys=file, data_dir=tmp_path)
    with run as (client, _):
        header = {"authorization": f"Bearer {tokens['assess']}"}
        body = {"text": TEXT, "case_id": "T-1"}
        assert client.post("/v1/assess", json=body, headers=header).status_code == 200
        yield client, tokens


def log_in(client: httpx.Client, token: str, onward: str = "") -> httpx.Response:
    form = Fields(client.get("/console/enter", params={"onward": onward}).text).hidden
    return client.post("/console/enter", data={**form, "key": token})


@pytest.mark.parametrize("path", ["", "/case?id=T-1", "/groups", "/group?id=G1", "/try"])
def test_with_keys_every_page_asks_for_one_first(keyed, path):
    answer = keyed[0].get(f"/console{path}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/enter")
    assert "T-1" not in answer.text


def test_a_reviewer_logs_in_and_goes_on_to_the_page_that_was_asked_for(keyed):
    client, tokens = keyed
    answer = log_in(client, tokens["review"], onward="/case?id=T-1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/case?id=T-1")
    assert client.get("/console/case?id=T-1").status_code == 200


def test_the_session_cookie_is_out_of_reach_and_holds_no_key(keyed):
    client, tokens = keyed
    (cookie,) = [
        c for c in log_in(client, tokens["review"]).headers.get_list("set-cookie") if "session" in c
    ]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/console" in cookie
    assert tokens["review"][3:] not in cookie


@pytest.mark.parametrize("onward", ["//evil.example", "https://evil.example", "/../x", "/case\\x"])
def test_a_log_in_leads_to_no_other_site(keyed, onward):
    client, tokens = keyed
    assert log_in(client, tokens["review"], onward).headers["location"] == "/console"


@pytest.mark.parametrize("token", ["", "xb_0123456789ab_" + "x" * 43, "密钥"])
def test_a_wrong_key_is_told_and_opens_nothing(keyed, token):
    client, _ = keyed
    answer = log_in(client, token)
    assert answer.status_code == 401
    assert "密钥无效" in answer.text
    assert client.get("/console").status_code == 303


def test_a_key_opens_only_what_its_scope_allows(keyed):
    client, tokens = keyed
    log_in(client, tokens["assess"])
    assert client.get("/console/try").status_code == 200
    refused = client.get("/console/case?id=T-1")
    assert refused.status_code == 403
    assert "四十天" not in refused.text


def test_the_reviewer_is_the_key_whatever_the_form_says(keyed, register):
    client, tokens = keyed
    log_in(client, tokens["review"])
    assert review(client, decision="accept", reviewer="别人").status_code == 303
    assert register.get("T-1").reviews[0].reviewer == "review 一组"


def test_who_has_left_is_asked_for_a_key_again(keyed):
    client, tokens = keyed
    log_in(client, tokens["review"])
    form = Fields(client.get("/console").text).hidden
    assert client.post("/console/leave", data=form).status_code == 303
    assert client.get("/console").status_code == 303


def test_a_session_made_elsewhere_is_none(keyed, tmp_path):
    client, tokens = keyed
    forged = Seal(tmp_path / "other.key").close(tokens["review"])
    client.cookies.set("xiaobao_session", forged, path="/console")
    assert client.get("/console").status_code == 303


def test_a_session_of_yesterday_is_over(tmp_path, monkeypatch):
    seal = Seal(tmp_path / "k")
    session = seal.close("xb_key")
    assert seal.open(session) == "xb_key"
    monkeypatch.setattr("serving.console.seals.SESSION_S", -1)
    assert seal.open(session) is None


def test_servers_that_share_the_file_share_sessions(tmp_path):
    assert Seal(tmp_path / "k").open(Seal(tmp_path / "k").close("xb_key")) == "xb_key"


def test_a_service_that_may_write_no_file_has_sessions_of_its_own(tmp_path):
    (tmp_path / "file").write_text("")
    seal = Seal(tmp_path / "file" / "k")
    assert seal.open(seal.close("xb_key")) == "xb_key"


# --- words --------------------------------------------------------------------------------------


def test_every_facet_that_the_taxonomy_knows_has_a_chinese_word():
    words, facets = default_vocabulary().words, default_vocabulary().taxonomy.facets
    kinds = {"complainant_role": "role", "text_genre": "genre"}
    asked = ("channel", "product", "source", "demand", "record_type", *kinds)
    lacking = {n: set(facets[n]) - set(words[kinds.get(n, n)]) for n in asked}
    assert not any(lacking.values()), lacking
