"""Where rows score, and the tail that the limit came from."""

import numpy as np
import pytest

from reporting import a_series, an_outcome, labelled, small_trials
from tocsin.tools.backtest.report.tail import show_tail
from tocsin_models.arrays import Floats


def share_above(edges: Floats, shares: Floats, bound: float) -> float:
    return float(np.asarray(shares)[np.asarray(edges)[:-1] >= bound * 0.999].sum())


def test_shares_are_of_the_rows_learned_from_and_of_those_judged() -> None:
    score = np.full(100, 0.5)
    score[60:70], score[80:] = 2.0, np.nan
    found = show_tail(labelled((60, 70)), an_outcome(score=score))
    assert [sum(found[name]) for name in ("calm", "later", "abnormal")] == pytest.approx([1, 1, 1])
    above = [share_above(found["edges"], found[name], 1.0) for name in ("calm", "later")]
    assert above == [0, 0]
    assert share_above(found["edges"], found["abnormal"], 1.0) == pytest.approx(1.0)
    assert found["fit"] is None
    assert found["words"] is None


def test_scores_beyond_the_picture_are_counted_at_its_ends() -> None:
    score = np.array([0.0, 1e-9, 1e9, np.inf] * 25)
    found = show_tail(a_series(), an_outcome(score=score))
    assert (found["calm"][0], found["calm"][-1]) == (0.5, 0.5)


def test_what_nobody_scored_has_no_shares() -> None:
    found = show_tail(a_series(), an_outcome(score=np.full(100, np.nan)))
    assert found["calm"] is None
    assert found["later"] is None


def test_the_fitted_tail_goes_on_where_the_rows_end() -> None:
    trial = small_trials()[0]
    outcome = trial.outcomes["default"][0]
    assert outcome.bundle is not None
    found, calibration = show_tail(trial.series, outcome), outcome.bundle.calibration
    fit, calm = np.nan_to_num(found["fit"]), np.asarray(found["calm"])
    begin = calibration.threshold / calibration.limit
    assert found["words"]["threshold"] == begin
    assert np.isnan(found["fit"][np.asarray(found["edges"])[1:] < begin]).all()
    rows_above = share_above(found["edges"], calm, begin)
    assert fit.sum() == pytest.approx(rows_above, abs=0.05)
    assert share_above(found["edges"], fit, 1.0) <= 10 * calibration.budget
