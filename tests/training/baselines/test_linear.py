"""The linear baseline: a fair opponent that knows nothing it was not shown."""

from dataclasses import replace

import numpy as np
import pytest

from models.codebook import default_codebook
from models.labels import LabelSpace
from models.policy import decide
from models.record import LabelledRecord
from training.baselines.linear import BaselineError, LinearBaseline, fit_baseline
from training.predictions import Prediction

CODEBOOK = default_codebook()


@pytest.fixture(scope="module")
def few(samples: list[LabelledRecord]) -> list[LabelledRecord]:
    return samples[::4]


@pytest.fixture(scope="module")
def baseline(few: list[LabelledRecord], tiny_labels: LabelSpace) -> LinearBaseline:
    return fit_baseline(few, few, labels=tiny_labels)


@pytest.fixture(scope="module")
def predictions(baseline: LinearBaseline, few: list[LabelledRecord]) -> list[Prediction]:
    return baseline.predict(few, codebook=CODEBOOK)


def test_it_knows_what_it_was_fitted_on(
    predictions: list[Prediction], few: list[LabelledRecord]
) -> None:
    right = [p.primary == s.primary for p, s in zip(predictions, few, strict=True)]
    assert np.mean(right) > 0.9


def test_agents_are_more_probable_than_others(
    predictions: list[Prediction], few: list[LabelledRecord]
) -> None:
    shares = {True: [], False: []}
    for prediction, labelled in zip(predictions, few, strict=True):
        shares[labelled.agent_run].append(prediction.agent_probability)
    assert min(shares[True]) > max(shares[False])


def test_the_primary_is_among_the_causes(predictions: list[Prediction]) -> None:
    assert all(prediction.primary in prediction.causes for prediction in predictions)


def test_what_it_never_saw_it_never_shows(
    predictions: list[Prediction], few: list[LabelledRecord]
) -> None:
    seen = {id_ for s in few for id_ in (*s.causes, *s.signs, *s.marks)}
    shown = {id_ for p in predictions for id_ in (*p.causes, *p.signs, *p.marks)}
    assert shown <= seen
    assert "agent_run" not in shown


def test_its_level_follows_the_policy(
    predictions: list[Prediction], few: list[LabelledRecord]
) -> None:
    for prediction, labelled in zip(predictions, few, strict=True):
        genre = labelled.record.genre
        decision = decide(prediction.signs, prediction.marks, codebook=CODEBOOK, genre=genre)
        assert prediction.level == decision.level


def test_it_shows_no_evidence(predictions: list[Prediction]) -> None:
    assert {prediction.spans for prediction in predictions} == {()}


def test_it_is_the_same_every_time(
    predictions: list[Prediction], few: list[LabelledRecord], tiny_labels: LabelSpace
) -> None:
    again = fit_baseline(few, few, labels=tiny_labels)
    assert again.predict(few, codebook=CODEBOOK) == predictions


def test_without_agents_none_is_probable(
    few: list[LabelledRecord], tiny_labels: LabelSpace
) -> None:
    honest = [replace(labelled, agent_run=False) for labelled in few]
    found = fit_baseline(honest, honest, labels=tiny_labels).predict(few, codebook=CODEBOOK)
    assert {prediction.agent_probability for prediction in found} == {0.0}


def test_an_empty_text_gets_an_answer(baseline: LinearBaseline, few: list[LabelledRecord]) -> None:
    blank = replace(few[0], record=replace(few[0].record, text=""))
    (found,) = baseline.predict([blank], codebook=CODEBOOK)
    assert found.primary in found.causes


@pytest.mark.parametrize(("train", "development"), [(1, 1), (9, 0)])
def test_too_few_records_are_refused(
    few: list[LabelledRecord], tiny_labels: LabelSpace, train: int, development: int
) -> None:
    with pytest.raises(BaselineError, match="at least 2 and 1 wanted"):
        fit_baseline(few[:train], few[:development], labels=tiny_labels)
