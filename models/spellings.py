"""Spellings: words of the trade read out of their disguise (葆费, tui保, 退*保, 亻呆单).

Maps into a small lexicon only, and only where nothing ordinary explains the letters: a stretch is
read as a word when one of its characters is a rare look-alike or sound-alike, its pinyin or
initial, or when marks that belong to no sentence stand between them. A marker before the word
keeps the disguise in sight. Knows nothing about signs; a slip of the pen is read like a disguise.
"""

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal

from models.errors import XiaobaoError
from models.strict_yaml import Entry, read_entry, read_text
from models.text import NormalisedText, normalise

BULLET = "●"  # in the vocabulary, so that it is not read as unknown
SPELLINGS = resources.files("models") / "lexicons" / "spellings.yaml"
Form = Literal["plain", "rare", "common", "pinyin", "letter"]
# A word inside an address is a name of a place, whatever it sounds like.
_ADDRESS = re.compile(
    # Each run of letters is tried from its beginning only: long ones stay linear.
    r"(?:https?://|www\.)[!-~]+|(?<![\w.+-])(?:[\w.+-]++@[!-~]+|[\w.-]+\.(?:com|cn|net|org)(?!\w)[!-~]*)",
    re.ASCII | re.IGNORECASE,
)


_PLAIN = re.compile(r"[\u3400-\u9fff0-9\s,.:;!?…、。《》<>“”‘’\"'()\[\]%~—/+·-]*")


class SpellingError(XiaobaoError):
    """A table of spellings that cannot be read."""


@dataclass(frozen=True, slots=True)
class Disguise:
    """``text[start:end]`` of a normalised text stands for ``word``."""

    start: int
    end: int
    word: str


@dataclass(frozen=True, slots=True)
class Spellings:
    """The table, compiled. ``patterns``: word to pattern, the longest word first."""

    marker: str
    patterns: Mapping[str, re.Pattern[str]]
    forms: Mapping[str, Mapping[str, Form]]
    whole: Mapping[str, str]
    innocent: Sequence[str]
    separators: str
    hint: re.Pattern[str]

    def find(self, text: str) -> list[Disguise]:
        """The disguises in a normalised text, in order, none over another."""
        if self.hint.search(text) is None:
            return []
        taken: list[Disguise] = []
        free = bytearray(len(text))
        for address in _ADDRESS.finditer(text):
            free[address.start() : address.end()] = b"\x01" * len(address[0])
        for found in self._candidates(text):
            if not any(free[found.start : found.end]):
                free[found.start : found.end] = b"\x01" * (found.end - found.start)
                taken.append(found)
        return sorted(taken, key=lambda each: each.start)

    def _candidates(self, text: str) -> Iterator[Disguise]:
        for spelling, word in self.whole.items():
            for match in re.finditer(re.escape(spelling), text, re.IGNORECASE):
                if not self._is_ordinary(match, text):
                    yield Disguise(match.start(), match.end(), word)
        for word, pattern in self.patterns.items():
            for match in pattern.finditer(text):
                if self._is_disguise(word, match, text):
                    yield Disguise(match.start(), match.end(), word)

    def _is_disguise(self, word: str, match: re.Match[str], text: str) -> bool:
        forms = [
            self.forms.get(char, {}).get(group.lower(), "plain")
            for char, group in zip(word, match.groups(), strict=True)
        ]
        gaps = len("".join(match[0].split())) > sum(map(len, match.groups()))
        rare = sum(form in ("rare", "pinyin", "letter") for form in forms)
        common = forms.count("common")
        if self._is_ordinary(match, text) or forms.count("letter") == len(word):
            return False
        if rare or common > 1 or (common and gaps):
            return forms.count("letter") < rare or not self._runs_on(match, text)
        return gaps and not self._runs_on(match, text)

    def _is_ordinary(self, match: re.Match[str], text: str) -> bool:
        around = text[max(0, match.start() - 2) : match.end() + 2]
        return any(word in around and match[0] in word for word in self.innocent)

    def _runs_on(self, match: re.Match[str], text: str) -> bool:
        """Whether a neighbour makes another word of the first or the last character.

        “全额退 保单在手”: the gap ends a clause; 退 and 保 are of two words.
        """
        last = match.start(len(match.groups()))
        ahead, behind = text[last : last + 2], text[max(0, match.end(1) - 2) : match.end(1)]
        return ahead in self.patterns or behind in self.patterns


def read_spelled(text: str, spellings: Spellings | None = None) -> NormalisedText:
    """The text as networks read it: normalised, with every disguised word after a marker.

    Offsets lead back to the original: each character of such a word to the whole disguise.
    """
    table = default_spellings() if spellings is None else spellings
    plain = _without(normalise(text), table.marker)
    found = table.find(plain.text)
    return _respelled(plain, found, table.marker) if found else plain


def is_plain(read: str) -> bool:
    """Whether a text as networks read it is written like any other.

    Han characters, digits and common punctuation alone, and no word that was disguised.
    """
    return _PLAIN.fullmatch(read) is not None


def is_disguised(read: str) -> bool:
    """Whether a word of a text as networks read it was disguised."""
    return default_spellings().marker in read


def _without(plain: NormalisedText, marker: str) -> NormalisedText:
    """The same text with a writer's own marker (a bullet) as another one: it says no disguise."""
    if marker not in plain.text:
        return plain
    return replace(plain, text=plain.text.replace(marker, BULLET))


def _respelled(plain: NormalisedText, found: Sequence[Disguise], marker: str) -> NormalisedText:
    parts: list[str] = []
    starts, ends = array("I"), array("I")
    done = 0
    for each in found:  # in order
        _keep(plain, done, each.start, parts, starts, ends)
        word = marker + each.word
        start, end = plain.original_span(each.start, each.end)
        parts.append(word)
        starts.extend([start] * len(word))
        ends.extend([end] * len(word))
        done = each.end
    _keep(plain, done, len(plain.text), parts, starts, ends)
    return NormalisedText(plain.original, "".join(parts), starts, ends)


def _keep(
    plain: NormalisedText,
    start: int,
    end: int,
    parts: list[str],
    starts: "array[int]",
    ends: "array[int]",
) -> None:
    parts.append(plain.text[start:end])
    if plain.starts is None or plain.ends is None:
        starts.extend(range(start, end))
        ends.extend(range(start + 1, end + 1))
    else:
        starts.extend(plain.starts[start:end])
        ends.extend(plain.ends[start:end])


@cache
def default_spellings() -> Spellings:
    """The table that ships."""
    return parse_spellings(read_text(SPELLINGS, error=SpellingError), name=SPELLINGS.name)


def parse_spellings(text: str, *, name: str) -> Spellings:
    """A table from YAML; SpellingError names the place of what is wrong."""
    root = read_entry(text, name=name, error=SpellingError)
    root.check_keys(("version", "marker", "words", "separators", "characters", "whole", "innocent"))
    characters = root.entry("characters")
    forms = {char: _forms(characters.entry(char), char) for char in characters.fields}
    separators = root.text("separators")
    words = sorted(root.texts("words"), key=len, reverse=True)
    patterns = {word: _pattern(word, forms, separators) for word in words if len(word) > 1}
    whole = root.text_map("whole")
    shown = {form for own in forms.values() for form, kind in own.items() if kind != "plain"}
    marks = "".join(map(re.escape, separators))
    gap = f"[{''.join(forms)}][{marks}]+(?=[{''.join(forms)}])"
    hint = "|".join([gap, *map(re.escape, sorted({*shown, *whole}, key=len, reverse=True))])
    return Spellings(
        marker=root.text("marker"),
        patterns=patterns,
        forms=forms,
        whole=whole,
        innocent=root.texts("innocent"),
        separators=separators,
        hint=re.compile(hint, re.IGNORECASE),
    )


def _forms(entry: Entry, char: str) -> dict[str, Form]:
    entry.check_keys(("rare", "common", "pinyin", "letter"))
    forms: dict[str, Form] = {char: "plain"}
    for kind in ("rare", "common"):
        forms |= dict.fromkeys(entry.texts(kind), kind)
    for kind in ("pinyin", "letter"):
        if (found := entry.optional_text(kind)) is not None:
            forms[found.lower()] = kind  # type: ignore[assignment]
    return forms


def _pattern(
    word: str, forms: Mapping[str, Mapping[str, Form]], separators: str
) -> re.Pattern[str]:
    gap = "[" + "".join(map(re.escape, separators)) + "]{0,2}"
    groups = []
    for char in word:
        longest = sorted(forms.get(char, {char: "plain"}), key=len, reverse=True)
        groups.append("|".join(map(_alternative, longest)))
    # Latin letters count only where they are not part of a longer word or code.
    inner = gap.join(f"({group})" for group in groups)
    before = "(?:(?<![A-Za-z])(?<![A-Za-z0-9]_)|(?=[^A-Za-z]))"
    after = "(?:(?![A-Za-z])(?!_[A-Za-z0-9])|(?<=[^A-Za-z]))"
    return re.compile(before + inner + after, re.IGNORECASE)


def _alternative(form: str) -> str:
    if form.isascii() and len(form) == 1:
        return f"(?<![A-Za-z0-9]){form}(?![A-Za-z0-9])"
    return re.escape(form)
