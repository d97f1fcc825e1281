"""Where rows score, and the tail that the limit came from."""

from dataclasses import replace

import numpy as np
import pytest

from reporting import a_series, an_outcome, labelled, small_trials
from tocsin.tools.backtest.report.tail import show_tail
from tocsin_models.arrays import Floats
from tocsin_models.calibration import CalibrationPolicy, calibrate, hold


def share_above(edges: Floats, shares: Floats, bound: float) -> float:
    return float(np.asarray(shares)[np.asarray(edges)[:-1] >= bound * 0.999].sum())


def test_shares_are_of_the_rows_learned_from_and_of_those_judged() -> None:
    score = np.full(100, 0.5)
    score[60:70], score[80:] = 2.0, np.nan
    found = show_tail(labelled((60, 70)), an_outcome(score=score))
    assert [sum(found[name]) for name in ("learned", "later", "abnormal")] == pytest.approx(
        [1, 1, 1]
    )
    above = [share_above(found["edges"], found[name], 1.0) for name in ("learned", "later")]
    assert above == [0, 0]
    assert share_above(found["edges"], found["abnormal"], 1.0) == pytest.approx(1.0)
    assert found["fit"] is None
    assert found["words"] is None


def test_scores_beyond_the_picture_are_counted_at_its_ends() -> None:
    score = np.array([0.0, 1e-9, 1e9, np.inf] * 25)
    found = show_tail(a_series(), an_outcome(score=score))
    assert (found["learned"][0], found["learned"][-1]) == (0.5, 0.5)


def test_what_nobody_scored_has_no_shares() -> None:
    found = show_tail(a_series(), an_outcome(score=np.full(100, np.nan)))
    assert found["learned"] is None
    assert found["later"] is None


def test_the_fitted_tail_is_shown_however_low_the_rows_learned_from_score() -> None:
    trial = small_trials()[0]
    outcome = trial.outcomes["default"][0]
    assert outcome.bundle is not None
    low = replace(outcome, score=np.full(len(outcome.score), 0.001))
    found, calibration = show_tail(trial.series, low), outcome.bundle.calibration
    begin = calibration.threshold / calibration.limit
    assert found["words"]["threshold"] == begin
    assert share_above(found["edges"], found["learned"], begin) == 0
    fit = np.asarray(found["fit"])
    assert (fit > 0).sum() > 1
    assert np.isnan(fit[np.asarray(found["edges"])[1:] < begin]).all()
    assert share_above(found["edges"], np.nan_to_num(fit), 1.0) <= 10 * calibration.budget


@pytest.mark.parametrize("windows", [45, 60, 400, 4_000])
def test_the_tail_is_as_large_a_share_as_it_was_fitted_to(windows: int) -> None:
    trial = small_trials()[0]
    outcome = trial.outcomes["default"][0]
    assert outcome.bundle is not None
    policy = CalibrationPolicy()
    scores = np.random.default_rng(0).exponential(1.0, windows) + 0.5
    calibration = calibrate([scores], outcome.bundle.calibration.spans, policy)
    told = replace(outcome, bundle=replace(outcome.bundle, calibration=calibration))
    found = show_tail(trial.series, told)
    held = hold(scores, policy.open_count, policy.open_of)
    above = (held > calibration.threshold).mean()  # scores that are held come in equal ones
    assert np.nansum(found["fit"]) == pytest.approx(above, rel=0.15)
