"""Evidence: the words shown are the words of the text, and never none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evidence import GLANCE, LONG, MOST, character_scores, find_evidence
from models.text import language_of, normalise
from models.windows import Window

PIECES = st.sampled_from(
    ["退保", "，", "。", " ", "\n", "㈱", "險", "😂", "\u200b", "\ud800", "a", "！？"]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)


def scores_of(text: str, **high: float) -> np.ndarray:
    """0.01 everywhere, and for each word its score where it stands."""
    scores = np.full(len(text), 0.01)
    for word, score in high.items():
        start = text.index(word)
        scores[start : start + len(word)] = score
    return scores


def words_of(text: str, share: float = 0.5, **high: float) -> list[str]:
    whole = normalise(text)
    found = find_evidence(whole, scores_of(whole.text, **high), share=share)
    return [evidence.text for evidence in found]


def window_of(*offsets: tuple[int, int]) -> Window:
    return Window(0, np.zeros(len(offsets), dtype=np.int64), np.array(offsets, dtype=np.int64))


@given(TEXTS, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_words_are_a_slice_of_the_original(text: str, seed: int, share: float) -> None:
    whole = normalise(text)
    scores = np.random.default_rng(seed).random(len(whole.text))
    for evidence in find_evidence(whole, scores, share=share):
        assert evidence.text == text[evidence.start : evidence.end] != ""


@given(TEXTS, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.0]))
def test_whatever_can_be_seen_gives_one_to_three_spans(text: str, seed: int, share: float) -> None:
    whole = normalise(text)
    scores = np.random.default_rng(seed).random(len(whole.text))
    found = len(find_evidence(whole, scores, share=share))
    assert 1 <= found <= MOST or (language_of(text) == "empty" and found <= MOST)


@pytest.mark.parametrize("text", ["", "   ", "\n\u3000\t", "\u200b\ufeff"])
def test_a_blank_text_has_no_evidence(text: str) -> None:
    whole = normalise(text)
    assert find_evidence(whole, np.ones(len(whole.text)), share=0.5) == ()


@pytest.mark.parametrize("text", ["。。。", " ？！", "，"])
def test_a_text_of_nothing_but_punctuation_proves_by_itself(text: str) -> None:
    assert words_of(text) == [text.strip()]


@pytest.mark.parametrize("score", [0.1, 0.3, 0.9])
def test_the_whole_clause_with_the_best_score_is_shown(score: float) -> None:
    assert words_of("柜台说是定存，到期才知道是保险。", 知道=score) == ["到期才知道是保险"]


def test_a_clause_that_comes_near_the_best_is_shown_too() -> None:
    text = "一律联系，好的好的，不许联系"
    assert words_of(text, share=0.6, 一律=0.9, 不许=0.6) == ["一律联系", "不许联系"]


def test_a_clause_far_below_the_best_is_not_shown() -> None:
    assert words_of("一律联系，好的好的，不许联系", share=0.6, 一律=0.9, 不许=0.3) == ["一律联系"]


def test_neighbouring_clauses_are_one_piece_of_evidence() -> None:
    assert words_of("我说，一律联系，不许打电话。好", 一律=0.9, 不许=0.9) == [
        "一律联系，不许打电话"
    ]


@given(st.lists(st.integers(1, 300), max_size=30), st.integers(0, 2**32 - 1), st.booleans())
def test_no_piece_of_evidence_is_longer_than_a_glance(
    sizes: list[int], seed: int, flat: bool
) -> None:
    text = normalise("，".join("退" * size for size in sizes))
    scores = np.ones(len(text.text)) if flat else np.random.default_rng(seed).random(len(text.text))
    for share in (0.0, 0.8):
        for evidence in find_evidence(text, scores, share=share):
            assert evidence.end - evidence.start <= GLANCE == 2 * LONG


def test_neighbours_are_joined_until_a_glance_is_full() -> None:
    clause = "业务员说三年以后本金利息一起退还给我"
    found = words_of("，".join([clause] * 7))
    assert found == ["，".join([clause] * 4), "，".join([clause] * 3)]


def test_the_three_best_clauses_are_shown_in_text_order() -> None:
    text = "一律联系，好的好的，服务费用，好的好的，不许联系，好的好的，三成到账"
    high = {"一律": 0.9, "服务": 0.6, "不许": 0.8, "三成": 0.7}
    assert words_of(text, **high) == ["一律联系", "不许联系", "三成到账"]


def test_a_pause_in_speech_ends_a_clause() -> None:
    assert words_of("喂你好 我要退保 听见没有", 退保=0.9) == ["我要退保"]


def test_punctuation_at_the_edges_is_no_evidence() -> None:
    assert words_of("我说，“退保”。好", 退保=0.9) == ["退保"]


def test_of_speech_without_a_pause_only_the_best_part_is_shown() -> None:
    (words,) = words_of("啊" * 3000 + "理赔" + "啊" * 3000, 理赔=0.4)
    assert "理赔" in words
    assert len(words) <= LONG


def test_speech_without_a_pause_may_have_several_parts() -> None:
    parts = words_of("啊" * 50 + "理赔" + "啊" * 50 + "退保" + "啊" * 50, 理赔=0.4, 退保=0.4)
    assert len(parts) == 2


def test_of_speech_that_proves_throughout_a_glance_around_the_peak_is_shown() -> None:
    whole = normalise("啊" * 300 + "一律联系我" + "啊" * 300)
    (found,) = find_evidence(whole, scores_of(whole.text, 一律联系我=0.9).clip(0.6), share=0.5)
    assert (len(found.text), "一律联系我" in found.text) == (GLANCE, True)


def test_offsets_are_those_of_the_original() -> None:
    whole = normalise("\u200b㈱說：退還保費！")
    (found,) = find_evidence(whole, scores_of(whole.text, 退还=0.9), share=0.5)
    assert (found.start, found.end, found.text) == (4, 8, "退還保費")


def test_the_score_is_the_mean_over_the_words() -> None:
    whole = normalise("我要退保")
    (found,) = find_evidence(whole, np.array([0.0, 0.0, 0.8, 0.6]), share=0.5)
    assert found.score == pytest.approx(0.35)


def test_a_character_has_the_best_score_of_all_windows() -> None:
    windows = [window_of((0, 0), (0, 1), (1, 2), (0, 0)), window_of((0, 0), (1, 2), (2, 3), (0, 0))]
    tokens = [np.array([0.9, 0.1, 0.7, 0.9]), np.array([0.9, 0.2, 0.3, 0.9])]
    assert character_scores(windows, tokens, length=4).tolist() == [0.1, 0.7, 0.3, 0.0]


def test_a_token_lends_its_score_to_all_its_characters() -> None:
    window = window_of((0, 0), (0, 3), (4, 6), (0, 0))
    scores = character_scores([window], [np.array([0.9, 0.5, 0.8, 0.9, 1.0, 1.0])], length=6)
    assert scores.tolist() == [0.5, 0.5, 0.5, 0.0, 0.8, 0.8]


@pytest.mark.parametrize("text", ["恳请赔付11,260元，谢谢", "恳请赔付11，260元。谢谢"])
def test_a_number_is_not_parted_at_its_comma(text: str) -> None:
    assert words_of(text, 赔付=0.9) == [text[:11]]


def test_what_is_quoted_inside_keeps_its_closing_mark() -> None:
    assert words_of("客服称“材料都写了”，再无下文。", 材料=0.9) == ["客服称“材料都写了”"]


def test_marks_around_a_clause_are_no_part_of_it() -> None:
    assert words_of("“材料都写了”，再无下文。", 材料=0.9) == ["材料都写了"]
