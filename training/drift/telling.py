"""Telling apart: how well a simple reader tells two sets of texts apart, and by which words.

The classifier two-sample test (Lopez-Paz & Oquab 2017): where nothing has changed no reader does
better than 0.5. The words it names are words of the dictionary that enough texts have: no name
and no number of a customer is among them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, false_discovery_control, mannwhitneyu
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from training.baselines.words import cut_words, person_names, read_words, word_counts
from training.drift.shifts import CHANCE
from training.evaluation.trends import Growth, change_of

_FOLDS = 5
_TEXTS = 10  # that must have a word before it is told
_KNOWN = 20  # times that the dictionary's corpus has it: rarer entries may be anything
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TellingWord:
    """A word with the numbers of texts that have it."""

    word: str
    change: Growth


@dataclass(frozen=True, slots=True)
class Telling:
    """``auc``: 0.5 where the sets cannot be told apart, 1 where always. ``chance``: of so much."""

    auc: float
    chance: float
    words: tuple[TellingWord, ...]


def tell_apart(before: Sequence[str], after: Sequence[str], *, seed: int = 0) -> Telling:
    """Read both with each text's side hidden from the reader that judges it."""
    texts = [*before, *after]
    side = np.repeat([0, 1], [len(before), len(after)])
    reader = make_pipeline(
        TfidfVectorizer(tokenizer=cut_words, token_pattern=None, min_df=2, sublinear_tf=True),
        LogisticRegression(class_weight="balanced", max_iter=1000),
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(reader, texts, side, cv=folds, method="decision_function")
    chance = mannwhitneyu(scores[side == 1], scores[side == 0], alternative="greater").pvalue
    return Telling(float(roc_auc_score(side, scores)), float(chance), changed_words(before, after))


def changed_words(before: Sequence[str], after: Sequence[str]) -> tuple[TellingWord, ...]:
    """The words whose share of texts has changed most, beyond chance; most changed first."""
    often = {word for word, count in word_counts() if count >= _KNOWN}
    known = often.difference(person_names()).union(read_words())
    one, two = (Counter(w for t in texts for w in set(cut_words(t))) for texts in (before, after))
    among = (len(before), len(after))
    found = (
        TellingWord(word, change_of(one[word], two[word], among=among))
        for word in sorted(one.keys() | two.keys())
        if len(word) > 1 and word in known and one[word] + two[word] >= _TEXTS
    )
    sure = _beyond_chance([*found], share=among[1] / sum(among))
    sure.sort(key=lambda word: -_moved(word.change))
    return tuple(sure[:_SHOWN])


def _beyond_chance(words: Sequence[TellingWord], *, share: float) -> list[TellingWord]:
    """Those that chance does not explain, though so many words were asked."""
    if not words:
        return []
    sums = ((word, word.change.before + word.change.after) for word in words)
    alone = [binomtest(word.change.after, total, share).pvalue for word, total in sums]
    chances = false_discovery_control(alone)
    return [word for word, chance in zip(words, chances, strict=True) if chance < CHANCE]


def _moved(change: Growth) -> float:
    """By how much at least: the end of the interval that is nearer to 1."""
    return float(max(np.log(change.low or 1), -np.log(change.high)))
