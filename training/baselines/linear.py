"""The linear baseline: words by jieba, TF-IDF, logistic regression.

Trained by the same command as the network and shown beside it: what the network must beat.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from models.codebook import Codebook
from models.errors import XiaobaoError
from models.labels import KINDS, LabelSpace
from models.policy import decide
from models.record import LabelledRecord
from models.text import normalise
from training.baselines.words import cut_words
from training.predictions import Prediction

AGENT = "agent_run"  # the column beside the labels


class BaselineError(XiaobaoError):
    """Records that no baseline can be fitted on."""


@dataclass(frozen=True, slots=True)
class LinearBaseline:
    """One TF-IDF space; a softmax regression for the primary cause, one sigmoid a label.

    ``ids`` are the labels that had an example, ``AGENT`` among them; the others are never shown.
    """

    words: TfidfVectorizer
    primary: LogisticRegression
    labels: OneVsRestClassifier
    ids: tuple[str, ...]
    thresholds: NDArray[np.float64]

    def predict(self, records: Sequence[LabelledRecord], *, codebook: Codebook) -> list[Prediction]:
        """What the baseline says of each record; it shows no evidence."""
        features = self.words.transform([normalise(r.record.text).text for r in records])
        primary = self.primary.predict_proba(features)
        shares = self.labels.predict_proba(features)
        best = primary.argmax(axis=1)
        chosen = [{self.ids[i] for i in np.flatnonzero(row >= self.thresholds)} for row in shares]
        at = self.ids.index(AGENT) if AGENT in self.ids else None
        return [
            _prediction(
                str(self.primary.classes_[best[i]]),
                float(primary[i, best[i]]),
                chosen[i] - {AGENT},
                float(shares[i, at]) if at is not None else 0.0,
                codebook=codebook,
                genre=record.record.genre,
            )
            for i, record in enumerate(records)
        ]


def fit_baseline(
    train: Sequence[LabelledRecord],
    development: Sequence[LabelledRecord],
    *,
    labels: LabelSpace,
    seed: int = 0,
) -> LinearBaseline:
    """The baseline fitted on ``train``, its one threshold a kind chosen on ``development``."""
    primaries = {record.primary for record in train}
    if len(primaries) < 2 or not development:
        raise BaselineError(
            f"training data: {len(primaries)} primary causes and {len(development)} development "
            "records found, at least 2 and 1 wanted"
        )
    words = TfidfVectorizer(
        tokenizer=cut_words,
        token_pattern=None,
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=min(2, len(train) // 50 + 1),
    )
    features = words.fit_transform([normalise(r.record.text).text for r in train])
    held = np.array([_held(record, labels) for record in train])
    seen = [int(i) for i in np.flatnonzero(held.any(axis=0))]
    ids = tuple((*labels.evidence, AGENT)[i] for i in seen)
    each = LogisticRegression(C=20.0, max_iter=400, random_state=seed)
    one_a_label = OneVsRestClassifier(each).fit(features, held[:, seen])
    held_out = words.transform([normalise(r.record.text).text for r in development])
    gold = np.array([_held(record, labels) for record in development])[:, seen]
    return LinearBaseline(
        words=words,
        primary=LogisticRegression(C=20.0, max_iter=400, random_state=seed).fit(
            features, [record.primary for record in train]
        ),
        labels=one_a_label,
        ids=ids,
        thresholds=_thresholds(one_a_label.predict_proba(held_out), gold, ids, labels),
    )


def _held(record: LabelledRecord, labels: LabelSpace) -> list[bool]:
    own = {*record.causes, *record.signs, *record.marks}
    return [*(id_ in own for id_ in labels.evidence), record.agent_run]


def _thresholds(
    shares: NDArray[np.float64], gold: NDArray[np.bool_], ids: Sequence[str], labels: LabelSpace
) -> NDArray[np.float64]:
    """The threshold of best F1 for each kind of label, one entry a label."""
    thresholds = np.ones(len(ids))
    for kind in KINDS:
        own = np.array([id_ in set(getattr(labels, kind)) for id_ in ids])
        scores = {
            float(t): _f1(shares[:, own] >= t, gold[:, own]) for t in np.linspace(0.05, 0.7, 27)
        }
        thresholds[own] = max(scores, key=lambda t: scores[t])
    return thresholds


def _f1(shown: NDArray[np.bool_], held: NDArray[np.bool_]) -> float:
    return float(2 * (shown & held).sum() / max(1, shown.sum() + held.sum()))


def _prediction(
    primary: str,
    probability: float,
    chosen: set[str],
    agent: float,
    *,
    codebook: Codebook,
    genre: str | None,
) -> Prediction:
    signs = [sign.id for sign in codebook.signs if sign.id in chosen]
    marks = [mark.id for mark in codebook.marks if mark.id in chosen]
    decision = decide(signs, marks, codebook=codebook, genre=genre)
    return Prediction(
        primary=primary,
        primary_probability=probability,
        causes=frozenset({primary, *(chosen - {*signs, *marks})}),
        signs=frozenset(decision.shown),
        marks=frozenset(marks),
        level=decision.level,
        agent_probability=agent,
        spans=(),
        review_needed=False,
    )
