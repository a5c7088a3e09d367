"""Which labels a review may hold: ids of the bundle in use, each of its own kind, and no words."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from models.analyzer import Analyzer
from models.bundle import load_bundle
from models.codebook import default_codebook
from models.labels import label_space
from models.record import Record
from models.taxonomy import default_taxonomy
from serving.api.cases import labels_of
from serving.register.database import write
from serving.register.errors import ReviewError
from serving.register.register import Register
from serving.register.reviews import Review
from serving.register.tables import assessments
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

KNOWN = label_space(default_taxonomy(), default_codebook())
SIGN, CAUSE, MARK = "PS_FULL_REFUND_ONLY", "CLAIM.CLAIM_DELAY", KNOWN.marks[0]
WORDS = "张秀兰13812345678要求赔偿"
TEXT = "理赔资料交了四十天,不然全额退保。"


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with Register.open(url, key_file=tmp_path / "k") as register:
        yield register


def keep(register: Register) -> None:
    record = Record(TEXT, case_id="T-1")
    register.accept(record, KeywordAnalyzer().assess([record])[0])


def change(register: Register, known=KNOWN, **changes):
    return register.submit_review(
        "T-1", Review("modify", "甲组", "有误", changes), known=known
    ).result()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"primary": SIGN}, "primary"),
        ({"causes": [CAUSE, MARK]}, "causes"),
        ({"signs": [CAUSE]}, "signs"),
        ({"marks": [SIGN]}, "marks"),
        ({"demand": [WORDS]}, "demand"),
        ({"demand": ["complaint"]}, "demand"),
        ({"record_type": WORDS}, "record_type"),
        ({"record_type": "full_refund"}, "record_type"),
        ({"signs": [SIGN, SIGN]}, "signs"),
    ],
)
def test_a_label_of_another_kind_or_of_none_is_refused_by_its_field(register, changes, field):
    keep(register)
    with pytest.raises(ReviewError) as caught:
        change(register, **changes)
    assert caught.value.field == field
    assert "wanted" in caught.value.reason
    assert WORDS not in str(caught.value)
    assert register.get("T-1").reviews == ()


def test_labels_of_their_kinds_are_taken(register):
    keep(register)
    changes = {
        "primary": "SERVICE.HOTLINE",
        "signs": [KNOWN.signs[-1]],
        "marks": [MARK],
        "demand": ["apology", "interest"],
        "record_type": "enquiry",
    }
    after = change(register, **changes).after
    assert {name: after[name] for name in changes} == changes


def test_a_label_of_an_earlier_bundle_may_stay_and_may_go_but_not_come_back(register):
    keep(register)
    later = replace(KNOWN, signs=tuple(one for one in KNOWN.signs if one != SIGN))
    assert change(register, known=later, agent_run=True).after["signs"] == [SIGN]
    assert change(register, known=later, signs=[]).after["signs"] == []
    with pytest.raises(ReviewError, match="signs: found an unknown id"):
        change(register, known=later, signs=[SIGN])


def test_what_stood_wrong_before_keeps_nobody_from_changing_something_else(register):
    keep(register)
    with write(register.engine) as connection:  # as an older version took it
        answer = connection.execute(select(assessments.c.answer)).scalar_one()
        older = answer.replace('"demand":["full_refund"]', '"demand":["退","退"]')
        assert older != answer
        connection.execute(update(assessments).values(answer=older))
    assert change(register, signs=[]).after["demand"] == ["退", "退"]
    assert change(register, demand=["apology"]).after["demand"] == ["apology"]


def test_a_short_list_is_told_and_a_long_one_counted(register):
    keep(register)
    with pytest.raises(ReviewError, match=", ".join(KNOWN.record_type)):
        change(register, record_type="投诉")
    with pytest.raises(ReviewError, match=f"the {len(KNOWN.causes)} causes of the bundle"):
        change(register, primary="A.B")


# --- API and console ----------------------------------------------------------------------------


@pytest.fixture
def keeping(register: Register, tmp_path: Path) -> Iterator[httpx.Client]:
    with run_server(KeywordAnalyzer(), register=register, data_dir=tmp_path) as (client, _):
        assert client.post("/v1/assess", json={"text": TEXT, "case_id": "T-1"}).status_code == 200
        yield client


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"demand": [WORDS]}, "demand"), ({"record_type": WORDS}, "record_type"),
     ({"primary": SIGN}, "primary")],
)  # fmt: skip
def test_no_words_of_a_reviewer_stay_as_a_label(keeping, tmp_path, changes, field):
    body = {"decision": "modify", "reviewer": "甲组", "reason": "有误", "changes": changes}
    answer = keeping.post("/v1/cases/T-1/review", json=body)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert WORDS not in answer.text
    files = tmp_path.glob("register.db*")
    assert not any("张秀兰".encode() in path.read_bytes() for path in files)


def test_a_form_with_a_sign_among_the_marks_is_refused(keeping):
    page = keeping.get("/console/case", params={"id": "T-1"}).text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    form = {
        "reviewer": "甲组", "decision": "modify", "reason": "有误", "primary": CAUSE,
        "causes": CAUSE, "signs": SIGN, "marks": SIGN, "agent_run": "no",
    }  # fmt: skip
    answer = keeping.post("/console/case", params={"id": "T-1"}, data=hidden | form)
    assert answer.status_code == 422
    assert "含有体系中没有的标签" in answer.text


def test_the_labels_are_those_of_the_bundle_in_use():
    bundle = load_bundle()
    analyzer = Analyzer(bundle, None)
    analyzer.bundle = replace(bundle, labels=replace(bundle.labels, demand=("own",)))
    assert labels_of(analyzer).demand == ("own",)
    assert labels_of(KeywordAnalyzer()) == KNOWN
