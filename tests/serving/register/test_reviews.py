import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from models.codebook import default_codebook
from models.labels import label_space
from models.taxonomy import default_taxonomy
from serving.register.database import read
from serving.register.errors import ReviewError
from serving.register.reviews import Review
from serving.register.tables import audit
from tests.support.kept import PHONE, RECORD, accept
from tests.support.readers import KeywordAnalyzer


def test_a_modification_keeps_both_sides(register):
    accept(register)
    changes = {"signs": [], "primary": "SERVICE.HOTLINE"}
    review = register.submit_review(
        "T-1", Review("modify", "复核一组", "并无代理", changes)
    ).result()
    assert review.before["signs"] == ["PS_FULL_REFUND_ONLY"]
    assert review.after["signs"] == []
    assert review.after["causes"] == ["SERVICE.HOTLINE", "CLAIM.CLAIM_DELAY"]
    assert all("PS_FULL_REFUND_ONLY" not in span["labels"] for span in review.after["spans"])


def test_the_audit_names_who_sent_a_review_and_no_word_of_it(register):
    accept(register)
    register.submit_review("T-1", Review("accept", f"汤玉琴{PHONE}"), actor="key-1").result()
    with read(register.engine) as connection:
        row = connection.execute(select(audit).where(audit.c.action == "review")).one()
    assert row.actor == "key-1"
    assert register.get("T-1").reviews[0].reviewer == "汤玉琴***********"
    assert register.verify_audit().broken is None


def test_a_review_may_hold_what_no_database_keeps(register):
    accept(register)
    review = register.submit_review(
        "T-1", Review("reject", "甲\x00组", "无\x00法\ud83d认定")
    ).result()
    assert (review.reviewer, review.reason) == ("甲\ufffd组", "无\ufffd法\ufffd认定")
    assert register.get("T-1").reviews == (review,)


def test_reviews_are_added_and_the_next_begins_where_the_last_ended(register):
    accept(register)
    first = register.submit_review(
        "T-1", Review("modify", "甲组", "并无代理", {"signs": []})
    ).result()
    second = register.submit_review("T-1", Review("accept", "乙组")).result()
    assert second.before == first.after
    assert [one.decision for one in register.get("T-1").reviews] == ["modify", "accept"]


@pytest.mark.parametrize(
    ("review", "field"),
    [
        (Review("modify", "甲", "错", {}), "changes"),
        (Review("accept", "甲", None, {"signs": []}), "changes"),
        (Review("modify", "甲", None, {"signs": []}), "reason"),
        (Review("reject", "甲", " "), "reason"),
        (Review("accept", " "), "reviewer"),
        (Review("modify", "甲", "错", {"causes": ["A.B"]}), "primary"),
        (Review("modify", "甲", "错", {"level": "NONE"}), "changes"),
        (Review("modify", "甲", "错", {"signs": ["PS_FOREIGN"]}), "signs"),
        (
            Review("modify", "甲", "错", {"spans": [{"start": 0, "end": 1, "labels": ["PS_X"]}]}),
            "spans[0]",
        ),
        (
            Review("modify", "甲", "错", {"spans": [{"start": 9, "end": 999, "labels": []}]}),
            "spans[0]",
        ),
    ],
)
def test_a_review_that_cannot_be_meant_is_refused_by_its_field(sqlite, review, field):
    accept(sqlite)
    known = label_space(default_taxonomy(), default_codebook())
    with pytest.raises(ReviewError) as caught:
        sqlite.submit_review("T-1", review, known=known).result()
    assert caught.value.field == field
    assert sqlite.get("T-1").reviews == ()


def test_reviews_are_exported_as_records_that_training_reads(register, tmp_path):
    from training.examples.labelled import KnownLabels
    from training.examples.reading import read_labelled

    accept(register)
    accept(register, replace(RECORD, case_id="T-2"))
    accept(register, replace(RECORD, case_id="T-3"))
    register.submit_review("T-1", Review("modify", "甲组", "并无代理", {"signs": []})).result()
    register.submit_review("T-2", Review("reject", "甲组", "无法认定")).result()
    rows = list(register.export_reviews(facets={"channel": ["bank"]}))
    assert [row["id"] for row in rows] == ["T-1/1"]
    assert rows[0]["review"]["before"]["signs"] == ["PS_FULL_REFUND_ONLY"]
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    known = KnownLabels(frozenset({"CLAIM.CLAIM_DELAY"}), frozenset(), frozenset(), {})
    (read_back,) = read_labelled(path, known=known)
    assert read_back.labelled.record.text == register.get("T-1").text
    assert read_back.labelled.record.channel == "bank"
    assert read_back.labelled.spans


def test_of_two_who_read_the_same_the_second_is_asked_to_read_again(register):
    accept(register)
    read_as = register.get("T-1").edition
    both = [
        register.submit_review("T-1", Review("accept", one), edition=read_as)
        for one in ("甲组", "乙组")
    ]
    both[0].result()
    with pytest.raises(ReviewError, match="edition"):
        both[1].result()
    assert [one.reviewer for one in register.get("T-1").reviews] == ["甲组"]


def test_without_a_sign_nobody_is_taken_for_an_agents_customer(register):
    (answer,) = KeywordAnalyzer().assess([replace(RECORD, text="理赔太慢")])
    answer = replace(answer, agent=replace(answer.agent, probability=0.97))
    register.accept(replace(RECORD, text="理赔太慢"), answer)
    assert (
        register.submit_review("T-1", Review("accept", "甲组")).result().after["agent_run"] is False
    )
