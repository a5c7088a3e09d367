"""One sigmoid a label: what is fitted, and what needs no fitting."""

import numpy as np

from models.record import LabelledRecord, Record
from training.baselines.sigmoids import shares, word_features

TEXTS = ("理赔拖了两个月", "理赔款没到账", "热线打不通", "热线全是机器人")
RECORDS = [LabelledRecord(Record(text), "OTHER.UNCLEAR", ("OTHER.UNCLEAR",)) for text in TEXTS]
CLAIM = np.array([True, True, False, False])


def test_a_label_is_likelier_where_it_was_seen():
    features = word_features(RECORDS)
    (column,) = shares(features, CLAIM[:, None], features).T
    assert column[:2].min() > 0.5 > column[2:].max()


def test_a_label_that_all_or_none_hold_is_sure():
    features = word_features(RECORDS)
    held = np.array([[True, False]] * 4)
    assert shares(features, held, features[:1]).tolist() == [[1.0, 0.0]]


def test_the_same_is_fitted_every_time():
    features = word_features(RECORDS)
    once, again = (shares(features, CLAIM[:, None], features) for _ in range(2))
    assert once.tolist() == again.tolist()
