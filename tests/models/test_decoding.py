"""Decoding: which labels a reading amounts to, and that there is always one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import CalibrationError
from models.codebook import default_codebook
from models.decoding import MOST_CAUSES, Decoder, pool_windows
from models.labels import label_space
from models.taxonomy import default_taxonomy
from tests.support.calibrations import calibration_of

TAXONOMY = default_taxonomy()
LABELS = label_space(TAXONOMY, default_codebook())
DELAY, DENY = "CLAIM.CLAIM_DELAY", "CLAIM.CLAIM_DENY"
SIZES = {
    "labels": len(LABELS.evidence), "primary": len(LABELS.causes), "demand": len(LABELS.demand),
    "record_type": len(LABELS.record_type), "role": len(LABELS.role), "genre": len(LABELS.genre),
}  # fmt: skip


DECODER = Decoder(LABELS, calibration_of(LABELS), TAXONOMY)


def logits_of(primary: dict[str, float] | None = None, **labels: float) -> dict[str, Any]:
    """-5 for everything, but for what is named; label ids with ``__`` for the dot."""
    logits: dict[str, Any] = {name: np.full(size, -5.0) for name, size in SIZES.items()}
    logits["agent"] = np.float64(-5.0)
    for name, value in labels.items():
        logits["labels"][LABELS.evidence.index(name.replace("__", "."))] = value
    for name, value in (primary or {}).items():
        logits["primary"][LABELS.causes.index(name)] = value
    return logits


def choose(primary: dict[str, float] | None = None, **labels: float) -> Any:
    return DECODER.choose(DECODER.read(logits_of(primary, **labels)))


@st.composite
def any_logits(draw: st.DrawFn) -> dict[str, Any]:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 0.1, 3.0, 100.0]))
    logits: dict[str, Any] = {n: spread * generator.normal(size=s) for n, s in SIZES.items()}
    return {**logits, "agent": np.float64(spread * generator.normal())}


@given(any_logits())
def test_there_is_always_a_primary_cause_and_it_leads(logits: dict[str, Any]) -> None:
    choice = DECODER.choose(DECODER.read(logits))
    assert choice.causes[0] == choice.primary


@given(any_logits())
def test_there_are_at_most_four_causes_each_once(logits: dict[str, Any]) -> None:
    causes = DECODER.choose(DECODER.read(logits)).causes
    assert len(set(causes)) == len(causes) <= MOST_CAUSES == 4


@given(any_logits())
def test_no_stated_cause_stands_alone(logits: dict[str, Any]) -> None:
    causes = DECODER.choose(DECODER.read(logits)).causes
    assert TAXONOMY.fallback not in causes or causes == (TAXONOMY.fallback,)


@given(any_logits())
def test_a_parent_is_as_probable_as_its_likeliest_child(logits: dict[str, Any]) -> None:
    reading = DECODER.read(logits)
    for cause in LABELS.causes:
        parent = TAXONOMY.parent_of(cause).id
        above = DECODER.node_probability(reading, parent)
        assert above >= DECODER.probability(reading, cause)


def test_a_cause_below_its_threshold_is_shown_only_as_the_primary() -> None:
    choice = choose({DELAY: 5.0}, CLAIM__CLAIM_DELAY=-1.0, CLAIM__CLAIM_DENY=-1.0)
    assert choice.causes == (DELAY,)


def test_a_cause_at_its_threshold_is_shown() -> None:
    assert choose({DELAY: 5.0}, CLAIM__CLAIM_DENY=0.0).causes == (DELAY, DENY)


def test_other_causes_follow_the_most_probable_first() -> None:
    labels = {"CLAIM__CLAIM_DENY": 1.0, "SERVICE__ATTITUDE": 3.0}
    assert choose({DELAY: 5.0}, **labels).causes == (DELAY, "SERVICE.ATTITUDE", DENY)


def test_an_unclear_case_has_no_cause_beside_it() -> None:
    choice = choose({"OTHER.UNCLEAR": 9.0}, OTHER__UNCLEAR=2.0, CLAIM__CLAIM_DELAY=2.0)
    assert choice.causes == ("OTHER.UNCLEAR",)


def test_a_stated_cause_leaves_no_room_for_an_unclear_one() -> None:
    choice = choose({DELAY: 9.0}, OTHER__UNCLEAR=2.0, CLAIM__CLAIM_DELAY=2.0)
    assert choice.causes == (DELAY,)


def test_the_branch_is_decided_before_the_leaf() -> None:
    claims = {DELAY: 3.1, DENY: 3.0}
    assert choose({**claims, "SERVICE.ATTITUDE": 3.2}).primary == DELAY


def test_signs_and_marks_are_chosen_by_their_thresholds() -> None:
    choice = choose(PS_FEE_SHARE=0.1, PS_REG_STACK=2.0, NX_FAMILY_HELPER=0.1, NX_SAFETY=-0.1)
    assert (choice.signs, choice.marks) == (
        ("PS_REG_STACK", "PS_FEE_SHARE"),
        ("NX_FAMILY_HELPER",),
    )


def test_without_a_clear_demand_the_likeliest_is_told() -> None:
    logits = logits_of()
    logits["demand"][3] = -4.0
    assert DECODER.choose(DECODER.read(logits)).demand == (LABELS.demand[3],)


def test_a_temperature_moves_no_primary_but_its_probability() -> None:
    warm = Decoder(LABELS, calibration_of(LABELS, primary_temperature=4.0), TAXONOMY)
    logits = logits_of({DELAY: 2.0})
    hot, cold = warm.read(logits), DECODER.read(logits)
    assert warm.choose(hot).primary == DECODER.choose(cold).primary == DELAY
    assert hot.primary.max() < cold.primary.max()


def test_a_calibration_that_lacks_a_label_is_refused() -> None:
    lacking = calibration_of(LABELS, labels={})
    with pytest.raises(CalibrationError, match="no entry for"):
        Decoder(LABELS, lacking, TAXONOMY)


def window_logits(value: float) -> dict[str, Any]:
    every = {name: np.full(size, value, dtype=np.float32) for name, size in SIZES.items()}
    return {**every, "agent": np.float32(value), "tokens": np.zeros((16, SIZES["labels"]))}


@pytest.mark.parametrize("name", ["labels", "agent", "demand"])
def test_one_window_that_shows_a_label_is_enough(name: str) -> None:
    pooled = pool_windows([window_logits(-3.0), window_logits(2.0)], sizes=[60, 4])
    assert np.unique(pooled[name]).tolist() == [2.0]


@pytest.mark.parametrize("name", ["primary", "record_type", "role", "genre"])
def test_the_whole_text_decides_what_is_one_of_many(name: str) -> None:
    pooled = pool_windows([window_logits(-3.0), window_logits(1.0)], sizes=[60, 20])
    assert np.unique(pooled[name]).tolist() == [-2.0]


def test_a_single_window_is_taken_as_it_is() -> None:
    pooled = pool_windows([window_logits(0.7)], sizes=[60])
    assert {float(np.unique(value)[0]) for value in pooled.values()} == {float(np.float32(0.7))}
