"""Noise that keeps labels and spans: how speech recognisers, hurried thumbs and evaders write.

For training on and for measuring how much an answer depends on spelling. Every kind replaces
stretches of a text and moves the evidence spans with it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from pypinyin import Style, lazy_pinyin

from models.record import LabelledRecord, Span
from training.baselines.words import cut_words, word_counts

# Characters that a recogniser writes: common ones, so that its slips look like its own.
COMMON = 2500
ASR_SHARE = 0.04  # of the Chinese characters
SLIP_SHARE = 0.02
EVASIVE_SHARE = 0.5  # of the words that evaders disguise

# Words whose disguise hides a text from filters; what stands for their characters.
DISGUISED = ("退保", "保费", "保单", "保险", "全额", "维权", "投诉", "代理", "理赔", "退款")
LOOK_ALIKE = {
    "退": ("褪", "腿", "T", "tui", "辶艮"),
    "保": ("葆", "堡", "bao", "亻呆", "B"),
    "费": ("沸", "fei", "弗贝"),
    "单": ("掸", "dan"),
    "险": ("験", "xian"),
    "额": ("頟", "e"),
    "权": ("衩", "quan", "木又"),
    "诉": ("泝", "su"),
    "理": ("里", "li"),
    "赔": ("培", "pei", "贝咅"),
    "全": ("荃", "quan"),
    "款": ("钱", "💰"),
}
SEPARATORS = (" ", "\u200b", ".", "*", "-", "/")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replaces ``text[start:end]`` by ``new``."""

    start: int
    end: int
    new: str


Noise = Callable[[str, np.random.Generator], list[Replacement]]


def with_noise(
    record: LabelledRecord, noise: Noise, generator: np.random.Generator
) -> LabelledRecord:
    """The record with its text changed and its spans moved along; labels as they were."""
    text, spans = changed(record.record.text, noise(record.record.text, generator), record.spans)
    return replace(record, record=replace(record.record, text=text), spans=spans)


def changed(
    text: str, changes: Sequence[Replacement], spans: Iterable[Span]
) -> tuple[str, tuple[Span, ...]]:
    """The text after the changes, which may not overlap, and the spans over it.

    A span that begins or ends inside a change takes the whole of it.
    """
    parts: list[str] = []
    starts, ends = np.arange(len(text) + 1), np.arange(len(text) + 1)
    done = moved = 0
    for change in sorted(changes, key=lambda each: each.start):
        parts += [text[done : change.start], change.new]
        done = change.end
        longer = len(change.new) - (change.end - change.start)
        starts[change.start : change.end] = change.start + moved
        ends[change.start + 1 : change.end + 1] = change.end + moved + longer
        moved += longer
        starts[change.end :] = np.arange(change.end, len(text) + 1) + moved
        ends[change.end + 1 :] = np.arange(change.end + 1, len(text) + 1) + moved
    parts.append(text[done:])
    kept = tuple(Span(int(starts[s.start]), int(ends[s.end]), s.labels) for s in spans)
    return "".join(parts), kept


def asr_noise(text: str, generator: np.random.Generator) -> list[Replacement]:
    """Words written as others that sound alike, tones aside, as a speech recogniser errs."""
    table = _homophones()
    places = [i for i, char in enumerate(text) if len(table.get(sound_of(char), ())) > 1]
    return [
        Replacement(i, i + 1, _other(table[sound_of(text[i])], text[i], generator))
        for i in places
        if generator.random() < ASR_SHARE
    ]


def slip_noise(text: str, generator: np.random.Generator) -> list[Replacement]:
    """Characters left out, written twice or swapped with the next, as in hurried typing."""
    changes, at = [], 0
    while at < len(text) - 1:
        if generator.random() < SLIP_SHARE and text[at].isalnum() and text[at + 1].isalnum():
            kinds = ("", text[at] * 2, text[at + 1] + text[at])
            kind = int(generator.integers(3))
            end = at + (2 if kind == 2 else 1)
            changes.append(Replacement(at, end, kinds[kind]))
            at = end
        else:
            at += 1
    return changes


def evasive_noise(text: str, generator: np.random.Generator) -> list[Replacement]:
    """Words of the trade in disguise: look-alikes, pinyin, letters, split characters, gaps."""
    changes, at = [], 0
    for word in cut_words(text):
        for known in DISGUISED:
            place = word.find(known)
            if place >= 0 and generator.random() < EVASIVE_SHARE:
                start = at + place
                changes.append(Replacement(start, start + 2, _disguise(known, generator)))
                break
        at += len(word)
    return changes


KINDS: Mapping[str, Noise] = {"asr": asr_noise, "slips": slip_noise, "evasive": evasive_noise}


def noisy_copies(
    records: Sequence[LabelledRecord], *, share: float, generator: np.random.Generator
) -> list[LabelledRecord]:
    """Copies of about ``share`` of the records with slips of a recogniser or of typing.

    No disguised words: who disguises shows a sign, and a copy keeps its labels.
    """
    drawn = [record for record in records if generator.random() < share]
    return [
        with_noise(record, (asr_noise, slip_noise)[int(generator.integers(2))], generator)
        for record in drawn
    ]


def _disguise(word: str, generator: np.random.Generator) -> str:
    first, second = word[0], word[1]
    kind = int(generator.integers(3))
    if kind == 0:
        return first + SEPARATORS[int(generator.integers(len(SEPARATORS)))] + second
    place = int(generator.integers(2))
    char = word[place]
    forms = LOOK_ALIKE.get(char, (sound_of(char),))
    form = forms[int(generator.integers(len(forms)))]
    return form + second if place == 0 else first + form


def _other(sounding: Sequence[str], char: str, generator: np.random.Generator) -> str:
    others = [each for each in sounding if each != char]
    return others[int(generator.integers(len(others)))]


@cache
def sound_of(char: str) -> str:
    """The pinyin of a Han character without its tone; empty for any other."""
    if not "\u4e00" <= char <= "\u9fff":
        return ""
    return lazy_pinyin(char, style=Style.NORMAL)[0]


@cache
def _homophones() -> Mapping[str, tuple[str, ...]]:
    """Common characters by their sound; what has none to be taken for stands alone."""
    table: dict[str, list[str]] = {}
    for char in common_characters():
        table.setdefault(sound_of(char), []).append(char)
    return {sound: tuple(chars[:8]) for sound, chars in table.items() if sound}


@cache
def common_characters() -> tuple[str, ...]:
    """The commonest characters, by how often the words of jieba's dictionary hold them."""
    counts: Counter[str] = Counter()
    for word, count in word_counts():
        for char in word:
            counts[char] += count
    return tuple(char for char, _ in counts.most_common() if sound_of(char))[:COMMON]
