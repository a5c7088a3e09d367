"""Risk control: a threshold is proven only by enough records, and never by luck."""

import numpy as np
import pytest

from training.tuning.risk import FLAGS, REVIEWS, control_flags, control_review

MANY = 4000


def sure_and_right(*, records: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that say exactly how often they are right."""
    generator = np.random.default_rng(seed)
    probability = generator.random(records)
    return probability, generator.random(records) < probability


def test_many_records_prove_the_review_threshold() -> None:
    controlled = control_review(*sure_and_right(records=MANY), accuracy=0.8)

    # Uniform probabilities above t are right (1 + t) / 2 of the time: 0.8 from 0.6 on.
    assert controlled.proven
    assert controlled.threshold == pytest.approx(0.7)
    assert controlled.found >= 0.8


def test_few_records_prove_nothing_and_keep_the_measured_threshold() -> None:
    probability = np.array([0.95, 0.92, 0.85, 0.45, 0.35])
    right = np.array([True, True, True, False, False])

    controlled = control_review(probability, right, accuracy=0.8)

    assert not controlled.proven
    assert controlled.threshold == 0.5
    assert controlled.found == 1.0


def test_a_network_that_is_never_right_sends_everything_to_a_person() -> None:
    controlled = control_review(np.full(50, 0.85), np.zeros(50, dtype=bool))

    assert controlled.threshold == REVIEWS[-1]
    assert controlled.records == 0


def flagged(*, until: float, records: int, agents: int) -> dict[float, np.ndarray]:
    """All agent-run records flagged; of the others every tenth at thresholds below ``until``."""
    agent_run = np.arange(records) < agents
    tenth = np.arange(records) % 10 == 0
    return {sure: agent_run | (tenth & (sure < until)) for sure in FLAGS}


def test_the_lowest_threshold_without_false_flags_is_proven() -> None:
    agent_run = np.arange(400) < 50

    controlled = control_flags(flagged(until=0.7, records=400, agents=50), agent_run, rate=0.02)

    assert (controlled.threshold, controlled.proven, controlled.found) == (0.7, True, 0.0)
    assert controlled.records == 350


def test_no_false_flag_among_few_records_proves_no_rate() -> None:
    agent_run = np.arange(30) < 5

    controlled = control_flags(flagged(until=0.7, records=30, agents=5), agent_run, rate=0.02)

    assert (controlled.threshold, controlled.proven) == (0.7, False)


def test_without_any_record_nothing_is_proven() -> None:
    none = np.zeros(0, dtype=bool)

    controlled = control_flags(dict.fromkeys(FLAGS, none), none)

    assert not controlled.proven
    assert controlled.threshold == FLAGS[0]
