"""Normalising: what becomes of a text, and that every offset finds its way back."""

import unicodedata
from dataclasses import FrozenInstanceError
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text import NormalisedText, OffsetError, language_of, normalise

# What complaints are made of, and what makes offsets go wrong.
PIECES = (
    *"退保费理赔钱我的,。 \t\n0aé",
    *"險賠業務員説後単沢薴豈",
    *"，！？（）：０Ａａ％　",
    *"㈱㎡①⑩…№ﬁ㍿㏒½",
    *"ｶﾞﾊﾟかは\u3099\u309aヴ",
    *"e\u0301\u0323\u0315\u0344\u0336\u0308q",
    *"\u1112\u1161\u11ab한하ㅎㅏㄴ\uffa1\uffc2ㅤ\u1160",
    *"\u200b\u200c\u200d\ufeff\u2060\u00ad\u034f\ufe0f\ufe0e\U000e0101\u202e",
    *"👨👩👧🏽❤😂🇨🇳🈁",
    *"\ud800\udfff\ud83d\ufffd\x00\u0085\u2028",
    *"\u0958\u09c7\u09be\u0600\ufffa\U0001d15e\U0001d165\U000110a5",
    "\r\n",
    "\r",
    "👨\u200d👩\u200d👧",
    "❤\ufe0f",
)
PARTS = st.sampled_from(PIECES)
ANY_CHARACTER = st.characters(codec=None)  # lone surrogates too
TEXTS = st.lists(PARTS | PARTS | PARTS | ANY_CHARACTER, max_size=40).map("".join)


@st.composite
def normalised_and_span(draw):
    done = normalise(draw(TEXTS))
    start = draw(st.integers(0, len(done.text)))
    return done, start, draw(st.integers(start, len(done.text)))


@st.composite
def normalised_and_original_span(draw):
    done = normalise(draw(TEXTS))
    start = draw(st.integers(0, len(done.original)))
    return done, start, draw(st.integers(start, len(done.original)))


def slices(done: NormalisedText) -> list[tuple[int, int]]:
    return [done.original_span(k, k + 1) for k in range(len(done.text))]


def shows_nothing(char: str) -> bool:
    return normalise(char).text == ""


@pytest.mark.parametrize(
    ("original", "text"),
    [
        ("業務員說這單險種穩賺", "业务员说这单险种稳赚"),
        ("保険の契約を単独で広告", "保险の契约を单独で广告"),
        ("ＡＢＣ１２３，全额退保！", "ABC123,全额退保!"),
        ("㈱①㎡…", "(株)1m2..."),
        ("cafe\u0301", "café"),
        ("ｶﾞﾊﾞﾅﾝｽ", "ガバナンス"),
        ("\u1112\u1161\u11ab국", "한국"),
        ("㍿", "株式会社"),
        ("退\u200b保\ufeff费\u00ad", "退保费"),
        ("1\ufe0f\u20e3 👨\u200d👩\u200d👧", "1\u20e3 👨👩👧"),
        ("一\r\n二\r三\n四", "一\n二\n三\n四"),
        ("退\ud83d保", "退\ufffd保"),
        ("退 保\t费　用", "退 保\t费 用"),
        ("e\u200d\u0301", "é"),
        ("⾥⼈", "里人"),
        ("", ""),
    ],
)
def test_a_text_becomes_its_normalised_form(original, text):
    assert normalise(original).text == text


@pytest.mark.parametrize(
    "text", ["糸缶欠予芸弁", "我二〇二一年买的保险,说是存三年。", "〇々《》“”、;:"]
)
def test_a_simplified_text_is_unchanged(text):
    assert normalise(text) == NormalisedText(text, text)


@pytest.mark.parametrize(
    "text",
    ["我要退保,一共交了3万。", "我要退保，一共交了３万！", "業務員説", "\ud800退保", "q\u0301"],
)
def test_where_no_character_moves_no_map_is_kept(text):
    assert normalise(text).starts is None


@pytest.mark.parametrize("char", ["\u0600", "\u06dd", "\ufff9", "\U00013430", "。", "\u20e3"])
def test_a_character_that_is_drawn_stays(char):
    assert normalise(char).text == char


def test_a_simplified_form_outside_the_basic_plane_is_not_used():
    assert normalise("㑮").text == "㑮"


@pytest.mark.parametrize(
    ("original", "span", "slice_"),
    [
        ("在㈱工作", (1, 4), (1, 2)),
        ("在㈱工作", (2, 3), (1, 2)),
        ("在㈱工作", (4, 5), (2, 3)),
        ("退\u200b\u200b保\u200b", (0, 1), (0, 1)),
        ("退\u200b\u200b保\u200b", (1, 2), (3, 4)),
        ("退\u200b\u200b保\u200b", (0, 2), (0, 4)),
        ("好\r\n的", (1, 2), (1, 3)),
        ("我e\u200d\u0301们", (1, 2), (1, 4)),
        ("我e\u200d\u0301们", (2, 3), (4, 5)),
        ("ｶﾞー", (0, 1), (0, 2)),
        ("\u200b退", (0, 0), (1, 1)),
        ("退\u200b", (1, 1), (1, 1)),
        ("\u200b", (0, 0), (0, 0)),
        ("我要退保", (2, 4), (2, 4)),
    ],
)
def test_a_normalised_span_finds_its_original_slice(original, span, slice_):
    assert normalise(original).original_span(*span) == slice_


@pytest.mark.parametrize(
    ("original", "slice_", "span"),
    [
        ("在㈱工作", (1, 2), (1, 4)),
        ("在㈱工作", (2, 4), (4, 6)),
        ("退\u200b\u200b保", (0, 3), (0, 1)),
        ("退\u200b\u200b保", (1, 3), (1, 1)),
        ("退\u200b\u200b保", (2, 4), (1, 2)),
        ("我e\u0301们", (2, 3), (1, 2)),
        ("好\r\n的", (2, 4), (1, 3)),
        ("㈱\u200b", (2, 2), (3, 3)),
        ("我要退保", (2, 4), (2, 4)),
    ],
)
def test_an_original_slice_finds_its_normalised_span(original, slice_, span):
    assert normalise(original).normalised_span(*slice_) == span


@pytest.mark.parametrize("original", ["我要退保", "㈱\u200b"])
@pytest.mark.parametrize("span", [(-1, 1), (1, 0), (0, 99), (99, 99)])
@pytest.mark.parametrize("method", ["original_span", "normalised_span"])
def test_a_span_outside_the_text_is_refused(original, span, method):
    with pytest.raises(OffsetError, match=f"span {span[0]}-{span[1]}: wanted 0 <= start"):
        getattr(normalise(original), method)(*span)


def test_a_long_run_of_marks_in_bad_order_composes_as_unicode_says():
    text = "a" + "\u0315\u0300\u0323" * 200
    assert normalise(text).text == unicodedata.normalize("NFKC", text)


def test_a_normalised_text_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        normalise("退保").text = "理赔"


def test_every_character_alone_settles_in_one_step():
    text = normalise("\n".join(map(chr, range(0x40000)))).text
    assert normalise(text).text == text


@given(TEXTS)
def test_normalising_twice_changes_nothing(original):
    text = normalise(original).text
    assert normalise(text).text == text
    assert normalise(text).starts is None


@given(TEXTS)
def test_composing_by_pieces_equals_composing_the_whole(original):
    whole = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in original)
    whole = whole.replace("\r\n", "\n").replace("\r", "\n")
    whole = "".join(char for char in whole if not shows_nothing(char))
    whole = unicodedata.normalize("NFKC", whole)
    assert normalise(original).text == "".join(normalise(char).text for char in whole)


@given(TEXTS)
def test_a_normalised_text_is_in_compatibility_composed_form(original):
    assert unicodedata.is_normalized("NFKC", normalise(original).text)


@given(TEXTS)
def test_both_maps_have_the_length_of_the_text(original):
    done = normalise(original)
    lengths = {len(done.text)} if done.starts is None else {len(done.starts), len(done.ends)}
    assert lengths == {len(done.text)}


@given(TEXTS)
def test_the_map_is_monotone_and_in_range(original):
    found = slices(normalise(original))
    assert all(0 <= start < end <= len(original) for start, end in found)
    assert all(one == other or one[1] <= other[0] for one, other in pairwise(found))


@given(TEXTS)
def test_only_what_shows_nothing_is_left_out_of_the_map(original):
    covered = {place for span in slices(normalise(original)) for place in range(*span)}
    left = set(range(len(original))) - covered
    assert all(shows_nothing(original[place]) for place in left)


@given(normalised_and_span())
def test_a_slice_of_the_original_normalises_to_its_span(case):
    done, start, end = case
    first, last = done.original_span(start, end)
    again = slice(*done.normalised_span(first, last))
    assert normalise(done.original[first:last]).text == done.text[again]


@given(normalised_and_span())
def test_going_to_the_original_and_back_never_loses_a_character(case):
    done, start, end = case
    first, last = done.normalised_span(*done.original_span(start, end))
    assert start == end or (first <= start and end <= last)


@given(normalised_and_span())
def test_a_slice_begins_and_ends_with_what_produced_the_span(case):
    done, start, end = case
    first, last = done.original_span(start, end)
    inner = done.original[first:last]
    assert not inner or not (shows_nothing(inner[0]) or shows_nothing(inner[-1]))


@given(normalised_and_original_span())
def test_a_normalised_span_holds_all_that_the_slice_produced(case):
    done, start, end = case
    first, last = done.normalised_span(start, end)
    touched = [k for k, (a, b) in enumerate(slices(done)) if a < end and start < b]
    assert list(range(first, last)) == (touched if start < end else [])


@given(TEXTS)
def test_a_text_without_moves_equals_the_original_in_length(original):
    done = normalise(original)
    assert done.starts is not None or len(done.text) == len(original)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我要退保", "zh"),
        ("業務員說穩賺", "zh"),
        ("在APP上买的VIP会员,autopay一直扣款", "zh"),
        ("退保。", "zh"),
        ("I want my premium back 退保", "other"),
        ("ご契約を解約したいのですが、できますか", "other"),
        ("보험을 해지하고 싶습니다", "other"),
        ("👨\u200d👩\u200d👧❤\ufe0f😂", "other"),
        ("13800", "other"),
        ("？？！", "other"),
        ("\ud800", "other"),
        ("", "empty"),
        (" \t\r\n　\u00a0", "empty"),
        ("\u200b\ufeff\ufe0f \x00", "empty"),
    ],
)
def test_the_language_of_a_text_is_known(text, language):
    assert language_of(text) == language


@given(TEXTS)
def test_every_text_has_a_language(text):
    assert language_of(text) in ("zh", "other", "empty")
