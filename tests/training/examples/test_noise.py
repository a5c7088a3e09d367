"""Noise: spans go with their words, labels stay, and nothing happens by chance of the order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.record import LabelledRecord, Record, Span
from training.examples.noise import KINDS, Replacement, changed, noisy_copies, with_noise

TEXT = "我要全额退保,保费交了五年,业务员说保单三年就能取,理赔也不给。"


def test_a_span_follows_its_words_through_a_longer_change() -> None:
    text, spans = changed(
        TEXT, [Replacement(4, 5, "tui")], [Span(7, 14, ("A",)), Span(4, 6, ("B",))]
    )

    assert text == "我要全额tui保,保费交了五年,业务员说保单三年就能取,理赔也不给。"
    assert [text[s.start : s.end] for s in spans] == ["保费交了五年,", "tui保"]


def test_a_span_follows_its_words_through_a_deletion() -> None:
    text, spans = changed(
        TEXT, [Replacement(0, 2, ""), Replacement(8, 9, "")], [Span(7, 13, ("A",))]
    )

    assert [text[s.start : s.end] for s in spans] == ["保交了五年"]


def test_a_span_that_begins_inside_a_change_takes_it_whole() -> None:
    text, spans = changed(TEXT, [Replacement(4, 6, "TB")], [Span(5, 6, ("A",))])

    assert [text[s.start : s.end] for s in spans] == ["TB"]


@given(
    st.text(alphabet="保费退单ab,", min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(1, 3), st.sampled_from(["", "x", "退退"]))),
)
def test_what_stands_outside_all_changes_is_found_again(
    text: str, drawn: list[tuple[int, int, str]]
) -> None:
    changes, end = [], 0
    for start, length, new in sorted(drawn):
        if start >= end and start + length <= len(text):
            changes.append(Replacement(start, start + length, new))
            end = start + length
    touched = {place for change in changes for place in range(change.start, change.end)}
    spans = [Span(i, i + 1, (str(i),)) for i in range(len(text)) if i not in touched]

    after, moved = changed(text, changes, spans)

    assert [after[s.start : s.end] for s in moved] == [text[s.start : s.end] for s in spans]


@pytest.mark.parametrize("kind", KINDS)
def test_noise_of_every_kind_changes_texts_and_keeps_labels(kind: str) -> None:
    record = LabelledRecord(Record(TEXT), primary="A", causes=("A",), spans=(Span(7, 13, ("A",)),))
    generator = np.random.default_rng(0)

    noisy = [with_noise(record, KINDS[kind], generator) for _ in range(20)]

    assert any(each.record.text != TEXT for each in noisy)
    assert {each.causes for each in noisy} == {("A",)}
    assert all(each.spans[0].end <= len(each.record.text) for each in noisy)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_the_same_for_the_same_seed(kind: str) -> None:
    twice = [changed(TEXT, KINDS[kind](TEXT, np.random.default_rng(7)), ())[0] for _ in range(2)]

    assert twice[0] == twice[1]


def test_a_recogniser_errs_only_in_chinese_characters_that_sound_alike() -> None:
    text = "2019年保单P0001号ABC"
    noisy = {
        changed(text, KINDS["asr"](text, np.random.default_rng(seed)), ())[0] for seed in range(200)
    }

    assert all(each.startswith("2019") and each.endswith("ABC") for each in noisy)
    assert all(len(each) == len(text) for each in noisy)


def test_about_a_share_of_the_records_is_copied_and_none_is_disguised() -> None:
    record = LabelledRecord(Record(TEXT), primary="A", causes=("A",))

    copies = noisy_copies([record] * 200, share=0.25, generator=np.random.default_rng(0))

    assert 30 <= len(copies) <= 70
    assert all("退" in each.record.text or "保" in each.record.text for each in copies)
    assert not any("tui" in each.record.text or "*" in each.record.text for each in copies)
    assert noisy_copies([record] * 9, share=0.0, generator=np.random.default_rng(0)) == []
