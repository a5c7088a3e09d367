"""Labels that a model fitted on the other records would not have given: a list for a second look.

Out of fold by unit, so that no text is judged by its own story. ``find_disagreements`` is naive
Bayes on characters, primary causes only; ``find_doubts`` is confident learning on every label. Both
know words, not meaning: an annotator decides.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold
from sklearn.naive_bayes import ComplementNB

from models.record import LabelledRecord
from training.baselines.sigmoids import shares, word_features
from training.examples.label_errors import Given, LabelDoubt, doubts
from training.examples.splits import units

_FOLDS = 5


def find_disagreements(
    records: Sequence[LabelledRecord], *, most: int = 50
) -> list[tuple[int, str]]:
    """(index, cause the model prefers), the surest first, where that is none of the causes.

    Records whose primary stands in one unit only are left out: out of fold nobody could know it.
    """
    of = np.array(units(records))
    if len(set(of.tolist())) < _FOLDS:
        return []
    primaries = np.array([record.primary for record in records])
    texts = np.array([record.record.text for record in records], dtype=object)
    names = np.unique(primaries)
    scores = _out_of_fold(texts, primaries, names, of)
    given = scores[np.arange(len(records)), np.searchsorted(names, primaries)]
    best = names[scores.argmax(axis=1)]
    known_elsewhere = {name: len(set(of[primaries == name].tolist())) > 1 for name in names}
    doubted = [
        (float(given[i] - scores[i].max()), i)
        for i, record in enumerate(records)
        if best[i] not in record.causes and known_elsewhere[record.primary]
    ]
    return [(i, str(best[i])) for _, i in sorted(doubted)[:most]]


def find_doubts(records: Sequence[LabelledRecord]) -> list[LabelDoubt]:
    """Labels that are likely wrong or missing, by confident learning on the linear baseline.

    Five folds by unit, about twenty seconds for three thousand texts. Empty where there are fewer
    units than folds. A label that stands in one unit only is not judged. Finds wrong labels better
    than missing ones: a linear model is seldom sure enough of a cause or a sign.
    """
    of = np.array(units(records))
    if len(set(of.tolist())) < _FOLDS:
        return []
    given = Given.of(records)
    held = np.hstack([given.held, given.primary_held])
    features = word_features(records)
    found = np.zeros(held.shape)
    for train, rest in GroupKFold(_FOLDS).split(features, groups=of):
        found[rest] = shares(features[train], held[train], features[rest])
    labels, primary = np.hsplit(found, [len(given.ids)])
    sums = primary.sum(axis=1, keepdims=True)
    return doubts(
        given,
        labels=labels,
        primary=primary / np.where(sums > 0, sums, 1.0),
        known=np.array([len(set(of[column].tolist())) > 1 for column in held.T]),
    )


def _out_of_fold(texts: Any, primaries: Any, names: Any, unit_of: Any) -> Any:
    """(records, names): log probabilities; -inf for a cause that the fold's training lacks."""
    # Word weights look at no label, so they may see every fold.
    weights = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    features = weights.fit_transform(texts)
    scores = np.full((len(texts), len(names)), -np.inf)
    for train, held in GroupKFold(_FOLDS).split(texts, groups=unit_of):
        model = ComplementNB(alpha=0.3).fit(features[train], primaries[train])
        columns = np.searchsorted(names, model.classes_)
        scores[np.ix_(held, columns)] = model.predict_log_proba(features[held])
    return scores
