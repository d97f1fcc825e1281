from dataclasses import replace

import numpy as np

from backtesting import simulated_pump, small_series
from reporting import LENGTH, small_trials
from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.hindsight import add_hindsight, lay_out, look_back_on
from tocsin.tools.backtest.series import Outcome, Series
from tocsin.tools.backtest.trial import measure_outcome
from tocsin_models.bundle import Bundle


def first_model() -> tuple[Series, Outcome, Bundle]:
    trial = small_trials()[0]
    outcome = trial.outcomes["default"][0]
    assert outcome.bundle is not None
    return trial.series, outcome, outcome.bundle


def test_each_of_our_models_looks_back_and_what_it_said_before_stays() -> None:
    trial = small_trials()[0]

    both = add_hindsight(trial)

    assert list(both.outcomes) == ["default", "default (hindsight)", "always", "t2-ewma"]
    for name, runs in trial.outcomes.items():
        assert both.outcomes[name] is runs
        assert not runs[0].looks_ahead
    (found,) = both.outcomes["default (hindsight)"]
    assert found.looks_ahead
    assert (found.bundle, found.steps) == (None, [])  # nothing rang, and nothing is streamed by it
    assert found.fit_s == trial.outcomes["default"][0].fit_s  # it was learned once


def test_a_row_is_in_alarm_where_its_score_reaches_the_limit() -> None:
    series, outcome, bundle = first_model()

    found = look_back_on(series, outcome, bundle)

    np.testing.assert_array_equal(found.alarm, found.score >= 1)
    assert series.label is not None
    assert found.alarm[series.label].all()
    assert measure_outcome(series, found)["event_recall"] == 1
    for part in (found.blame, found.expected):
        assert part is not None
        assert part.shape == series.values.shape
    assert np.isfinite(found.score).all()  # the first rows too, which the stream cannot judge
    assert np.isnan(outcome.score[: LENGTH - 1]).all()


def test_holes_are_as_long_as_they_were_or_as_a_window() -> None:
    series = simulated_pump()  # twelve rows are missing, and a hundred
    slots = series.time_ns // series.period_ns
    for length in (8, 64, 500):
        place, grid = lay_out(series, length)

        gaps = np.diff(slots)
        np.testing.assert_array_equal(np.diff(place), np.minimum(gaps, length + 1))
        np.testing.assert_array_equal(grid[place], series.values)
        between = np.setdiff1d(np.arange(len(grid)), place)
        assert np.isnan(grid[between]).all()
        assert len(between) == (np.minimum(gaps, length + 1) - 1).sum()


def test_behind_a_long_hole_nothing_is_known_of_what_was_before() -> None:
    series, outcome, bundle = first_model()
    moved = series.time_ns.copy()
    moved[500:] += 3_600 * SECOND_NS
    apart = replace(series, time_ns=moved)
    before = apart.values.copy()
    before[450:500] += 3 * bundle.scaler.spread
    other = replace(apart, values=before)

    one, two = (look_back_on(each, outcome, bundle).expected for each in (apart, other))

    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one[500:], two[500:])
    assert not np.allclose(one[490:500], two[490:500])


def test_of_rows_that_share_a_slot_the_last_has_the_score_and_its_cells_count() -> None:
    series, outcome, bundle = first_model()
    times = series.time_ns.copy()
    times[501:] -= SECOND_NS - 1  # rows 500 and 501 lie in one slot
    shared = replace(series, time_ns=times)
    holey = shared.values.copy()
    holey[501, 0] = np.nan

    place, grid = lay_out(replace(shared, values=holey), LENGTH)
    found = look_back_on(shared, outcome, bundle)

    assert place[500] == place[501] == 500
    np.testing.assert_array_equal(grid[500], [holey[500, 0], *holey[501, 1:]])
    assert found.blame is not None
    assert found.expected is not None
    for part in (found.score[:, None], found.blame, found.expected):
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(part).any(axis=1)), [500])


def test_values_that_no_sensor_measures_are_not_measured() -> None:
    series = small_series()
    series.values[7] = (np.inf, -1e31, 5.0)

    _, grid = lay_out(series, LENGTH)

    np.testing.assert_array_equal(np.isnan(grid[7]), [True, True, False])


def test_a_model_that_cannot_look_back_is_left_out_with_the_reason() -> None:
    trial = small_trials()[0]
    values = trial.series.values.copy()
    values[:400, :2] = np.nan  # of three channels

    both = add_hindsight(replace(trial, series=replace(trial.series, values=values)))

    assert list(both.outcomes) == list(trial.outcomes)
    assert both.refusals.keys() == {"default (hindsight)"}
    said = both.refusals["default (hindsight)"]
    assert said.startswith("plant-0: hindsight: the first 400 rows hold no window of 16 rows")


def test_a_series_that_was_learned_from_whole_can_be_looked_back_on() -> None:
    series, outcome, bundle = first_model()

    found = look_back_on(replace(series, train_rows=600), outcome, bundle)

    assert np.isfinite(found.score).all()
