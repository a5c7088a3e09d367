import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from models.assessment import Label
from models.codebook import default_codebook
from models.links import Linker
from models.links.kinds import read_kinds
from models.record import Record
from models.rows import RowFault
from serving.files.linking import read_linkable
from serving.register.register import Register
from tests.support.linked import Links
from tests.support.readers import KeywordAnalyzer
from tests.support.sampled import SAMPLES

BULK, SERIAL = "PS_BULK_REPORT", "PS_SERIAL_REPEAT"
LETTER = (
    "本人二〇二〇年四月在贵司购得年金一份。彼时推介者将茶杯压在条款上,只露出落款处,"
    "称余下皆是套话不必细看。此后三载从未有人上门释疑。上月翻检抽屉方见附表,"
    "始知中途支取折损近半,如遭冷水浇背。恳请查明茶杯之事,并将所缴悉数奉还。"
)
PLEA = (
    "去年五月装修工地塌了脚手架,我左脚踝打了三根钢钉,住了十九天。保险公司的人说工地上违章,"
    "只肯付一半。安全帽我戴了,工友们的合影和包工头的考勤表都交了,请按条款付另一半。"
)
NEWS = (
    "上周劳动部门出了认定书,写明扣件锈蚀断裂,安全帽佩戴规范,包工头已经受罚,"
    "骨科主任另开了钢钉须分两次取出的证明,现一并附上。"
)
STORIES = (
    "医院发票交了四十天,一直说在影像审核,能不能告诉我卡在哪一步。",
    "续期扣款扣了两次,银行流水在这里,请把多扣的一笔退到原卡。",
    "手机软件改不了地址,人工又排不上队,我只想收到纸质的红利通知。",
    "孩子的学平险要学校盖章,可学校说从来不盖,让我去哪里盖。",
    "分红比演示表少了一大截,柜员当时拿计算器按给我看的。",
    "犹豫期里我就打过电话,如今又说没有录音可查。",
)
NAMES = ("周平", "沈月华", "罗定", "方晴", "汤玉琴", "丁友根")
FIRST = date(2026, 3, 2)


def link(records: Sequence[Record], *, marks: Sequence[str] = ()):
    return Linker(default_codebook()).link(records, assess(records, marks=marks))


def assess(records: Sequence[Record], *, marks: Sequence[str] = ()):
    found = tuple(Label(mark, mark, 0.9) for mark in marks)
    answers = KeywordAnalyzer().assess(records)
    return [replace(one, agent=replace(one.agent, marks=found)) for one in answers]


def signs(linked) -> dict[str, set[str]]:
    return {case.case_id: {sign.id for sign in case.signs} for case in linked.cases}


def with_sign(linked, sign: str) -> list[str]:
    return [case_id for case_id, found in signs(linked).items() if sign in found]


def filed(*, texts: Sequence[str] = STORIES[:5], every: int = 1, **fields: str) -> list[Record]:
    """Cases of strangers, one each so many days."""
    return [
        Record(
            text,
            case_id=f"B{n}",
            policyholder=NAMES[n],
            received_at=(FIRST + timedelta(days=n * every)).isoformat(),
            **fields,
        )
        for n, text in enumerate(texts)
    ]


def repeated(
    text: str = PLEA,
    *,
    days: Sequence[int] = tuple(range(0, 70, 7)),
    sources: Sequence[str] = ("12378",),
    holder: str = "周平",
    **fields: str,
) -> list[Record]:
    """Cases of one person, on these days, over these sources in turn."""
    return [
        Record(
            text,
            case_id=f"R{n}",
            policyholder=holder,
            received_at=(FIRST + timedelta(days=day)).isoformat(),
            source=sources[n % len(sources)],
            **fields,
        )
        for n, day in enumerate(days)
    ]


# --- one sender for many ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "records",
    [
        filed(phone="19900001111"),
        filed(address="南湖市东城区长虹大厦A座1503"),
        filed(attachment_author="wangzx"),
        filed(texts=[LETTER] * 5),
    ],
    ids=["phone", "address", "author", "layout"],
)
def test_one_sender_or_layout_for_many_policyholders_within_days_files_in_bulk(records):
    assert with_sign(link(records), BULK) == ["B0", "B1", "B2", "B3", "B4"]


@pytest.mark.parametrize(
    "records",
    [
        filed(texts=STORIES[:4], phone="19900001111"),
        filed(every=9, phone="19900001111"),
        [replace(one, received_at=None) for one in filed(phone="19900001111")],
        [replace(one, policyholder="周平") for one in filed(phone="19900001111")],
    ],
    ids=["few", "slowly", "at no known time", "for one person"],
)
def test_few_or_slow_or_undated_or_one_person_is_no_bulk(records):
    assert with_sign(link(records), BULK) == []


@pytest.mark.parametrize(
    "words",
    ["以上由市信访办转来。", "本件系消费者协会转办。", "监管局12378热线交办。"],
)
def test_complaints_that_an_office_passes_on_are_not_filed_by_it(words):
    passed = filed(texts=[words + text for text in STORIES[:5]], phone="19900001111")
    assert with_sign(link(passed), BULK) == []


def test_who_asks_an_office_to_look_is_not_passed_on_by_it():
    asked = filed(
        texts=[text + "恳请信访局和12378严查。" for text in STORIES[:5]], phone="19900001111"
    )
    assert len(with_sign(link(asked), BULK)) == 5


def test_the_wording_of_staff_is_no_layout():
    letters = filed(texts=[LETTER] * 5, phone="19900001111", genre="operator_summary")
    assert with_sign(link(letters), BULK) == []


def test_customers_of_one_seller_who_chose_a_speaker_file_no_bulk():
    told = [f"{text}这份也是丁友根在棋牌室讲的。" for text in STORIES[:5]]
    linked = link(filed(texts=told, phone="19900001111", seller="丁友根"))
    assert {case.group_kind for case in linked.cases} == {"same_seller"}
    assert with_sign(linked, BULK) == []


def test_a_law_firm_files_no_bulk():
    told = [f"律师函。某某律师事务所受委托,委托书原件附后。{text}" for text in STORIES[:5]]
    assert with_sign(link(filed(texts=told, phone="19900003333", role="lawyer")), BULK) == []


# --- one person again and again -----------------------------------------------------------------


def test_one_person_on_one_matter_every_week_repeats_from_the_eighth_time_on():
    assert with_sign(link(repeated()), SERIAL) == ["R7", "R8", "R9"]


def test_one_person_over_many_channels_repeats_without_a_rhythm():
    days = (0, 1, 2, 14, 15, 40, 41, 63)
    assert with_sign(link(repeated(days=days, sources=("信函",))), SERIAL) == []
    assert with_sign(link(repeated(days=days, sources=("信函", "热线", "官网"))), SERIAL) == ["R7"]


@pytest.mark.parametrize(
    "records",
    [
        repeated(days=range(0, 49, 7)),
        repeated(days=range(0, 200, 20)),
        repeated(PLEA + "打了八次电话,至今没有答复。"),
        repeated(PLEA + "每次只回套话。"),
        repeated("本件由消费者协会转来。" + PLEA),
        repeated(genre="staff_note"),
        [replace(one, policyholder=None) for one in repeated()],
        [replace(one, received_at=None) for one in repeated()],
        [replace(one, policyholder=f"{one.case_id}某") for one in repeated()],
    ],
    ids=[
        "seven times",
        "over half a year",
        "not answered",
        "answered by template",
        "passed on",
        "written by staff",
        "nobody known",
        "no day known",
        "others",
    ],
)
def test_what_explains_repeats_or_makes_them_none_holds_the_sign_back(records):
    assert with_sign(link(records), SERIAL) == []


def test_a_mark_that_the_company_has_not_answered_holds_the_sign_back():
    assert with_sign(link(repeated(), marks=["NX_UNANSWERED"]), SERIAL) == []


def test_new_facts_begin_anew():
    told = repeated()
    told[7:] = [replace(one, text=PLEA + NEWS) for one in told[7:]]
    assert with_sign(link(told), SERIAL) == []


def test_repeats_alone_are_noted_and_no_more():
    linked = link(repeated())
    assert {case.level for case in linked.cases} == {"NONE", "WATCH"}
    assert {case.group_kind for case in linked.cases} <= {"unknown"}


def test_one_person_who_names_his_seller_is_no_crowd_of_victims():
    linked = link(repeated(seller="丁友根"))
    assert {case.group_kind for case in linked.cases} == {"unknown"}


# --- the samples, and the register --------------------------------------------------------------


def test_no_innocent_group_of_the_samples_gets_either_sign():
    source = SAMPLES / "groups.jsonl"
    records = [one for one in read_linkable(source) if not isinstance(one, RowFault)]
    linked = link(records)
    innocent = innocents(source)
    assert len(innocent) > 80
    assert innocent & {*with_sign(linked, BULK), *with_sign(linked, SERIAL)} == set()


def innocents(source: Path) -> set[str]:
    rows = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    return {row["case_id"] for row in rows if not (row.get("group") or "").startswith("ring")}


@pytest.fixture
def register(database_url: str, tmp_path: Path) -> Iterator[Links]:
    """On SQLite, and once more on PostgreSQL."""
    with Register.open(database_url, key_file=tmp_path / "identifier.keys") as opened:
        yield Links(opened)


@pytest.mark.parametrize("step", [1, -1], ids=["in order", "backwards"])
def test_the_register_finds_the_same_signs_one_by_one(register, step):
    records = [*filed(phone="19900001111"), *repeated()][::step]
    for pair in zip(records, assess(records), strict=True):
        register.add(pair)
    linked = link(records)
    assert with_sign(linked, BULK)
    assert with_sign(linked, SERIAL)
    assert {one.case_id: register.signs(one.case_id) for one in records} == signs(linked)


def test_the_register_takes_the_sign_back_when_a_case_goes(register):
    records = repeated()[:8]
    register.add(*zip(records, assess(records), strict=True))
    assert register.signs("R7") == {SERIAL}
    register.remove("R0")
    assert register.signs("R7") == set()


def test_the_signs_are_those_of_the_codebook():
    known = {sign.id for sign in default_codebook().signs}
    marks = {mark.id for mark in default_codebook().marks}
    kinds = read_kinds()
    assert {rule.id for rule in (*kinds.signs, *kinds.repeats)} <= known
    assert {mark for rule in kinds.repeats for mark in rule.held_by_marks} <= marks
