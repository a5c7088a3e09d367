"""Windows: every token of every text is read, in batches that change no answer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.windows import Window, WindowReader, pack, pad

PHRASE = "柜台的人跟我说是三年定存到期才知道是保险"
TEXTS = st.text(st.sampled_from("退保费理赔钱我的，。 \nab0😂"), max_size=300)


def read_places(windows: list[Window]) -> set[int]:
    return {
        place
        for window in windows
        for start, end in window.offsets.tolist()
        for place in range(start, end)
    }


@given(TEXTS)
def test_every_character_but_white_space_is_in_some_window(
    tiny_reader: WindowReader, text: str
) -> None:
    wanted = {place for place, char in enumerate(text) if not char.isspace()}
    assert read_places(tiny_reader.read([text])) == wanted


@pytest.mark.parametrize("tokens", [0, 1, 61, 62, 63, 108, 109, 154, 155, 20_000])
def test_as_many_windows_as_the_tokens_need(tiny_reader: WindowReader, tokens: int) -> None:
    room, step = 62, 46  # 64 less two special tokens; less 16 that are shared
    wanted = 1 + max(0, math.ceil((tokens - room) / step))
    assert len(tiny_reader.read(["退" * tokens])) == wanted


def test_neighbouring_windows_share_the_overlap(tiny_reader: WindowReader) -> None:
    first, second = tiny_reader.read([PHRASE * 5])[:2]
    assert first.offsets[-17:-1].tolist() == second.offsets[1:17].tolist()


def test_a_window_stands_between_its_special_tokens(tiny_reader: WindowReader) -> None:
    (window,) = tiny_reader.read(["退保"])
    assert [window.ids[0], window.ids[-1], *window.offsets[[0, -1]].ravel()] == [2, 3, 0, 0, 0, 0]


def test_windows_tell_which_text_they_are_of(tiny_reader: WindowReader) -> None:
    windows = tiny_reader.read(["退保", PHRASE * 5, ""])
    assert [window.text for window in windows] == [0, 1, 1, 2]


def test_the_name_of_a_special_token_is_read_as_its_characters(tiny_reader: WindowReader) -> None:
    (window,) = tiny_reader.read(["退[SEP]保"])
    assert len(window.ids) == len("退[SEP]保") + 2
    assert window.ids.tolist().count(3) == 1


@pytest.mark.parametrize("overlap", [-1, 6, 7, 100])
def test_an_overlap_that_leaves_no_step_is_refused(tiny_reader: WindowReader, overlap: int) -> None:
    with pytest.raises(ValueError, match=f"overlap {overlap} does not fit"):
        WindowReader(tiny_reader.tokenizer, window=8, overlap=overlap)


@given(st.lists(TEXTS, max_size=12), st.sampled_from([1, 64, 200, 5000]))
def test_packing_puts_each_window_in_one_batch(
    tiny_reader: WindowReader, texts: list[str], batch_tokens: int
) -> None:
    windows = tiny_reader.read(texts)
    batches = pack(windows, batch_tokens=batch_tokens)
    assert sorted(i for batch in batches for i in batch) == list(range(len(windows)))


@given(st.lists(TEXTS, max_size=12), st.sampled_from([1, 64, 200, 5000]))
def test_a_batch_has_one_length_and_keeps_to_its_tokens(
    tiny_reader: WindowReader, texts: list[str], batch_tokens: int
) -> None:
    windows = tiny_reader.read(texts)
    for batch in pack(windows, batch_tokens=batch_tokens):
        lengths = [windows[i].padded for i in batch]
        assert len(set(lengths)) == 1
        assert len(batch) == 1 or sum(lengths) <= batch_tokens


def test_padding_is_masked_and_nothing_else_is(tiny_reader: WindowReader) -> None:
    windows = tiny_reader.read(["退保", "退保费"])
    ids, mask = pad(windows)
    assert ids.shape == mask.shape == (2, 16)
    assert mask.sum(axis=1).tolist() == [4, 5]
    assert ids[mask == 0].tolist() == [0] * 23
