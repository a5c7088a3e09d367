"""Words by jieba: the one place that knows it, as it is no longer maintained."""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

with warnings.catch_warnings():
    # Compiled for the first time, its patterns' escapes are a DeprecationWarning of Python's (a
    # SyntaxWarning from 3.12 on); with setuptools beside it, so is its use of pkg_resources.
    warnings.filterwarnings("ignore", message="invalid escape sequence|.*pkg_resources")
    import jieba

jieba.setLogLevel(logging.WARNING)

TRADE_WORDS = Path(__file__).parent / "trade_words.txt"


def cut_words(text: str) -> list[str]:
    """The words of a text, in order; joined they are the text."""
    return list(jieba.lcut(text))


def read_words(path: Path = TRADE_WORDS) -> tuple[str, ...]:
    """The words of a domain dictionary, one a line; lines that begin with ``#`` are remarks."""
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def cutter(words: Iterable[str]) -> Callable[[str], list[str]]:
    """Cuts as ``cut_words`` does, and keeps these words whole; ``cut_words`` stays as it is."""
    own = jieba.Tokenizer()
    for word in words:
        own.add_word(word)
    return lambda text: list(own.lcut(text))


def word_counts() -> Iterator[tuple[str, int]]:
    """The words of the dictionary and how often they stood in its corpus."""
    jieba.initialize()
    return ((word, count) for word, count in jieba.dt.FREQ.items() if count)


def person_names() -> frozenset[str]:
    """The words that the dictionary takes for names of persons, some ordinary ones among them."""
    with jieba.get_dict_file() as lines:
        entries = (line.decode("utf-8").split() for line in lines)
        return frozenset(entry[0] for entry in entries if entry[-1].startswith("nr"))
