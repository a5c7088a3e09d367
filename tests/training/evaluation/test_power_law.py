"""Power laws: known laws are found again, and promise what arithmetic says."""

import numpy as np
import pytest

from training.evaluation.power_law import PowerLaw, PowerLawError, fit_law

SIZES = (200, 400, 800, 1600)


@pytest.mark.parametrize("law", [PowerLaw(0.1, 3.0, 0.4), PowerLaw(0.0, 2.0, 0.25)])
def test_a_law_is_found_again_from_its_own_errors(law):
    found = fit_law(SIZES, [float(law.error(float(size))) for size in SIZES])
    assert found.error(3200.0) == pytest.approx(law.error(3200.0), abs=0.01)


def test_doubling_is_the_difference_of_the_errors():
    assert PowerLaw(0.1, 1.0, 1.0).doubling(10) == pytest.approx(0.05)


def test_an_error_that_does_not_fall_promises_nothing():
    assert fit_law(SIZES, [0.3] * 4).doubling(1600) == pytest.approx(0.0, abs=1e-3)


def test_an_error_is_never_expected_below_zero():
    law = fit_law(SIZES, [0.4, 0.2, 0.05, 0.0])
    assert np.min(law.error(np.array([1600.0, 1e9]))) >= 0


def test_two_sizes_are_too_few():
    with pytest.raises(PowerLawError, match="2 different found, at least 3 wanted"):
        fit_law((100, 200, 200), (0.3, 0.2, 0.2))
