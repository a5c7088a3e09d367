"""One sigmoid a label over the words of a text: the linear baseline where many must be fitted.

Features as ``training.baselines.linear`` has them. Every column is fitted apart, in the dual,
by LIBLINEAR: a label takes some hundredths of a second, and a primary cause is the likeliest
of its columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from models.record import LabelledRecord
from models.text import normalise
from training.baselines.words import cut_words

Shares = NDArray[np.float64]
Held = NDArray[np.bool_]


def word_features(records: Sequence[LabelledRecord]) -> Any:
    """(records, words and word pairs), sparse TF-IDF.

    Word weights look at no label, so they may see records that a model is not fitted on; words
    that stand in none of those it is fitted on get no weight.
    """
    weights = TfidfVectorizer(
        tokenizer=cut_words,
        token_pattern=None,
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=min(2, len(records) // 50 + 1),
    )
    return weights.fit_transform([normalise(r.record.text).text for r in records])


def shares(features: Any, held: Held, asked: Any, *, seed: int = 0) -> Shares:
    """(asked, columns): probabilities of each column of ``held`` (fitted, columns).

    A column that all or none of the fitted records hold is sure.
    """
    return np.stack([_column(features, column, asked, seed) for column in held.T], axis=1)


def _column(features: Any, held: Held, asked: Any, seed: int) -> Shares:
    if held.all() or not held.any():
        return np.full(asked.shape[0], float(held.all()))
    model = LogisticRegression(C=20.0, solver="liblinear", dual=True, max_iter=400)
    found = model.set_params(random_state=seed).fit(features, held).predict_proba(asked)
    column: Shares = found[:, 1]
    return column
