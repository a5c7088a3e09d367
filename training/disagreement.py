"""Primary causes that a quick model would not have given: a cheap list for a second look.

Out of fold by unit, character n-grams and naive Bayes: it knows words, not meaning, and is right
about half the time. Proper confident learning needs the network's probabilities.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold
from sklearn.naive_bayes import ComplementNB

from models.record import LabelledRecord
from training.splits import units

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
