"""Families: what is kin, what is not, and that the numbers are stable."""

import pytest

from training.examples.near_duplicates import components, families, shingles

LETTER = (
    "本人于2021年3月经业务员推荐购买年金险,当时称三年即可取回本金,现得知需交十年,"
    "中途退保损失过半,本人从未收到任何风险提示,要求全额退还已交保费并书面道歉。"
)
SHORT = "客服说两句就挂我的电话,再打过去就一直占线"


@pytest.mark.parametrize(
    "kin",
    [
        LETTER,
        LETTER.replace("2021年3月", "2019年11月"),
        LETTER.replace(",", ",").replace("。", "!!"),
        LETTER.replace("年金险", "重疾险").replace("书面道歉", "尽快回复"),
        "  " + LETTER.replace("本人", "\n本人"),
    ],
)
def test_a_letter_with_other_dates_signs_or_product_is_kin(kin):
    assert families([LETTER, kin]) == (0, 0)


@pytest.mark.parametrize(
    "stranger",
    [
        "业务员说交三年就能取,结果合同写十年,退的话只剩一半不到,谁告诉过我?把钱还我。",
        "理赔材料交了两个月,一直显示审核中。",
        "",
        "😀😀😀",
    ],
)
def test_the_same_story_in_other_words_is_no_kin(stranger):
    assert families([LETTER, stranger]) == (0, 1)


def test_a_short_text_inside_a_long_one_is_kin():
    assert (
        families([LETTER, LETTER[:40] + SHORT + "。请处理。" + "另外合同也没给我" * 9, SHORT])[2]
        == 1
    )


def test_a_letter_quoted_whole_in_a_longer_one_is_kin():
    other = "".join(chr(0x4E00 + 7 * n) for n in range(400))  # of any language, but long
    assert families([LETTER, f"{other}他上次来信说:{LETTER}{other}"]) == (0, 0)
    half = LETTER[: len(LETTER) // 2]
    assert families([LETTER, f"{other}他上次来信说:{half}{other}"]) == (0, 1)


def test_a_stock_phrase_inside_many_texts_joins_nobody():
    texts = [
        f"{story}。我要全额退保" for story in ("柜员说是存款", "我妈被拉去听课", "卡里莫名扣钱")
    ]
    assert families([*texts, "我要全额退保"]) == (0, 1, 2, 3)


def test_kin_of_kin_are_one_family():
    middle = LETTER.replace("年金险", "重疾险").replace("书面道歉", "尽快回复")
    far = middle.replace("三年即可取回本金", "随时能拿").replace("从未收到任何风险提示", "没人讲过")
    assert families([LETTER, SHORT, middle, far]) == (0, 1, 0, 0)


def test_families_are_numbered_by_first_appearance():
    assert families([SHORT, LETTER, SHORT, LETTER]) == (0, 1, 0, 1)
    assert families([]) == ()


def test_a_higher_threshold_parts_looser_kin():
    changed = LETTER.replace("年金险", "重疾险").replace("书面道歉", "尽快回复")
    assert families([LETTER, changed], threshold=0.95) == (0, 1)


def test_shingles_forget_width_case_punctuation_and_amounts():
    assert shingles("ＡＰＰ扣了1,860元!") == shingles("app 扣了2035元")


def test_components_join_over_chains():
    assert components(5, [(4, 3), (3, 1)]) == (0, 1, 2, 1, 1)
