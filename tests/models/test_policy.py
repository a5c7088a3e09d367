from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.codebook import Codebook, default_codebook, parse_codebook
from models.policy import Decision, PolicyError, decide
from models.record import GENRES

BOOK = default_codebook()
SIGNS = [sign.id for sign in BOOK.signs]
MARKS = [mark.id for mark in BOOK.marks]
WEAK = [sign.id for sign in BOOK.signs if sign.strength == "weak"]
WORDY = [sign.id for sign in BOOK.signs if sign.group in ("template", "pressure")]
LEVELS = ["NONE", "WATCH", "REVIEW", "PRIORITY"]
SILENT = ("NX_VICTIM_REPORT", "NX_SAFETY")

# Another insurer's words for everything, and rules of its own, points among them.
OTHER_BOOK = """
version: "7"
levels:
  - {id: A, zh: 甲, meaning_zh: 没有}
  - {id: B, zh: 乙, meaning_zh: 仅作记录}
  - {id: C, zh: 丙, meaning_zh: 请人核实}
strengths: [{id: one, zh: 一等}, {id: two, zh: 二等}]
groups: [{id: g, zh: 身份}, {id: h, zh: 钱款}]
signs:
  - &sign {id: s1, zh: 其一, group: g, strength: one, weight: 2, definition: x,
           innocent_reading_zh: 可能是家人, verify_zh: 打电话}
  - {<<: *sign, id: s2, zh: 其二}
  - {<<: *sign, id: s3, zh: 其三, group: h}
  - {<<: *sign, id: s4, zh: 其四, group: h, strength: two}
marks:
  - {id: m1, zh: 家人, effect: half, discount: {signs: [s1, s3], factor: 0.5}}
  - {id: m2, zh: 自述, effect: cap, cap: {level: B}}
  - {id: m3, zh: 费用, effect: hide, suppresses: {groups: [h]}}
decision_policy:
  floor: B
  points: {statement: at most 3, max_per_group: 3}
  rules: [{level: C, statement: 5 points, any_of: [{strength: one, points: 5}]}]
"""
OTHER = parse_codebook(OTHER_BOOK, name="other.yaml")

signs_found = st.sets(st.sampled_from(SIGNS))
marks_found = st.sets(st.sampled_from(MARKS), max_size=4)
genres = st.sampled_from([None, *GENRES])
often = settings(max_examples=200, deadline=None)


def decided(
    signs: Iterable[str] = (),
    marks: Iterable[str] = (),
    genre: str | None = None,
    codebook: Codebook = BOOK,
) -> Decision:
    return decide(list(signs), list(marks), codebook=codebook, genre=genre)


def rank(decision: Decision) -> int:
    return LEVELS.index(decision.level)


@pytest.mark.parametrize(
    ("signs", "marks", "genre", "level"),
    [
        ([], [], None, "NONE"),
        ([], ["NX_GENUINE_MISSOLD"], None, "NONE"),
        (["PS_FULL_REFUND_PLUS"], [], None, "WATCH"),
        (["PS_FEE_SHARE"], [], None, "REVIEW"),
        (["PS_FEE_SHARE", "PS_THIRD_PARTY_PAYEE"], [], None, "REVIEW"),
        (["PS_FEE_SHARE", "PS_AGENCY_SELF_ID"], [], None, "PRIORITY"),
        (["PS_FAB_EVIDENCE", "PS_ADVERT_TEXT"], [], None, "REVIEW"),
        (["PS_FAB_EVIDENCE", "PS_BLOCK_CUSTOMER"], [], None, "PRIORITY"),
        (["PS_COACHED_SCRIPT", "PS_STOCK_LIST"], [], None, "WATCH"),
        (["PS_COACHED_SCRIPT", "PS_STOCK_LIST", "PS_EX_AGENT_LINK"], [], None, "REVIEW"),
        (["PS_COACHED_SCRIPT", "PS_HIDE_HELP", "PS_EX_AGENT_LINK"], [], None, "WATCH"),
        (["PS_TEMPLATE_RESIDUE"], [], None, "REVIEW"),
        (["PS_TEMPLATE_DUP", "PS_QUID_PRO_QUO", "PS_OFFLINE_DISRUPT"], [], None, "WATCH"),
        (["PS_BLOCK_CUSTOMER"], [], "operator_summary", "WATCH"),
        (["PS_BLOCK_CUSTOMER"], ["NX_OPERATOR_TEXT"], None, "WATCH"),
        (["PS_BLOCK_CUSTOMER"], ["NX_OPERATOR_TEXT"], "own_words", "REVIEW"),
        (["PS_FEE_SHARE"], [], "staff_note", "REVIEW"),
        (["PS_FEE_SHARE"], ["NX_GENUINE_MISSOLD"], None, "WATCH"),
        (["PS_AGENCY_SELF_ID"], ["NX_GENUINE_MISSOLD"], None, "REVIEW"),
        (["PS_AGENCY_SELF_ID"], ["NX_LAWYER_POA"], None, "NONE"),
        (["PS_SERIAL_REPEAT"], ["NX_UNANSWERED"], None, "NONE"),
        (["PS_ADVERT_TEXT", "PS_FEE_SHARE"], ["NX_QUOTE_OR_ARTICLE"], None, "REVIEW"),
        (["PS_TEMPLATE_DUP", "PS_HIDE_HELP", "PS_POA_ABNORMAL"], [], None, "REVIEW"),
        (["PS_TEMPLATE_DUP", "PS_HIDE_HELP", "PS_POA_ABNORMAL"], ["NX_AI_WRITTEN"], None, "WATCH"),
    ],
)
def test_the_level_is_what_the_policy_says(signs, marks, genre, level):
    assert decided(signs, marks, genre).level == level


@pytest.mark.parametrize(
    ("signs", "marks", "genre", "reasons"),
    [
        (["PS_FEE_SHARE"], [], None, ["“服务费分成或定金”属于强迹象,建议核验"]),
        (
            ["PS_FEE_SHARE", "PS_AGENCY_SELF_ID", "PS_GEO_MISMATCH"],
            [],
            None,
            [
                "“自称维权或法务机构代办”、“服务费分成或定金”属于强迹象,涉及2个方面,重点核验",
                "“地域不符”仅作记录",
            ],
        ),
        (
            ["PS_THIRD_PARTY_NO_AUTH"],
            ["NX_FAMILY_HELPER"],
            None,
            [
                "已识别“亲属代为反映”,不计“非本人且无有效授权”;可请其补充简易委托,或以电话、视频、书面等投保人方便的方式向本人确认"
            ],
        ),
        (
            ["PS_FEE_SHARE"],
            ["NX_GENUINE_MISSOLD"],
            None,
            ["已识别“真实误导受害人”,提示不高于“关注”", "“服务费分成或定金”仅作记录"],
        ),
        (
            ["PS_BLOCK_CUSTOMER"],
            [],
            "operator_summary",
            ["文本为坐席摘要,“阻断与客户本人沟通”不计入级别,仅作记录"],
        ),
        (
            ["PS_REG_STACK"],
            ["NX_AI_WRITTEN"],
            None,
            ["已识别“使用写作工具”,“法条堆砌式引用”折减计入", "“法条堆砌式引用”仅作记录"],
        ),
        ([], ["NX_HEIR"], None, ["已识别“继承人投诉”:依规受理,可请其提供继承关系证明"]),
        ([], ["NX_LEGAL_SAVVY"], None, []),
    ],
)
def test_a_reviewer_reads_why_in_chinese(signs, marks, genre, reasons):
    assert list(decided(signs, marks, genre).reasons) == reasons


def test_a_victims_report_reads_as_an_offer_of_help():
    decision = decided(["PS_FEE_SHARE", "PS_SOLICIT_SOURCE"], ["NX_VICTIM_REPORT"])
    assert len(decision.reasons) == 1
    assert "需要帮助" in decision.reasons[0]


def test_a_life_in_danger_comes_before_a_victims_money():
    decision = decided(["PS_FEE_SHARE"], SILENT)
    assert decision.route == "safety"
    assert ["轻生" in reason for reason in decision.reasons] == [True, False]


def test_points_are_capped_in_each_group():
    money = [sign.id for sign in BOOK.signs if sign.group == "money"]
    assert decided([*money, "PS_GEO_MISMATCH"]).points == 4


def test_suppressed_signs_are_listed_with_their_mark():
    decision = decided(["PS_REG_STACK", "PS_FEE_SHARE"], ["NX_LEGAL_SAVVY"])
    assert decision.suppressed == (("PS_REG_STACK", "NX_LEGAL_SAVVY"),)
    assert decision.shown == ("PS_FEE_SHARE",)


@pytest.mark.parametrize(
    ("signs", "marks"), [(["PS_UNHEARD_OF"], []), ([], ["NX_UNHEARD_OF"]), (["NX_HEIR"], [])]
)
def test_an_id_outside_the_codebook_is_an_error(signs, marks):
    with pytest.raises(PolicyError, match=r"found \w+, wanted signs and marks of codebook"):
        decided(signs, marks)


@pytest.mark.parametrize(
    ("signs", "marks", "level"),
    [
        ([], [], "A"),
        (["s1"], [], "B"),
        (["s1", "s2"], [], "B"),  # 4 points of one group count 3
        (["s1", "s3"], [], "B"),
        (["s1", "s2", "s3"], [], "C"),
        (["s1", "s2", "s3"], ["m1"], "B"),
        (["s1", "s2", "s3"], ["m2"], "B"),
        (["s1", "s2", "s3"], ["m3"], "B"),
    ],
)
def test_another_insurers_codebook_needs_no_other_code(signs, marks, level):
    assert decided(signs, marks, codebook=OTHER).level == level


def test_signs_of_mixed_strength_are_named_by_the_weakest():
    reasons = decided(["s1", "s2", "s4"], codebook=OTHER).reasons
    assert reasons == ("“其一”、“其二”、“其四”属于一等及以上迹象,涉及2个方面,丙",)


@given(signs_found, marks_found, st.sampled_from(MARKS), genres)
@often
def test_a_further_mark_never_raises_the_level(signs, marks, further, genre):
    assert rank(decided(signs, marks | {further}, genre)) <= rank(decided(signs, marks, genre))


@given(
    st.sets(st.sampled_from([sign.id for sign in OTHER.signs])),
    st.sets(st.sampled_from([mark.id for mark in OTHER.marks])),
    st.sampled_from([mark.id for mark in OTHER.marks]),
)
@often
def test_a_further_mark_never_raises_the_level_of_another_insurer(signs, marks, further):
    before = decided(signs, marks, codebook=OTHER)
    after = decided(signs, marks | {further}, codebook=OTHER)
    assert OTHER.rank_of(after.level) <= OTHER.rank_of(before.level)


@given(signs_found, marks_found, st.sampled_from(SIGNS), genres)
@often
def test_a_further_sign_never_lowers_the_level(signs, marks, further, genre):
    assert rank(decided(signs | {further}, marks, genre)) >= rank(decided(signs, marks, genre))


@given(st.sets(st.sampled_from(WEAK), min_size=1), genres)
@often
def test_weak_signs_in_any_number_are_only_watched(signs, genre):
    assert decided(signs, genre=genre).level == "WATCH"


@given(st.sets(st.sampled_from(WORDY), min_size=1), genres)
@often
def test_templates_and_pressure_are_only_watched_but_for_another_cases_remains(signs, genre):
    lifted = "PS_TEMPLATE_RESIDUE" in signs and genre not in ("operator_summary", "staff_note")
    assert decided(signs, genre=genre).level == ("REVIEW" if lifted else "WATCH")


@given(signs_found, marks_found, st.sampled_from(SILENT), genres)
@often
def test_victims_and_people_in_danger_are_never_levelled(signs, marks, silent, genre):
    decision = decided(signs, marks | {silent}, genre)
    assert (decision.level, decision.shown, decision.counted) == ("NONE", (), ())
    assert decision.route in ("safety", "victim_help")


@given(signs_found, marks_found, st.sampled_from(SILENT), genres)
@often
def test_a_victim_reads_the_name_of_no_sign(signs, marks, silent, genre):
    told = "".join(decided(signs, marks | {silent}, genre).reasons)
    assert [sign.id for sign in BOOK.signs if sign.zh in told] == []


@given(signs_found, marks_found, st.sampled_from(["operator_summary", "staff_note"]))
@often
def test_only_identity_money_and_links_count_where_staff_wrote(signs, marks, genre):
    counted = decided(signs, marks, genre).counted
    assert {BOOK.sign_of(sign).group for sign in counted} <= {"identity", "money", "link"}


@given(signs_found, marks_found, genres)
@often
def test_a_visible_sign_is_watched_at_least_and_no_sign_is_no_level(signs, marks, genre):
    decision = decided(signs, marks, genre)
    assert (decision.level == "NONE") == (decision.shown == ())
    assert decision.level in LEVELS


@given(signs_found, st.sets(st.sampled_from([m for m in MARKS if m not in SILENT])), genres)
@often
def test_every_sign_is_either_shown_or_held_down_by_a_named_mark(signs, marks, genre):
    decision = decided(signs, marks, genre)
    hidden = {sign for sign, mark in decision.suppressed if mark in marks}
    assert set(decision.shown) == signs - hidden
    assert set(decision.counted) <= set(decision.shown)


@given(signs_found.flatmap(lambda s: st.permutations(sorted(s))), marks_found, genres)
@often
def test_the_order_of_signs_and_marks_changes_nothing(signs, marks, genre):
    ordered = decided(sorted(signs), sorted(marks), genre)
    assert decided([*signs, *signs], sorted(marks, reverse=True), genre) == ordered
