"""Spellings: disguises are read as the words they stand for; what is innocent stays as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spellings import (
    SpellingError,
    default_spellings,
    is_disguised,
    is_plain,
    parse_spellings,
    read_spelled,
)
from models.text import normalise
from tests.support.places import COMPLAINTS

MARKER = default_spellings().marker


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("全额T保", "◆全额退保"), ("全額T保", "◆全额退保"),
        ("葆费什么时候下来", "◆保费什么时候下来"),
        ("找老师做tui保", "找老师做◆退保"), ("褪 保 流程", "◆退保 流程"),
        ("亻呆单在手", "◆保单在手"),
        ("辶艮保", "◆退保"), ("退/保", "◆退保"), ("退*保成功", "◆退保成功"),
        ("退\u200b*保", "◆退保"),
        ("tuibao多少钱", "◆退保多少钱"), ("TUI保", "◆退保"), ("退🛡️保", "◆退保"), ("⬅️保", "◆退保"),
        ("全额_tuibao_请回", "◆全额退保_请回"),
        ("全鹅退", "◆全额退"), ("全e退", "◆全额退"), ("💯额退", "◆全额退"),
        ("全·鹅·褪·bao", "◆全额退保"),
        ("葆险要全 额 tui", "◆保险要◆全额退"), ("保xian", "◆保险"), ("保険", "保险"),
        ("保單", "保单"),
        ("手xu费", "◆手续费"), ("首续费三成", "◆手续费三成"), ("dai理", "◆代理"),
        ("维拳中心", "◆维权中心"),
        ("投su到底", "◆投诉到底"), ("投-诉", "◆投诉"), ("银宝监", "◆银保监"),
        ("薇信同号", "◆微信同号"),
        ("加V信", "加◆微信"), ("褪🐚", "◆退保"), ("🦵保", "◆退保"), ("腿堡", "◆退保"),
    ],
)  # fmt: skip
def test_a_disguise_is_read_as_its_word(written: str, read: str) -> None:
    assert read_spelled(written).text == read


@pytest.mark.parametrize(
    "text",
    [
        "公司给我退税的材料", "退宝平台的客服", "推保举荐信", "護腿保暖套装", "冬天腿保暖",
        "産品代码TS-01", "BD3307号合同", "编号TB2019", "WQ型号的轮椅", "A+T保险经纪", "BX保单尾号",
        "我要T恤", "T+1到账", "HPV疫苗", "他说退 保险公司不认", "我要全额退 保单还在手上",
        "代理费我交了", "塑料袋里有张收据", "去老人家里陪着", "微权力清单", "头疼诉说半天",
        "手写字迹", "文档作者qf_tuibao_03",
        "全额退还保费", "退保", "保费 保单 保险", "保-证金", "报费用", "申报费用", "包单间",
        "宝贝单独睡",
        "饱和", "堡垒", "孤儿单没人管", "单人间", "险些摔倒", "显示失败", "全程陪同", "圈子里的人",
        "恶意拖延", "俄罗斯", "李某理赔", "唯一的要求", "拳头", "心里难受", "丝毫没有",
        "材料 理由 赔偿",
    ],
)  # fmt: skip
def test_an_innocent_text_stays_as_it_is(text: str) -> None:
    assert read_spelled(text).text == normalise(text).text


def test_japanese_and_traditional_forms_are_no_disguise() -> None:
    assert read_spelled("交了保証金和保費").text == "交了保证金和保费"


def test_a_word_leads_back_to_the_whole_disguise() -> None:
    text = "我要tui*保,葆费一共四万"
    read = read_spelled(text)
    at = read.text.index("退保")

    assert read.text == "我要◆退保,◆保费一共四万"
    assert text[slice(*read.original_span(at, at + 2))] == "tui*保"
    assert text[slice(*read.original_span(at + 1, at + 2))] == "tui*保"
    assert read.normalised_span(*read.original_span(0, 2)) == (0, 2)


@given(st.text(alphabet="退保费T葆tuibao全额鹅 *🦵,单险褪a1", max_size=40))
def test_offsets_never_decrease_and_stay_in_the_text(text: str) -> None:
    read = read_spelled(text)
    spans = [read.original_span(i, i + 1) for i in range(len(read.text))]

    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)


@given(st.text(alphabet="退保费T葆tuibao全额鹅 *🦵,单险褪a1", max_size=40))
def test_what_was_read_holds_no_disguise_any_more(text: str) -> None:
    once = read_spelled(text).text.replace(MARKER, "\n")

    assert default_spellings().find(once) == []


def test_few_of_the_samples_change_that_carry_no_sign_of_it() -> None:
    rows = [json.loads(line) for line in COMPLAINTS.read_text("utf-8").splitlines()]
    changed = [row for row in rows if MARKER in read_spelled(row["text"]).text]
    without = [row["id"] for row in changed if "PS_EVASIVE_SPELLING" not in row["signs"]]

    # A typing slip (葆险), a recogniser's (推宝), and texts that speak of somebody's code word.
    assert len(without) <= 6
    assert len(changed) >= 20


def test_a_mistake_in_a_table_is_named() -> None:
    with pytest.raises(SpellingError, match=r"characters\.退: found unknown key rar"):
        parse_spellings(
            'version: "1"\nmarker: "◆"\nwords: [退保]\nseparators: "*"\n'
            "characters:\n  退: {rar: [褪]}\n",
            name="t.yaml",
        )


@pytest.mark.parametrize(
    "text",
    [
        "理赔➡保险公司",
        "小李培训时讲过理赔",
        "买个鸡腿堡",
        "推宝宝出门",
        "叩头诉苦",
        "网址https://tui.bao.com/list和tuibao.com",
        "写信到tuibao\x40example.com",
    ],
)
def test_a_name_an_address_or_an_arrow_is_no_disguise(text: str) -> None:
    assert read_spelled(text).text == normalise(text).text


def test_a_writers_own_bullet_is_not_taken_for_the_marker() -> None:
    read = read_spelled("◆退保须知,葆费")

    assert read.text == "●退保须知,◆保费"
    assert read.original_span(0, 1) == (0, 1)


@pytest.mark.parametrize(
    ("text", "plain", "disguised"),
    [
        ("我要全额退保,谢谢。", True, False),
        ("(2023年3月5日)“三年能取”——他说的…", True, False),
        ("我要全额T保", False, True),
        ("褪保", False, True),
        ("在APP上点的", False, False),
        ("全额➡️退", False, False),
        ("Please refund", False, False),
    ],
)
def test_plain_writing_and_disguise_are_told_apart(text: str, plain: bool, disguised: bool) -> None:
    read = read_spelled(text).text
    assert (is_plain(read), is_disguised(read)) == (plain, disguised)


@pytest.mark.parametrize(
    "text", ["我在安全e站上投保的", "我投保·险种是年金", "我社保X医保都有", "中国太保X区支公司"]
)
def test_an_ordinary_word_beside_a_letter_is_no_disguise(text: str) -> None:
    assert read_spelled(text).text == text
