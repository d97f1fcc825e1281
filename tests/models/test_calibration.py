import numpy as np
import pytest

from tocsin_models.arrays import Floats
from tocsin_models.calibration import (
    Calibration,
    CalibrationPolicy,
    Method,
    calibrate,
    smooth,
    smoothing_weights,
)

UNSMOOTHED = CalibrationPolicy(span=1, count=1)


def test_weights_fall_and_sum_to_one() -> None:
    weights = smoothing_weights(span=3, count=6)

    assert sum(weights) == pytest.approx(1, abs=1e-12)
    assert list(weights) == sorted(weights, reverse=True)
    assert weights[1] / weights[0] == pytest.approx(0.5)
    assert smoothing_weights(span=1, count=1) == (1.0,)


def test_smoothing_looks_back_only_and_forgets() -> None:
    errors = np.array([0.0, 0.0, 8.0, 0.0, 0.0, 0.0])

    assert smooth(errors, (0.5, 0.25, 0.25)).tolist() == [0, 0, 4, 2, 2, 0]


def test_the_first_windows_of_a_run_use_what_there_is() -> None:
    assert smooth(np.array([6.0, 3.0]), (0.5, 0.25, 0.25)).tolist() == [6, 4]


def test_smoothing_does_not_reach_from_one_run_into_another() -> None:
    policy = CalibrationPolicy(span=3, count=2)
    high, low = np.full(20, 9.0), np.full(20, 1.0)

    apart, together = calibrate([high, low], policy), calibrate([np.r_[high, low]], policy)

    assert apart.limit != together.limit


def test_many_windows_give_their_own_quantile() -> None:
    errors = np.random.default_rng(0).exponential(1, 50_000)

    found = calibrate([errors], UNSMOOTHED)

    assert found.method is Method.QUANTILE
    assert (errors > found.limit).mean() == pytest.approx(0.001, rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_an_exponential_tail_is_continued_to_the_budget(seed: int) -> None:
    errors = np.random.default_rng(seed).exponential(1, 2_000)

    found = calibrate([errors], UNSMOOTHED)

    assert found.method is not Method.QUANTILE
    assert found.limit == pytest.approx(np.log(1_000), rel=0.35)  # the true quantile


def test_a_heavy_tail_is_seen_as_heavy() -> None:
    true_shape = 0.3
    uniform = np.random.default_rng(3).random(5_000)
    errors = (uniform**-true_shape - 1) / true_shape

    found = calibrate([errors], UNSMOOTHED)

    assert found.method is Method.PARETO
    assert found.shape == pytest.approx(true_shape, abs=0.15)
    assert found.limit == pytest.approx((1_000**true_shape - 1) / true_shape, rel=0.35)


def test_a_tail_that_seems_to_end_is_continued_all_the_same() -> None:
    errors = np.random.default_rng(0).random(500)

    found = calibrate([errors], UNSMOOTHED)

    assert (found.method, found.shape) == (Method.EXPONENTIAL, 0.0)
    assert found.limit > errors.max()


def test_few_windows_give_a_wide_limit_and_say_so() -> None:
    found = calibrate([np.linspace(0.5, 1.5, 12)])

    assert found.method is Method.EXPONENTIAL
    assert "only 12 windows" in found.reason
    assert found.limit > 3 * 1.5


@pytest.mark.parametrize("errors", [np.zeros(300), np.full(300, 0.2), np.zeros(1)])
def test_equal_errors_give_a_limit_that_they_do_not_exceed(errors: Floats) -> None:
    found = calibrate([errors])

    assert found.limit > 0
    assert (errors <= found.limit).all()


def test_a_smaller_budget_never_lowers_the_limit() -> None:
    errors = np.random.default_rng(0).gamma(3, 1, 1_000)
    budgets = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001, 0.0001)

    limits = [calibrate([errors], CalibrationPolicy(each, 1, 1)).limit for each in budgets]

    assert limits == sorted(limits)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_errors_that_are_no_errors_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not finite or negative"):
        calibrate([np.array([1.0, bad])])


def test_nothing_to_calibrate_on_is_refused() -> None:
    with pytest.raises(ValueError, match="no held-out window"):
        calibrate([np.empty(0)])


def test_a_calibration_with_wrong_numbers_is_refused() -> None:
    good = (Method.QUANTILE, "", 0.001, 10, 1.0, 0.0, 0.0)

    with pytest.raises(ValueError, match="limit above zero"):
        Calibration(0.0, (1.0,), *good)
    with pytest.raises(ValueError, match="sum to 1"):
        Calibration(1.0, (0.5, 0.4), *good)


@pytest.mark.parametrize(
    "policy", [(0.0, 3, 6, 0.1), (0.001, 0.5, 6, 0.1), (0.001, 3, 65, 0.1), (0.001, 3, 6, 0.9)]
)
def test_an_impossible_policy_is_refused(policy: tuple[float, float, int, float]) -> None:
    with pytest.raises(ValueError, match="choose"):
        CalibrationPolicy(*policy)
