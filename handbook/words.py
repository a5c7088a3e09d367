"""Chinese sentences beside the English ones that stand in the code. Data in ``words.yaml``."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

import yaml

from models.errors import XiaobaoError


class WordsError(XiaobaoError):
    """A setting or metric without a Chinese sentence, or a sentence for none."""


@cache
def chinese_words() -> Mapping[str, Mapping[str, str]]:
    """Section (settings, metrics) to name to Chinese sentence."""
    read: Mapping[str, Mapping[str, str]] = yaml.safe_load(
        (files("handbook") / "words.yaml").read_text("utf-8")
    )
    return read


def words_for(section: str, names: Iterable[str]) -> Mapping[str, str]:
    """The sentence of each name; WordsError where they are not exactly those of the section."""
    words, wanted = chinese_words()[section], set(names)
    if set(words) != wanted:
        lacking, idle = sorted(wanted - set(words)), sorted(set(words) - wanted)
        raise WordsError(f"words.yaml {section}: lacking {lacking}, without use {idle}")
    return words
