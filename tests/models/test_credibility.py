import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.analyzer import load_analyzer
from models.codebook import AGENT_SIGNS, CodebookError, default_codebook, parse_codebook
from models.credibility import believed
from models.decoding import Choice
from models.record import Record

BOOK = default_codebook()
SIGNS = tuple(sign.id for sign in BOOK.signs)
MARKS = tuple(mark.id for mark in BOOK.marks)
STRONG = {sign.id for sign in BOOK.signs if sign.strength == BOOK.strengths[-1].id}

chances = st.floats(0, 1)


def choice(signs: tuple[str, ...] = SIGNS, marks: tuple[str, ...] = MARKS) -> Choice:
    return Choice("X", ("X",), signs, marks, ())


# --- what is believed ---------------------------------------------------------------------------


def test_a_strong_sign_is_not_believed_of_a_text_that_reads_like_no_agents() -> None:
    assert set(believed(choice(), agent=0.05, codebook=BOOK).signs) == set(SIGNS) - STRONG


def test_every_sign_is_believed_where_an_agent_may_be_behind() -> None:
    assert believed(choice(), agent=0.1, codebook=BOOK).signs == SIGNS


def test_an_agents_own_text_quotes_nobody_and_asks_nothing() -> None:
    dropped = set(MARKS) - set(believed(choice(), agent=0.5, codebook=BOOK).marks)
    assert dropped == {"NX_QUOTE_OR_ARTICLE", "NX_ENQUIRY"}


@given(chances, chances)
def test_the_surer_of_an_agent_the_more_signs_and_the_fewer_marks(one: float, two: float) -> None:
    low, high = (believed(choice(), agent=a, codebook=BOOK) for a in sorted((one, two)))
    assert set(low.signs) <= set(high.signs)
    assert set(low.marks) >= set(high.marks)


@given(chances)
def test_victims_and_people_in_danger_are_believed_whatever_the_network_says(agent: float) -> None:
    silent = {mark.id for mark in BOOK.marks if mark.no_level}
    assert silent <= set(believed(choice(), agent=agent, codebook=BOOK).marks)


def test_a_text_written_like_any_other_has_no_sign_of_odd_writing() -> None:
    plain = believed(choice(), agent=0.5, codebook=BOOK, plain=True)
    assert set(SIGNS) - set(plain.signs) == {"PS_EVASIVE_SPELLING"}


def test_another_language_has_no_sign_and_keeps_its_marks() -> None:
    foreign = believed(choice(), agent=0.3, codebook=BOOK, chinese=False)
    assert (foreign.signs, foreign.marks) == ((), MARKS)


# --- in the answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "我没有委托过任何法务公司或维权中心,也没有人跟我谈过分成,你们客服一上来就问我是不是找了中介,"
        "这个态度我接受不了。我只想知道我的理赔为什么拖了四十天。",
        "我的事是:4月2日交的住院理赔材料,到今天6月1日还没结果。请勿付至他人账户,我只认我自己的卡。",
    ],
)
def test_who_denies_an_agent_is_not_taken_for_one(text: str) -> None:
    (answer,) = load_analyzer().assess([Record(text)])
    assert answer.agent.level == "NONE"


def test_a_bare_advert_is_reviewed() -> None:
    text = "专业处理各大保险公司退费,不成功不收费,到账再付。内部有想合作的给名单,一单返你15个点"
    (answer,) = load_analyzer().assess([Record(text)])
    assert BOOK.rank_of(answer.agent.level) >= BOOK.rank_of("REVIEW")


def test_who_reports_an_advert_is_not_taken_for_its_author() -> None:
    text = "有人加我微信自我介绍说“各家保险都能退,介绍客户一单返500”,我没理,截图给你们。"
    (answer,) = load_analyzer().assess([Record(text)])
    assert answer.agent.level == "NONE"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("全额退保", "NONE"),
        ("你好,我要全额退保,谢谢。", "NONE"),
        ("My claim was denied. I sent all documents twice 😞 please pay me back", "NONE"),
        ("我要全额T保", "WATCH"),
        ("褪 保 流 程 发我一份", "WATCH"),
        ("zhuanye tuibao, ge jia dou neng ban, jia wo", "WATCH"),
    ],
)
def test_only_odd_spelling_is_told_as_such(text: str, level: str) -> None:
    (answer,) = load_analyzer().assess([Record(text)])
    assert answer.agent.level == level


# --- in the file --------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["2", "0", "-0.5", "often"])
def test_a_probability_that_is_none_is_named_with_its_place(wrong: str) -> None:
    text = AGENT_SIGNS.read_text("utf-8")
    spoiled = text.replace("agent_from: 0.1", f"agent_from: {wrong}")
    with pytest.raises(CodebookError, match=rf"mine\.yaml.*agent_from.*{re.escape(wrong)}"):
        parse_codebook(spoiled, name="mine.yaml")
