import os
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from models.assessment import Label, SignFound
from models.codebook import default_codebook
from models.links import Linker, read_hubs
from models.links.cases import draft_case
from models.links.fingerprints import fingerprint
from models.links.hubs import HubError
from models.links.kinds import read_kinds
from models.links.likeness import measure
from models.links.masking import mask
from models.links.persons import persons_of
from models.record import Record
from tests.support.readers import KeywordAnalyzer
from tests.support.sampled import few_complaints

LETTER = (
    "本人二〇二〇年四月在贵司购得年金一份。彼时推介者将茶杯压在条款上,只露出落款处,"
    "称余下皆是套话不必细看。此后三载从未有人上门释疑。上月翻检抽屉方见附表,"
    "始知中途支取折损近半,如遭冷水浇背。恳请查明茶杯之事,并将所缴悉数奉还。"
    "本人不愿再与推介者见面,一切以盖有红印的函件为凭。"
)
OTHERS = (
    "医院发票交了四十天,一直说在影像审核,能不能告诉我卡在哪一步。",
    "续期扣款扣了两次,银行流水在这里,请把多扣的一笔退到原卡。",
    "手机软件改不了地址,人工又排不上队,我只想收到纸质的红利通知。",
    "孩子的学平险要学校盖章,可学校说从来不盖,让我去哪里盖。",
)


def link(*records: Record):
    return Linker(default_codebook()).link(records, KeywordAnalyzer().assess(records))


def likeness(left: str, right: str):
    return measure(*(fingerprint(mask(Record(text))) for text in (left, right)))


def kinds(linked) -> list[str | None]:
    return [case.group_kind for case in linked.cases]


def sentences(text: str) -> list[str]:
    return [part + "。" for part in text.split("。") if part]


def test_names_sums_dates_and_places_are_masked():
    one = Record("我叫周平,2021年3月在南湖市交了3.6万元。", policyholder="周平")
    two = Record("我叫沈月华,2019年11月在北塘市交了八千元。", policyholder="沈月华")
    assert mask(one) == mask(two)


def test_a_text_is_masked_alike_in_every_process():
    """Pieces of one address overlap: in another order they would leave other words."""
    code = (
        "from models.links.masking import mask; from models.record import Record\n"
        "print(mask(Record('约在海棠路桂里口', address='北塘市海棠路桂里口')))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(told) == 1


@pytest.mark.parametrize(
    "changed",
    [
        "".join(random.Random(1).sample(sentences(LETTER), len(sentences(LETTER)))),
        "".join(sentences(LETTER)[:1] + sentences(LETTER)[2:]),
        LETTER + "家中尚有老人待养,望体恤为感。秋凉风紧,往来不便,盼早日赐复,免我悬念。",
        LETTER.replace("二〇二〇年四月", "2018年9月").replace("贵司", "你公司"),
    ],
    ids=["shuffled", "cut", "padded", "swapped"],
)
def test_a_rewritten_letter_is_still_a_copy(changed: str):
    assert likeness(LETTER, changed).copied >= 0.5


def test_letters_of_strangers_are_not_alike():
    assert likeness(OTHERS[0], LETTER).retold < 0.03


def test_a_broken_pattern_in_the_list_of_hubs_is_named(tmp_path):
    path = tmp_path / "hubs.yaml"
    path.write_text("author: ['(']\n", "utf-8")
    with pytest.raises(HubError, match="author"):
        read_hubs(path)


def test_strangers_at_one_phone_are_a_ring_and_asked_to_be_verified():
    linked = link(
        Record(OTHERS[0], phone="19900001111", policyholder="周平", address="南湖市柳荫路8号"),
        Record(OTHERS[1], phone="19900001111", policyholder="沈月华", address="北塘市杏花街3号"),
        Record(OTHERS[2], phone="19900001111", policyholder="罗定", address="东川市石桥巷9号"),
        Record(OTHERS[3], phone="19900002222", policyholder="方晴"),
    )
    assert kinds(linked) == ["ring", "ring", "ring", None]
    assert [case.level for case in linked.cases] == ["REVIEW", "REVIEW", "REVIEW", "NONE"]


def test_one_who_writes_three_times_and_gives_no_name_is_no_ring():
    linked = link(*(Record(text, phone="19900001111") for text in OTHERS[:3]))
    assert [case.level for case in linked.cases] == ["NONE"] * 3
    named = link(*(Record(text, phone="19900001111", policyholder="周平") for text in OTHERS[:3]))
    assert [case.level for case in named.cases] == ["NONE"] * 3


@pytest.mark.parametrize(
    ("people", "count"),
    [
        ([(None, None)] * 3, 1),
        ([(None, "南湖"), (None, "南湖"), (None, None)], 1),
        ([(None, "南湖"), (None, "北塘")], 2),
        ([("周", "南湖"), (None, "南湖")], 1),
        ([("周", "南湖"), (None, "北塘")], 2),
        ([("周", None), (None, "北塘")], 1),
        ([("周", None), (None, "北塘"), (None, "南湖")], 2),
        ([("周", "南湖"), ("周", "北塘"), (None, "南湖")], 1),
        ([("周", None), ("沈", None)], 2),
    ],
)
def test_persons_are_counted_as_far_as_that_is_sure(people, count):
    record = Record(OTHERS[0])
    (answer,) = KeywordAnalyzer().assess([record])
    draft = draft_case(record, answer, id_="T", kinds=read_kinds(), hubs=read_hubs())
    case = draft.named(str)
    assert persons_of([replace(case, person=who, city=city) for who, city in people]) == count


@pytest.mark.parametrize(
    ("people", "count"),
    [
        ([("周", "P1"), (None, "P1")], 1),
        ([(None, "P1"), (None, "P2")], 1),
        ([("周", "P1"), ("周", "P2"), (None, "P2")], 1),
        ([("周", "P1"), ("周平", "P1")], 1),
        ([("周", "P1"), ("沈", "P2"), (None, "P2")], 2),
    ],
)
def test_one_policy_is_one_person_and_two_are_not_yet_two(people, count):
    record = Record(OTHERS[0])
    (answer,) = KeywordAnalyzer().assess([record])
    case = draft_case(record, answer, id_="T", kinds=read_kinds(), hubs=read_hubs()).named(str)
    assert persons_of([replace(case, person=who, policy=no) for who, no in people]) == count


@pytest.mark.parametrize("name", ["周*", "张**", "本人", "周某某", "周先生"])
def test_a_name_that_is_masked_names_nobody(name):
    record = Record(OTHERS[0], policyholder=name)
    (answer,) = KeywordAnalyzer().assess([record])
    draft = draft_case(record, answer, id_="T", kinds=read_kinds(), hubs=read_hubs())
    assert "person" not in {value.kind for value in draft.values}


def test_a_customer_with_two_policies_is_no_ring():
    account = "6222021234567890128"
    linked = link(*(Record(OTHERS[n], policy_no=f"P00{n}", payee_account=account) for n in (0, 1)))
    assert {case.level for case in linked.cases} == {"NONE"}


def test_a_couple_of_whom_one_wants_all_back_is_a_household():
    door = {"address": "南湖市柳荫新村3幢402"}
    linked = link(
        Record("我爱人的分红没到账,他在外地,请全额退保。", policyholder="周平", **door),
        Record("我家老公的住院费还没赔。", policyholder="沈月华", **door),
    )
    assert kinds(linked) == ["household"] * 2


def test_company_from_which_no_sign_follows_never_raises_a_level():
    """A clerk's note, known as one by its words alone: in a household it stays what it was."""
    records = [
        Record("我家老人的保单,请别打电话给他。", policyholder="周平", address="南湖市柳荫路8号"),
        Record("我爱人的住院费还没赔。", policyholder="周明", address="南湖市柳荫路8号"),
    ]
    first, second = KeywordAnalyzer().assess(records)
    sign = default_codebook().sign_of("PS_BLOCK_CUSTOMER")
    found = SignFound(sign.id, sign.zh, sign.strength, 0.9, (), "", "")
    first = replace(first, agent=replace(first.agent, level="WATCH", signs=(found,)))
    linked = Linker(default_codebook()).link(records, [first, second])
    assert kinds(linked) == ["household"] * 2
    assert [case.level for case in linked.cases] == ["WATCH", "NONE"]


def test_customers_who_name_the_card_that_their_seller_took_the_money_on_are_no_ring():
    card = "6222021234567890128"
    linked = link(
        Record(f"丁友根让我把钱打到他个人卡{card},至今没保单。", policyholder="周平"),
        Record(f"保费是转给业务员的,卡号{card},查无此单。", policyholder="沈月华"),
    )
    assert kinds(linked) == [None, None]


def test_a_law_firm_is_known_in_traditional_characters_too():
    text = "北塘律師事務所受{}委託致函,請於十日內書面答復。律師執業證號見附件。"
    linked = link(
        *(
            Record(text.format(name), policyholder=name, phone="0571-88888881")
            for name in ("周平", "沈月華", "羅定")
        )
    )
    assert kinds(linked) == ["law_firm"] * 3


@pytest.mark.parametrize(
    ("phone", "demand", "kind"),
    [
        ("19900001111", "full_refund", "ring"),
        ("19900001111", "explanation", None),
        ("0571-88888881", "full_refund", None),
    ],
)
def test_a_mobile_of_many_who_want_all_back_is_no_institutions(phone, demand, kind):
    texts = [one.record.text for one in few_complaints()[:17]]
    records = [
        Record(text, phone=phone, policyholder=f"周{n}", address=f"南湖市柳荫路{n}号")
        for n, text in enumerate(texts, start=1)
    ]
    answers = [
        replace(answer, facets=replace(answer.facets, demand=(demand,)))
        for answer in KeywordAnalyzer().assess(records)
    ]
    assert set(kinds(Linker(default_codebook()).link(records, answers))) == {kind}


def test_neighbours_of_two_estates_are_not_linked():
    doors = ("成都市武侯区幸福小区1栋2单元303室", "成都市锦江区阳光小区1栋2单元303室")
    linked = link(
        *(
            Record(text, policyholder=name, address=door)
            for text, name, door in zip(OTHERS[:2], ("周平", "沈月华"), doors, strict=True)
        )
    )
    assert kinds(linked) == [None, None]


def test_a_family_at_one_door_is_a_household_and_not_flagged():
    where = {"phone": "19900001111", "address": "南湖市柳荫新村3幢402"}
    linked = link(
        Record("我爱人的住院费还没赔,她上班不能接电话。", policyholder="周平", **where),
        Record("我妈的养老金没到账,老人天天翻存折。", policyholder="沈月华", **where),
        Record("给女儿买的学平险,老师说要盖章。", policyholder="罗小雨", **where),
    )
    assert kinds(linked) == ["household"] * 3
    assert {case.level for case in linked.cases} == {"NONE"}


def test_customers_of_one_seller_are_a_root_cause_alarm_and_not_flagged():
    linked = link(
        Record(
            "丁友根在棋牌室门口发电饭锅,讲三年翻本,我当场刷了卡。",
            seller="丁友根",
            policyholder="周平",
        ),
        Record(
            "那天棋牌室发电饭锅,丁友根拍胸脯说三年翻本。", seller="丁友根", policyholder="沈月华"
        ),
        Record(
            "领了个电饭锅,被丁友根在棋牌室说动了,三年翻本没影。",
            seller="丁友根",
            policyholder="罗定",
        ),
    )
    assert kinds(linked) == ["same_seller"] * 3
    assert {case.level for case in linked.cases} == {"NONE"}
    assert "溯源" in linked.groups[0].kind.meaning


def test_a_licensed_law_firm_is_no_ring():
    where = {"phone": "19900003333", "address": "南湖市法苑路12号5层", "role": "lawyer"}
    linked = link(
        Record(
            "律师函。某某律师事务所接受周平委托,授权委托书原件附后,请赔付。",
            policyholder="周平",
            **where,
        ),
        Record(
            "律师函。某某律师事务所受沈月华委托,律师证复印件附后,请复核等级。",
            policyholder="沈月华",
            **where,
        ),
        Record(
            "律师函。某某律师事务所受罗定委托,附授权委托书,请恢复合同。",
            policyholder="罗定",
            **where,
        ),
    )
    assert kinds(linked) == ["law_firm"] * 3


def test_a_neighbourhood_committee_helps_and_is_no_ring():
    where = {"phone": "19900004444", "role": "community_helper"}
    linked = link(
        Record("我是柳荫居委会的,替独居老人反映领不到钱。", policyholder="周平", **where),
        Record("柳荫居委会代居民反映,轮椅上不了柜面三楼。", policyholder="沈月华", **where),
        Record("居委会工作人员来电,居民听不见电话回访。", policyholder="罗定", **where),
    )
    assert kinds(linked) == ["community_helper"] * 3


def test_staff_wording_is_no_ring():
    frame = "接线员记录:致电者称{}。致电者情绪平稳,盼尽早得到妥善安排,已告知转办流程及回访安排。"
    told = ("发票丢了", "扣款两次", "地址改不了", "红利单没收到")
    linked = link(
        *(
            Record(frame.format(words), genre="operator_summary", policyholder=words)
            for words in told
        )
    )
    assert kinds(linked) == ["operator_wording"] * 4


def test_strangers_who_share_an_outlet_only_are_not_linked():
    outlet = "南湖市柳荫路8号邮政代收点"
    linked = link(*(Record(text, address=outlet, policyholder=text[:3]) for text in OTHERS))
    assert kinds(linked) == [None] * 4


def test_two_rings_that_share_an_outlet_are_not_merged():
    outlet = "南湖市柳荫路8号邮政代收点"
    other = (
        "申请贵局调取双录影像。公司初称硬盘损毁,复称从未摄制,前后抵牾必有隐情。"
        "请限期责令提交原始载体,逾期申请人将诉诸行政复议。"
    )
    names = ("周平", "沈月华", "罗定")
    letters = [Record(LETTER, address=outlet, policyholder=name) for name in names]
    letters += [Record(other, address=outlet, policyholder=name + "甲") for name in names]
    linked = link(*letters)
    assert [len(group.case_ids) for group in linked.groups] == [3, 3]


def test_neighbours_of_one_village_are_not_linked():
    linked = link(*(Record(text, address="南湖市柳荫村", policyholder=text[:3]) for text in OTHERS))
    assert kinds(linked) == [None] * 4


def test_the_number_that_a_branch_types_for_its_visitors_links_nobody():
    counter = {"phone": "19900005555", "source": "branch_visit"}
    linked = link(*(Record(text, policyholder=text[:3], **counter) for text in OTHERS))
    assert kinds(linked) == [None] * 4


def test_a_family_that_shares_one_number_is_a_household_without_an_address():
    linked = link(
        Record(
            "我和爱人的保单都留我的电话,扣款扣了两次。", phone="19900001111", policyholder="周平"
        ),
        Record("婆婆的红利单没收到,老人不会用手机。", phone="19900001111", policyholder="沈月华"),
        Record("女儿的学平险发票退回来三回。", phone="19900001111", policyholder="罗小雨"),
    )
    assert kinds(linked) == ["household"] * 3


def test_a_file_written_by_everybodys_program_links_nobody():
    linked = link(*(Record(text, attachment_author="Administrator") for text in OTHERS))
    assert kinds(linked) == [None] * 4


def test_no_answer_holds_an_identifier_in_clear():
    clear = {"phone": "19900001111", "payee_account": "62220200001234567"}
    linked = link(*(Record(text, policyholder=text[:3], **clear) for text in OTHERS))
    shown = repr(linked)
    assert linked.groups
    assert not any(value in shown for value in clear.values())


def test_a_victim_in_a_ring_has_no_level():
    records = [
        Record(text, case_id=text[:3], phone="19900001111", policyholder=text[:3])
        for text in OTHERS
    ]
    answers = KeywordAnalyzer().assess(records)
    mark = Label("NX_VICTIM_REPORT", "受害举报", 0.9)
    answers[0] = replace(answers[0], agent=replace(answers[0].agent, marks=(mark,)))
    linked = Linker(default_codebook()).link(records, answers)
    assert [case.level for case in linked.cases] == ["NONE", "REVIEW", "REVIEW", "REVIEW"]
    told = [linked.groups[0].kind.meaning in case.reasons for case in linked.cases]
    assert told == [False, True, True, True]  # who is helped is told of the help


def test_the_order_of_the_cases_changes_no_group():
    records = [Record(LETTER, case_id=f"A{n}", policyholder=f"甲{n}") for n in range(3)]
    records += [Record(text, case_id=text[:3]) for text in OTHERS]
    forward, backward = link(*records), link(*reversed(records))
    assert {frozenset(group.case_ids) for group in forward.groups} == {
        frozenset(group.case_ids) for group in backward.groups
    }


def test_an_empty_file_has_no_groups():
    assert link().groups == ()
