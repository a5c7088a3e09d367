"""Evidence: from a label's score at every character to the words that prove it."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.assessment import Evidence
from models.text import NormalisedText
from models.windows import Window

Scores = NDArray[np.float64]

MOST = 3  # spans a label, as annotators were told
LONG = 40  # characters: a clause beyond this is run-on speech, and only its best part is shown
GLANCE = 2 * LONG  # what a reader takes in at a glance: no span is longer
SMOOTH = 7  # characters over which run-on speech is averaged
REACH = 40  # characters shown of a text of nothing but punctuation
# Between digits a comma parts no clauses: 11,260 is one number.
CLAUSE_END = re.compile(r"(?:[\s。!?;:、！？；：]|(?<!\d)[,，]|[,，](?!\d))+")
EDGE = " \t\r\n,。!?;:、，！？；：”“\"'"


def character_scores(windows: Sequence[Window], tokens: Sequence[Scores], *, length: int) -> Scores:
    """Scores of one label: (length,) over the normalised text, the best of all windows.

    tokens: for each window the probabilities of that label, (tokens,) or longer (padding).
    """
    scores = np.zeros(length)
    for window, probabilities in zip(windows, tokens, strict=True):
        starts, ends = window.offsets[:, 0], window.offsets[:, 1]
        sizes = ends - starts
        # One entry a character: tokens of several characters lend each the same score.
        first = np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
        characters = first + np.arange(sizes.sum())
        of_token = np.repeat(probabilities[: len(sizes)], sizes)
        np.maximum.at(scores, characters, of_token)
    return scores


def find_evidence(text: NormalisedText, scores: Scores, *, share: float) -> tuple[Evidence, ...]:
    """At most ``MOST`` spans of the original, in text order; one at least unless text is blank.

    Whole clauses, as a reader quotes: the one of the best mean score, and those that reach
    ``share`` of it; neighbours are joined. On the development split this agreed better with what
    annotators marked (F1 over characters 0.58 against 0.54) than single characters from a
    threshold on.
    """
    clauses = _clauses(text.text, scores)
    if not clauses:
        return tuple(_evidence(text, start, end, scores) for start, end in _marks_alone(text.text))
    means = _means(scores, clauses)
    chosen = [clauses[i] for i in np.flatnonzero(means >= share * means.max())]
    best = sorted(_joined(chosen), key=lambda span: -scores[span[0] : span[1]].max())[:MOST]
    return tuple(_evidence(text, start, end, scores) for start, end in sorted(best))


def lies_within(span: Evidence, others: Sequence[Evidence]) -> bool:
    """Whether a span lies inside one of the others."""
    return any(other.start <= span.start and span.end <= other.end for other in others)


def _means(scores: Scores, spans: Sequence[tuple[int, int]]) -> Scores:
    """The mean score of each span, none of them empty."""
    sums = np.concatenate(([0.0], np.cumsum(scores)))
    starts, ends = np.array(spans).T
    means: Scores = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def _clauses(text: str, scores: Scores) -> list[tuple[int, int]]:
    ends = [*CLAUSE_END.finditer(text), None]
    start = 0
    found: list[tuple[int, int]] = []
    for ending in ends:
        first, last = _trim(text, start, ending.start() if ending else len(text))
        if last - first > LONG:
            found += _best_parts(text, first, last, scores)
        elif last > first:
            found.append((first, last))
        start = ending.end() if ending else last
    return found


def _best_parts(text: str, start: int, end: int, scores: Scores) -> Iterator[tuple[int, int]]:
    """The stretches of run-on speech whose smoothed score reaches half of its peak.

    Of one that is longer than ``GLANCE``, what stands around its own peak.
    """
    smoothed = np.convolve(scores[start:end], np.ones(SMOOTH) / SMOOTH, "same")
    high = np.flatnonzero(smoothed >= smoothed.max() / 2)
    breaks = np.flatnonzero(np.diff(high) > SMOOTH)
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, len(high) - 1)
    for first, last in zip(high[firsts], high[lasts], strict=True):
        if last - first >= GLANCE:
            peak = first + np.argmax(smoothed[first : last + 1])
            first = min(max(first, peak - LONG), last + 1 - GLANCE)
            last = first + GLANCE - 1
        part = _trim(text, start + int(first), start + int(last) + 1)
        if part[1] > part[0]:
            yield part


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbours become one, as long as that is no longer than ``GLANCE``."""
    joined = [spans[0]]
    for start, end in spans[1:]:
        if start - joined[-1][1] <= 1 and end - joined[-1][0] <= GLANCE:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _marks_alone(text: str) -> Iterator[tuple[int, int]]:
    """Of a text of nothing but punctuation, its beginning: no label goes without words."""
    shown = text.strip()
    if shown:
        start = text.index(shown)
        yield start, start + min(len(shown), REACH)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in EDGE:
        start += 1
    last = end
    while end > start and text[end - 1] in EDGE:
        end -= 1
    if (
        end < last
        and text[end] == "”"
        and text.count("“", start, end) > text.count("”", start, end)
    ):
        end += 1  # what is quoted inside keeps its closing mark
    return start, end


def _evidence(text: NormalisedText, start: int, end: int, scores: Scores) -> Evidence:
    first, last = text.original_span(start, end)
    score = float(scores[start:end].mean())
    return Evidence(first, last, text.original[first:last], score)
