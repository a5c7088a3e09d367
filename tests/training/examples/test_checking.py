"""The check of labelled files: each finding where it belongs, and none where it does not."""

import json

import pytest

from models.record import LabelledRecord, Record, Span
from models.rows import ReadingNote, RowFault
from training.examples.checking import FEWEST, check
from training.examples.disagreement import find_disagreements, find_doubts
from training.examples.reading import Examples

DELAY = "CLAIM.CLAIM_DELAY"
TECHNICAL = {"OTHER.UNCLEAR", *(f"OTHER.{c}" for c in "ABCD")}
LETTER = (
    "本人于2021年3月经业务员推荐购买年金险,当时称三年即可取回本金,现得知需交十年,"
    "中途退保损失过半,本人从未收到任何风险提示,要求全额退还已交保费。"
)


def labelled(text, *, cause=DELAY, spans=1, **rest):
    span = Span(0, 4, (cause,))
    causes = rest.pop("causes", (cause,))
    return LabelledRecord(Record(text), cause, causes, spans=(span,) * spans, **rest)


def report_of(*records, **options):
    places = tuple(("a.jsonl", row) for row in range(1, len(records) + 1))
    return check(Examples(records, places=places), technical=TECHNICAL, **options)


def found(report):
    return [(finding.kind, finding.place) for finding in report.findings]


SOUND = labelled("资料交齐两个月没有任何回音")


@pytest.mark.parametrize(
    ("record", "kinds"),
    [
        (SOUND, []),
        (labelled("等了很久的理赔款", spans=0), ["no_evidence"]),
        (labelled("退钱马上处理", cause="OTHER.UNCLEAR", spans=0), []),
        (labelled("等了很久的理赔款", signs=("PS_REG_STACK",)), ["no_evidence"]),
        (labelled("等了很久的理赔款", marks=("NX_UNANSWERED",)), []),
        (labelled("等了很久的理赔款", agent_run=True), []),
        (labelled("等了很久的理赔款", spans=4), ["many_spans"]),
        (labelled("等了很久", causes=(DELAY, *(f"OTHER.{c}" for c in "ABCD"))), ["many_causes"]),
    ],
)
def test_labels_are_held_against_the_annotation_rules(record, kinds):
    assert [kind for kind, _ in found(report_of(record))] == kinds


def test_the_same_text_with_the_same_labels_is_a_double():
    assert found(report_of(SOUND, SOUND)) == [("double_text", "a.jsonl:2")]


def test_the_same_text_with_other_labels_is_a_conflict():
    other = labelled(SOUND.record.text, cause="CLAIM.CLAIM_DOC")
    assert found(report_of(SOUND, other)) == [("label_conflict", "a.jsonl:2")]


def test_near_duplicates_are_found():
    records = [labelled(LETTER.replace("2021", str(2000 + i))) for i in range(12)]
    kinds = {kind for kind, _ in found(report_of(*records))}
    assert kinds == {"near_duplicate"}


def test_labels_seldom_or_never_seen_are_rare():
    report = report_of(
        *(labelled(f"第{i}回催理赔{chr(0x4E00 + i) * 9}") for i in range(FEWEST)),
        labelled("热线打不通", cause="SERVICE.HOTLINE"),
        labels=[DELAY, "SERVICE.HOTLINE", "PRIVACY.LEAK"],
    )
    assert report.rare == (("PRIVACY.LEAK", 0), ("SERVICE.HOTLINE", 1))


def test_counts_are_by_label_genre_and_writer():
    counts = report_of(SOUND, labelled("热线打不通", cause="SERVICE.HOTLINE", writer="w1")).counts
    assert counts["causes"] == ((DELAY, 1), ("SERVICE.HOTLINE", 1))
    assert counts["genre"] == (("(none)", 2),)
    assert counts["writer"] == (("(none)", 1), ("w1", 1))


def test_span_lengths_are_in_characters():
    spans = report_of(SOUND, labelled("等了很久的理赔款", spans=2)).spans
    assert (spans.count, spans.least, spans.median, spans.most) == (3, 4, 4, 4)


def test_what_reading_left_aside_is_in_the_report():
    unused = (("received_at", "a day", 2),)
    note = ReadingNote("a.xlsx", 1, 0, ("坐席",), (("phone", 2),), ("汇总",), unused=unused)
    report = check(Examples((), notes=(note,)))
    assert [kind for kind, _ in found(report)] == [
        "unknown_column", "damaged_number", "unused_value", "skipped_sheet",
    ]  # fmt: skip


def test_the_report_as_text_names_every_fault_and_quotes_no_text():
    fault = RowFault("a.jsonl", 7, "primary", "missing, wanted a cause id")
    report = check(Examples((SOUND,), (fault,), places=(("a.jsonl", 1),)))
    assert "a.jsonl:7: primary: missing, wanted a cause id" in report.as_text()
    assert SOUND.record.text not in report.as_text() + json.dumps(report.as_json())


def test_of_many_findings_the_text_shows_the_first_twenty():
    records = [labelled(f"{chr(0x4E00 + i) * 9}", spans=0) for i in range(25)]
    assert "… and 5 more" in report_of(*records).as_text()


def test_the_report_as_json_is_plain():
    plain = json.loads(json.dumps(report_of(SOUND, SOUND).as_json()))
    assert plain["counts"]["causes"] == {DELAY: 2}
    assert plain["findings"][0]["kind"] == "double_text"


CLAIMS = (
    "理赔款催了三回还没到账",
    "住院的理赔拖了两个月没结果",
    "理赔资料交齐,赔款迟迟不打",
    "五十天了,赔款一分没见着",
    "我妈的理赔一直审核中,没人说何时赔",
    "赔款说三天到,理赔员又说再等",
)
CALLS = (
    "热线打不通,机器人答非所问",
    "人工客服排队一小时,热线自己断了",
    "打热线转了六次又回到机器人",
    "机器人听不懂话,找不到人工客服",
    "你们热线永远占线,人工接不进去",
    "客服热线按来按去全是机器人",
)


def mislabelled():
    wrong = labelled("热线全是机器人,人工客服打不进去")
    calls = [labelled(text, cause="SERVICE.HOTLINE") for text in CALLS]
    return [*map(labelled, CLAIMS), *calls, wrong]


def test_the_surest_label_that_a_quick_model_would_not_give_comes_first():
    assert find_disagreements(mislabelled())[0] == (12, "SERVICE.HOTLINE")


def test_disagreements_are_looked_for_only_when_asked():
    records = mislabelled()
    asked = report_of(*records, disagreements=True)
    assert ("disagreement", "a.jsonl:13") in found(asked)
    assert "disagreement" not in {kind for kind, _ in found(report_of(*records))}


def test_too_few_units_give_no_disagreement():
    assert find_disagreements([SOUND]) == []


def test_a_wrong_primary_is_the_surest_doubt_with_the_cause_it_should_be():
    first = find_doubts(mislabelled())[0]
    assert (first.at, first.given, first.suggested) == (12, DELAY, "SERVICE.HOTLINE")
    assert first.self_confidence < 0.5


def test_likely_label_errors_are_looked_for_only_when_asked_and_quote_no_text():
    records = mislabelled()
    asked = report_of(*records, label_errors=True)
    (doubt,) = [finding for finding in asked.findings if finding.place == "a.jsonl:13"]
    assert doubt.kind == "wrong_primary"
    assert doubt.reason.startswith(f"given {DELAY}, suggested SERVICE.HOTLINE, self-confidence 0.")
    assert not any(text in asked.as_text() for text in (*CLAIMS, *CALLS))
    assert "wrong_primary" not in {kind for kind, _ in found(report_of(*records))}


def test_a_label_that_stands_once_is_not_doubted():
    alone = labelled("保单信息被卖给了装修公司", cause="PRIVACY.LEAK")
    assert "PRIVACY.LEAK" not in {doubt.given for doubt in find_doubts([*mislabelled(), alone])}


def test_too_few_units_give_no_doubt():
    assert find_doubts([SOUND]) == []
