import numpy as np
import pytest

from tocsin_models.arrays import Floats
from tocsin_models.calibration import (
    Calibration,
    CalibrationPolicy,
    Method,
    calibrate,
    fit_spans,
    hold,
    weigh_run,
)
from tocsin_models.spans import Span
from tocsin_models.tails import Tail

ANY = (Span(1, np.inf, 1.0, Tail((0.0, 0.7, 1.4, 2.3), 1.0)),)
LONG = (*ANY, Span(9, 30.0, 1.0, Tail((0.0, 0.7, 1.4, 2.3), 1.0)))  # 5 windows are one look
AT_ONCE = CalibrationPolicy(open_count=1, open_of=1)


def surprises(count: int, seed: int = 0) -> Floats:
    """Return what normal windows surprise by if all is as it should be."""
    return np.random.default_rng(seed).exponential(1, count)


def test_many_windows_give_their_own_quantile() -> None:
    scores = 3 * surprises(50_000)

    found = calibrate([scores], ANY, AT_ONCE)

    assert found.method is Method.QUANTILE
    assert (scores > found.limit).mean() == pytest.approx(0.001, rel=0.2)  # and 1.2 % of doubt


@pytest.mark.parametrize("seed", range(5))
def test_an_exponential_tail_is_continued_to_the_budget(seed: int) -> None:
    found = calibrate([2 * surprises(2_000, seed)], ANY, AT_ONCE)

    assert found.method is not Method.QUANTILE
    assert found.limit / 1.25 == pytest.approx(2 * np.log(1_000), rel=0.35)  # the true quantile


def test_a_limit_stays_where_the_budget_lets_it_be_and_says_what_was_done() -> None:
    low, high = (calibrate([by * surprises(50_000)], ANY, AT_ONCE) for by in (0.1, 10))

    assert low.limit == pytest.approx(2 * np.log(1_000) * 1.012)
    assert "raised" in low.reason
    assert high.limit == pytest.approx(4 * np.log(1_000) * 1.012)
    assert "lowered" in high.reason


def test_no_limit_lies_where_half_of_the_windows_come_near() -> None:
    scores = 100 * surprises(50_000)

    assert calibrate([scores], ANY, AT_ONCE).limit == pytest.approx(2 * np.median(scores) * 1.012)


@pytest.mark.parametrize(("count", "loud"), [(999, 10), (1_000, 10), (5_000, 19)])
def test_few_loud_windows_among_quiet_ones_keep_to_the_budget(count: int, loud: int) -> None:
    scores = np.zeros(count)
    scores[-loud:] = 25

    assert calibrate([scores], ANY, AT_ONCE).limit > 25


def test_a_limit_is_the_higher_the_less_was_seen() -> None:
    scores = np.zeros(50)

    few, many, apart = (
        calibrate([np.zeros(count)], ANY, AT_ONCE, stride)
        for count, stride in ((50, 1), (5_000, 1), (50, 100))
    )

    assert few.limit == pytest.approx(13 / 1.12 * many.limit)
    assert many.limit == apart.limit
    assert "1200% more for how little was seen" in calibrate([scores], ANY, AT_ONCE).reason


def test_a_heavy_tail_is_seen_as_heavy() -> None:
    true_shape = 0.3
    uniform = np.random.default_rng(3).random(5_000)
    scores = (uniform**-true_shape - 1) / true_shape / 2

    found = calibrate([scores], ANY, AT_ONCE)

    assert found.method is Method.PARETO
    assert found.shape == pytest.approx(true_shape, abs=0.15)
    assert found.limit / 1.1 == pytest.approx((1_000**true_shape - 1) / true_shape / 2, rel=0.35)


def test_a_tail_that_seems_to_end_is_continued_all_the_same() -> None:
    scores = 2 + np.random.default_rng(0).random(500)

    found = calibrate([scores], ANY, AT_ONCE)

    assert (found.method, found.shape) == (Method.EXPONENTIAL, 0.0)
    assert found.limit > scores.max()


def test_few_windows_give_a_wide_limit_and_say_so() -> None:
    found = calibrate([np.linspace(0.5, 1.5, 12)], ANY, AT_ONCE)

    assert found.method is Method.EXPONENTIAL
    assert "only 6 of 12 windows" in found.reason
    assert found.limit > 3 * 1.5


@pytest.mark.parametrize("scores", [np.zeros(300), np.full(300, 4.2), np.zeros(1)])
def test_equal_scores_give_a_limit_that_they_do_not_exceed(scores: Floats) -> None:
    found = calibrate([scores], ANY)

    assert found.limit > 0
    assert (scores <= found.limit).all()


def test_a_smaller_budget_never_lowers_the_limit() -> None:
    scores = np.random.default_rng(0).gamma(3, 1, 1_000)
    budgets = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001, 0.0001)

    limits = [calibrate([scores], ANY, CalibrationPolicy(each)).limit for each in budgets]

    assert limits == sorted(limits)


def test_what_an_alert_wants_before_it_opens_is_part_of_the_budget() -> None:
    for count, of, by in ((1, 1, 2.0), (3, 5, 4.5), (5, 5, 10.0)):
        scores = by * surprises(100_000)
        limit = calibrate([scores], LONG, CalibrationPolicy(0.01, count, of)).limit
        opens = np.convolve(scores >= limit, np.ones(of))[: len(scores)] >= count
        assert opens.mean() == pytest.approx(0.01, rel=0.1)


def test_a_rule_that_waits_for_long_has_bounds_of_its_own() -> None:
    calm = 0.01 * surprises(50_000)
    short, long = (
        calibrate([calm], LONG, CalibrationPolicy(open_count=n, open_of=n)).limit for n in (5, 50)
    )

    # means over 9 windows forget within 5, so 50 of them are ten looks, and 5 are one
    assert long == pytest.approx(short / 10, rel=0.02)


def test_what_so_many_of_the_last_scores_reach() -> None:
    scores = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 0.0])

    assert hold(scores, 1, 1).tolist() == scores.tolist()
    assert hold(scores, 2, 3).tolist() == [0, 1, 4, 2, 3, 2]
    assert hold(scores, 3, 3).tolist() == [0, 0, 1, 1, 2, 0]


def test_a_run_does_not_reach_into_another() -> None:
    high, low = np.full(20, 9.0), np.full(20, 1.0)
    spans = fit_spans([high, low], (4,), 30, 9)

    apart = np.concatenate([weigh_run(high, spans), weigh_run(low, spans)])

    assert apart[20] < weigh_run(np.r_[high, low], spans)[20]


def test_long_spans_take_no_more_than_the_cap() -> None:
    calm = surprises(5_000)
    short, long = fit_spans([calm], (4, 16), 30, 9)
    loud = np.zeros(40)
    loud[0] = 1e6

    assert (short.cap, long.cap) == (np.inf, 30)
    assert weigh_run(loud, [short])[0] > 1e5
    assert weigh_run(loud, [long])[0] < 40
    assert weigh_run(loud, [long])[39] < 3


def test_an_asset_keeps_its_profiles_limit_until_much_was_seen_of_it() -> None:
    calm, noisy = surprises(20_000), 2 * surprises(20_000, 1)
    few, many = noisy[:30], noisy

    def ratio(own: Floats) -> float:
        return calibrate([calm, own], ANY, AT_ONCE, 1, ["calm", "noisy"]).assets["noisy"]

    assert ratio(few[:1]) == pytest.approx(1, abs=0.1)
    assert 1 < ratio(few) < ratio(noisy[:300]) < 2
    assert 1.1 < ratio(many) < 2
    assert calibrate([calm, many], ANY, AT_ONCE, 1, ["calm", "noisy"]).assets["calm"] < 1
    assert calibrate([calm], ANY, AT_ONCE, 1, ["calm"]).assets["calm"] == pytest.approx(1)
    assert calibrate([calm], ANY, AT_ONCE).assets == {}


def test_the_limit_of_an_asset_that_is_nothing_like_the_others_stays_within_its_bounds() -> None:
    usual, other = surprises(20_000), 1_000 * surprises(200, 1)

    found = calibrate([usual, other], ANY, AT_ONCE, 1, ["usual", "other"])

    assert found.assets["other"] == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_scores_that_are_no_scores_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not finite or negative"):
        calibrate([np.array([1.0, bad])], ANY)


def test_nothing_to_calibrate_on_is_refused() -> None:
    with pytest.raises(ValueError, match="no held-out window"):
        calibrate([np.empty(0)], ANY)


def test_a_calibration_with_wrong_numbers_is_refused() -> None:
    good = (Method.QUANTILE, "", 0.001, 10, 1.0, 0.0, 0.0)

    with pytest.raises(ValueError, match="limit above zero"):
        Calibration(0.0, ANY, *good)
    with pytest.raises(ValueError, match="at least one span"):
        Calibration(1.0, (), *good)
    with pytest.raises(ValueError, match="within 3 times"):
        Calibration(1.0, ANY, *good, {"mill": 4.0})


@pytest.mark.parametrize(
    "policy", [(0.0, 3, 5, 0.1), (0.001, 0, 5, 0.1), (0.001, 6, 5, 0.1), (0.001, 3, 5, 0.9)]
)
def test_an_impossible_policy_is_refused(policy: tuple[float, int, int, float]) -> None:
    with pytest.raises(ValueError, match="choose"):
        CalibrationPolicy(*policy)
