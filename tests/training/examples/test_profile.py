"""Profiles of labelled complaints: lengths, words, labels together, quotes."""

import pytest

from models.record import LabelledRecord, Record, Span
from training.baselines.words import cut_words, cutter, read_words
from training.examples.profile import draw, lengths_by, pairs_of, quotes_of, salient_words

DELAY, REFUSAL = "CLAIM.CLAIM_DELAY", "CLAIM.REFUSAL"


def labelled(
    text: str, *, genre: str | None = None, spans: tuple[Span, ...] = ()
) -> LabelledRecord:
    return LabelledRecord(Record(text, case_id=text[:2], genre=genre), DELAY, (DELAY,), spans=spans)


# --- draw ---------------------------------------------------------------------------------------


def test_a_draw_keeps_the_order_and_is_the_same_each_time():
    records = [labelled(f"{n:02d}号投诉") for n in range(30)]
    drawn = draw(records, most=10)
    assert drawn == draw(records, most=10)
    assert drawn == sorted(drawn, key=records.index)
    assert len(set(drawn)) == 10


def test_no_more_is_drawn_than_there_is():
    assert draw([labelled("理赔太慢")], most=5) == [labelled("理赔太慢")]


# --- lengths ------------------------------------------------------------------------------------


def test_lengths_are_told_by_value_the_most_frequent_first():
    records = [labelled("慢", genre="chat_log"), *(labelled("慢" * n) for n in (10, 20, 30))]
    unknown, chat = lengths_by(records, lambda record: record.record.genre)
    assert (unknown.value, unknown.records, unknown.median, unknown.most) == ("unknown", 3, 20, 30)
    assert (chat.value, chat.records, chat.p10, chat.p90) == ("chat_log", 1, 1, 1)


# --- labels together ----------------------------------------------------------------------------


def test_labels_that_seek_each_other_come_first_and_those_that_avoid_each_other_last():
    sets = [{"a", "b"}] * 10 + [{"c"}] * 9 + [{"d"}] * 9 + [{"c", "d"}] * 2
    first, last = pairs_of(sets, fewest=2)
    assert (first.left, first.right, first.records) == ("a", "b", 10)
    assert first.expected == pytest.approx(10 * 10 / 30)
    assert (last.left, last.right, last.records) == ("c", "d", 2)
    assert last.surprise < 0 < first.surprise


def test_the_surprise_is_the_log_likelihood_ratio():
    # Four cells 10, 0, 0, 20 against 10/3, 20/3, 20/3, 40/3: 2 (10 ln 3 + 20 ln 1.5).
    (pair,) = pairs_of([{"a", "b"}] * 10 + [set()] * 20)
    assert pair.surprise == pytest.approx(38.19, abs=0.01)


def test_independent_labels_are_no_surprise():
    (pair,) = pairs_of([{"a", "b"}] * 5 + [{"a"}] * 5 + [{"b"}] * 5 + [set()] * 5)
    assert pair.surprise == pytest.approx(0)


def test_a_pair_of_few_records_is_left_out():
    assert pairs_of([{"a", "b"}] * 2, fewest=3) == ()


# --- words --------------------------------------------------------------------------------------


def test_a_word_that_all_groups_share_stands_out_nowhere():
    texts = ["保险 理赔"] * 20 + ["保险 分红"] * 20
    found = salient_words(texts, [1] * 20 + [2] * 20, cut=str.split, most=1)
    assert {group: words[0].word for group, words in found.items()} == {1: "理赔", 2: "分红"}


def test_a_text_counts_a_word_once():
    found = salient_words(["红利 " * 50] + ["理赔"] * 9, [1] * 10, cut=str.split, fewest=1)
    assert {word.word: word.texts for word in found[1]} == {"红利": 1, "理赔": 9}


def test_rare_words_numbers_and_single_characters_are_no_words():
    found = salient_words(["理赔 2024 我 犹豫期"] + ["理赔 2024 我"] * 9, [1] * 10, cut=str.split)
    assert [word.word for word in found[1]] == ["理赔"]


def test_words_of_the_dictionary_stay_whole():
    assert "减额交清" in cutter(read_words())("我要办减额交清")
    assert "减额交清" not in cut_words("我要办减额交清")


def test_remarks_of_a_dictionary_are_no_words(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("# 本公司产品\n鑫享年年\n\n", "utf-8")
    assert read_words(path) == ("鑫享年年",)


# --- quotes -------------------------------------------------------------------------------------


def test_a_quote_shows_the_evidence_and_what_stands_around_it():
    record = labelled("材料交了四十天,没有回音,请处理", spans=(Span(2, 7, (DELAY,)),))
    (quote,) = quotes_of([record, labelled("没有证据")], DELAY, around=3)
    assert (quote.before, quote.words, quote.after) == ("材料", "交了四十天", ",没有")
    assert quote.case_id == "材料"


def test_a_record_is_quoted_once_and_only_for_its_label():
    spans = (Span(0, 2, (REFUSAL,)), Span(2, 4, (DELAY,)), Span(4, 6, (DELAY,)))
    assert [q.words for q in quotes_of([labelled("拒了又拖再拖", spans=spans)], DELAY)] == ["又拖"]


def test_no_more_quotes_than_wanted():
    records = [labelled("一直没赔", spans=(Span(0, 4, (DELAY,)),))] * 9
    assert len(quotes_of(records, DELAY, most=4)) == 4
