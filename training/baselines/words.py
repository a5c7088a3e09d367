"""Words by jieba: the one place that knows it, as it is no longer maintained."""

import logging
import warnings
from collections.abc import Iterator

with warnings.catch_warnings():
    # Compiled for the first time, its patterns' escapes are a DeprecationWarning of Python's (a
    # SyntaxWarning from 3.12 on); with setuptools beside it, so is its use of pkg_resources.
    warnings.filterwarnings("ignore", message="invalid escape sequence|.*pkg_resources")
    import jieba

jieba.setLogLevel(logging.WARNING)


def cut_words(text: str) -> list[str]:
    """The words of a text, in order; joined they are the text."""
    return list(jieba.lcut(text))


def word_counts() -> Iterator[tuple[str, int]]:
    """The words of the dictionary and how often they stood in its corpus."""
    jieba.initialize()
    return ((word, count) for word, count in jieba.dt.FREQ.items() if count)
