"""Unlabelled text for pretraining: streamed from plain or xz files, cut into blocks of tokens.

A block holds paragraphs until it is full, between the tokenizer's special tokens; what does not
fit stands in the next. Words by jieba say which tokens are hidden together. Keeps no place in a
file: whoever asks again reads from the start, shuffled otherwise.
"""

import lzma
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.errors import XiaobaoError
from models.text import normalise
from training.baselines.words import cut_words

BUFFER = 4096  # blocks that are shuffled together


class CorpusError(XiaobaoError):
    """A text file that cannot be read."""


@dataclass(frozen=True, slots=True)
class Block:
    """Tokens that are read at once; both (tokens,) int64.

    ``words``: the word each token belongs to, counted from 0 in the block; -1: special tokens.
    """

    ids: NDArray[np.int64]
    words: NDArray[np.int64]


def paragraphs(path: Path) -> Iterator[str]:
    """The non-empty lines of a UTF-8 file, plain or ``.xz``, one at a time.

    Raises CorpusError naming the file, and the line where it is not UTF-8.
    """
    opened = lzma.open if path.suffix == ".xz" else Path.open
    try:
        with opened(path, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                text = _decoded(line, f"{path}:{number}").strip()
                if text:
                    yield text
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise CorpusError(f"{path}: cannot be read: {type(error).__name__}") from error


def _decoded(line: bytes, place: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"0x{line[error.start]:02X} found at byte {error.start} of the line"
        raise CorpusError(f"{place}: {found}, UTF-8 wanted") from error


def blocks(texts: Iterable[str], *, tokenizer: Tokenizer, length: int) -> Iterator[Block]:
    """Blocks of at most ``length`` tokens; a paragraph that is longer goes on in the next.

    Takes from the tokenizer what would cut or pad, and reads "[MASK]" in a text as six characters.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    special = tokenizer.encode("").ids
    room = length - len(special)
    if len(special) != 2 or room < 1:
        raise ValueError(f"length {length} and {len(special)} special tokens; wanted over 2, and 2")
    ids: list[int] = []
    words: list[int] = []
    for text in texts:
        own_ids, own_words = _tokens(normalise(text).text, tokenizer)
        base = words[-1] + 1 if words else 0
        ids += own_ids
        words += [base + word for word in own_words]
        while len(ids) >= room:
            yield _block(ids[:room], words[:room], special)
            ids, words = ids[room:], words[room:]
    if ids:
        yield _block(ids, words, special)


def endless(
    files: Sequence[Path], *, tokenizer: Tokenizer, length: int, generator: np.random.Generator
) -> Iterator[Block]:
    """Blocks of all files for ever, shuffled in a buffer.

    Each block comes from a file drawn by size on disk, so that all are read at the same pace and
    no register comes last; a file that ends begins again. A file named twice is read twice as
    often. Raises CorpusError for a file that is missing or without text.
    """
    streams = [_repeated(file, tokenizer=tokenizer, length=length) for file in files]
    sizes = np.array([_size(file) for file in files], dtype=float)
    shares = sizes / sizes.sum()
    while True:
        drawn = generator.choice(len(files), size=BUFFER, p=shares)
        waiting = [next(streams[place]) for place in drawn]
        for place in generator.permutation(BUFFER):
            yield waiting[place]


def _size(file: Path) -> int:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise CorpusError(f"{file}: cannot be read: {type(error).__name__}") from error
    if not size:
        raise CorpusError(f"{file}: 0 bytes found, text wanted")
    return size


def _repeated(file: Path, *, tokenizer: Tokenizer, length: int) -> Iterator[Block]:
    while True:
        found = False
        for block in blocks(paragraphs(file), tokenizer=tokenizer, length=length):
            found = True
            yield block
        if not found:
            raise CorpusError(f"{file}: only empty lines found, text wanted")


def _block(ids: Sequence[int], words: Sequence[int], special: Sequence[int]) -> Block:
    # Counted anew: numbers that went on through a file would outgrow the dice thrown for them.
    own = np.unique(np.array(words), return_inverse=True)[1]
    return Block(
        np.array([special[0], *ids, special[1]], dtype=np.int64),
        np.array([-1, *own, -1], dtype=np.int64),
    )


def _tokens(text: str, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    encoding = tokenizer.encode(text, add_special_tokens=False)
    word_of = np.zeros(len(text) + 1, dtype=np.int64)
    at = 0
    for number, word in enumerate(cut_words(text)):
        word_of[at : at + len(word)] = number
        at += len(word)
    return encoding.ids, [int(word_of[start]) for start, _ in encoding.offsets]
