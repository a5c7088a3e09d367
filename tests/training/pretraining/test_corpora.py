import lzma
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

import training.pretraining.corpora
from models.text import normalise
from training.baselines.words import cut_words
from training.pretraining.corpora import CorpusError, blocks, endless, paragraphs

CHARACTERS = "理赔申请提交三个月没人管柜员说是存款全额退保A1。,"


def character_tokenizer() -> Tokenizer:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(["[MASK]"])
    return tokenizer


TOKENIZER = character_tokenizer()


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "opened"), [("a.txt", open), ("a.txt.xz", lzma.open)])
def test_paragraphs_are_the_lines_that_hold_text(tmp_path: Path, name, opened):
    with opened(tmp_path / name, "wb") as file:
        file.write("理赔太慢\r\n\n   \n柜员说是存款".encode())
    assert list(paragraphs(tmp_path / name)) == ["理赔太慢", "柜员说是存款"]


def test_a_line_that_is_not_utf_8_is_named(tmp_path):
    file = tmp_path / "gbk.txt"
    file.write_bytes("好\n".encode() + "理赔\n".encode("gb18030"))
    with pytest.raises(CorpusError, match=r"gbk\.txt:2: 0xC0 found at byte 0 .* UTF-8 wanted"):
        list(paragraphs(file))


def test_the_message_holds_nothing_of_the_text(tmp_path):
    file = tmp_path / "gbk.txt"
    file.write_bytes("我叫张三".encode() + b"\xff\n")
    with pytest.raises(CorpusError) as error:
        list(paragraphs(file))
    assert "张三" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("cut.xz", lzma.compress("理赔".encode() * 99)[:-9]), ("no.xz", b"plain"), ("gone", None)],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=f"{name}: cannot be read"):
        list(paragraphs(tmp_path / name))


# --- blocks -------------------------------------------------------------------------------------

TEXTS = st.lists(st.text(st.sampled_from(CHARACTERS + "  喵"), max_size=60), max_size=6)


@settings(deadline=None)  # the first normalising opens its tables
@given(texts=TEXTS, length=st.integers(3, 20))
def test_every_token_stands_in_exactly_one_block(texts, length):
    found = [token for block in blocks(texts, tokenizer=TOKENIZER, length=length)
             for token in block.ids[1:-1]]  # fmt: skip
    plain = [normalise(text).text for text in texts]
    assert found == [i for t in plain for i in TOKENIZER.encode(t, add_special_tokens=False).ids]


@settings(deadline=None)  # the first normalising opens its tables
@given(texts=TEXTS, length=st.integers(3, 20))
def test_blocks_are_full_but_the_last_and_never_longer(texts, length):
    lengths = [len(block.ids) for block in blocks(texts, tokenizer=TOKENIZER, length=length)]
    assert lengths[:-1] == [length] * len(lengths[:-1])
    assert all(2 < last <= length for last in lengths[-1:])


@settings(deadline=None)  # the first normalising opens its tables
@given(texts=TEXTS)
def test_words_are_those_of_the_text_counted_from_0(texts):
    text = normalise("".join(texts)).text
    for block in blocks([text], tokenizer=TOKENIZER, length=10_000):
        sizes = np.bincount(block.words[1:-1])
        assert sizes.tolist() == [len(w) for w in cut_words(text) if not w.isspace()]


def test_word_numbers_do_not_grow_from_block_to_block():
    many = list(blocks(["柜员说是存款"] * 50, tokenizer=TOKENIZER, length=12))
    assert {int(block.words.max()) for block in many} <= set(range(10))
    assert {int(block.words[1]) for block in many} == {0}


def test_special_tokens_stand_at_both_ends_and_are_no_words():
    (block,) = blocks(["理赔"], tokenizer=TOKENIZER, length=16)
    assert (block.ids[[0, -1]].tolist(), block.words[[0, -1]].tolist()) == ([2, 3], [-1, -1])


def test_a_tokenizer_that_cuts_is_kept_from_it():
    tokenizer = character_tokenizer()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=30)
    (block,) = blocks(["柜员说是存款"], tokenizer=tokenizer, length=64)
    assert len(block.ids) == 8


def test_a_text_that_says_mask_is_not_hidden_beforehand():
    (block,) = blocks(["[MASK]"], tokenizer=character_tokenizer(), length=16)
    assert TOKENIZER.token_to_id("[MASK]") not in block.ids


def test_a_length_without_room_for_text_is_refused():
    with pytest.raises(ValueError, match="length 2 and 2 special tokens"):
        next(blocks(["理赔"], tokenizer=TOKENIZER, length=2))


# --- endless ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def small_buffer(monkeypatch):
    monkeypatch.setattr(training.pretraining.corpora, "BUFFER", 40)


def taken(files: list[Path], *, seed: int = 0, size: int = 80) -> list[tuple[int, ...]]:
    generator = np.random.default_rng(seed)
    supply = endless(files, tokenizer=TOKENIZER, length=8, generator=generator)
    return [tuple(block.ids.tolist()) for block in islice(supply, size)]


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_a_corpus_begins_again_when_it_ends(tmp_path):
    file = written(tmp_path / "a", "理赔申请提交\n柜员说是存款\n")
    assert len(set(taken([file]))) == 2


def test_files_are_read_by_their_size(tmp_path):
    large, small = written(tmp_path / "l", "理赔\n" * 90), written(tmp_path / "s", "存款\n" * 10)
    of_small = sum(block[1:2] == (TOKENIZER.token_to_id("存"),) for block in taken([large, small]))
    assert 0 < of_small < 25


def test_the_order_follows_the_seed(tmp_path):
    file = written(tmp_path / "a", "".join(f"{char}理赔\n" for char in CHARACTERS))
    assert taken([file]) == taken([file])
    assert taken([file]) != taken([file], seed=1)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "0 bytes found"), ("\n \n", "only empty lines"), (None, "FileNot")]
)
def test_a_file_without_text_is_named(tmp_path, text, reason):
    files = [written(tmp_path / "good", "理赔\n"), tmp_path / "bad"]
    if text is not None:
        written(files[1], text)
    with pytest.raises(CorpusError, match=f"bad: .*{reason}"):
        taken(files, size=400)
