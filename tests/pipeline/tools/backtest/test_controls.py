from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from backtesting import QUICK, small_series
from recordings import machine, read_csv, real_recordings
from tocsin.tools.backtest.columns import make_up_times
from tocsin.tools.backtest.controls import (
    LIMIT_QUANTILE,
    Always,
    Forest,
    Pca,
    T2Ewma,
    average,
    fill_gaps,
)
from tocsin.tools.backtest.model import ReplayPolicy
from tocsin.tools.backtest.series import Entrant, Series
from tocsin.tools.backtest.sets import load_set
from tocsin_models.arrays import Flags, Floats
from tocsin_models.metrics import auc_pr, vus_pr

CONTROLS: list[Callable[[], Entrant]] = [
    Always,
    T2Ewma,
    Forest,
    lambda: Pca(QUICK, ReplayPolicy(length=16)),
]
LEARNING = CONTROLS[1:]


def series_of(values: Floats, train_rows: int = 300) -> Series:
    rows, channels = values.shape
    names = tuple(f"c{n}" for n in range(channels))
    return Series("pump", names, make_up_times(rows, 10**9), values, train_rows)


@pytest.mark.parametrize("make", CONTROLS)
def test_a_control_judges_every_row_from_rows_up_to_it(make: Callable[[], Entrant]) -> None:
    values, _ = machine()
    later = values.copy()
    later[450:] *= 9

    found, other = (make().run(series_of(each), seed=0) for each in (values, later))

    assert found.score.shape == found.alarm.shape == (len(values),)
    assert np.array_equal(found.score[:450], other.score[:450], equal_nan=True)
    assert np.array_equal(found.alarm[:450], other.alarm[:450])


@pytest.mark.parametrize("make", LEARNING)
def test_a_control_learns_from_the_training_rows_alone(make: Callable[[], Entrant]) -> None:
    values, label = machine()

    found = make().run(series_of(values), seed=0)

    assert found.alarm[:300].mean() < 0.02
    assert found.alarm[label].mean() > 0.5
    assert auc_pr(label, found.score) > 0.9


@pytest.mark.parametrize("make", CONTROLS)
def test_a_cell_that_was_not_measured_is_no_fault(make: Callable[[], Entrant]) -> None:
    values, _ = machine()
    values[::7, 0] = np.nan

    found = make().run(series_of(values), seed=0)

    assert np.isfinite(found.score[40:]).all()


@pytest.mark.parametrize("make", [T2Ewma, Forest])
def test_a_row_without_a_measured_cell_has_no_score_and_changes_nothing(
    make: Callable[[], Entrant],
) -> None:
    values, label = machine()
    blank = values.copy()
    blank[[10, 599]] = np.nan
    blank[~label & (np.arange(len(values)) % 9 == 0)] = np.nan
    kept: Flags = np.asarray(~np.isnan(blank).all(axis=1))

    found = make().run(series_of(blank), seed=0)
    dense = make().run(series_of(blank[kept], int(kept[:300].sum())), seed=0)

    assert np.array_equal(np.isnan(found.score), ~kept)
    assert np.array_equal(found.score[kept], dense.score)
    assert np.array_equal(found.alarm[kept], dense.alarm)


def test_an_alarm_stands_over_rows_without_a_score() -> None:
    values = np.zeros((600, 3))
    values[0] = np.nan
    values[500:510] = 1.0
    values[503:506] = np.nan

    found = T2Ewma(span=1).run(series_of(values), seed=0)

    assert np.flatnonzero(found.alarm).tolist() == list(range(500, 510))


@pytest.mark.parametrize("make", [T2Ewma, Forest])
def test_where_nothing_was_measured_nothing_is_learned(make: Callable[[], Entrant]) -> None:
    values, _ = machine()
    values[:300] = np.nan
    with pytest.raises(ValueError, match="pump: nothing was measured in the rows to learn from"):
        make().run(series_of(values), seed=0)


def test_a_control_is_called_as_in_the_tables() -> None:
    assert [make().name for make in CONTROLS] == ["always", "t2-ewma", "iforest", "pca"]


def test_to_be_always_in_alarm_needs_no_reason() -> None:
    found = Always().run(small_series(), seed=0)

    assert found.alarm.all()
    assert (found.score == 1).all()


@pytest.mark.parametrize("make", [T2Ewma, Forest])
def test_the_limit_is_a_quantile_of_the_training_rows_own_values(
    make: Callable[[], Entrant],
) -> None:
    found = make().run(small_series(), seed=0)

    assert found.error is not None
    limit = np.quantile(found.error[:400], LIMIT_QUANTILE)
    assert found.score == pytest.approx(found.error / limit)
    assert np.array_equal(found.alarm, found.score >= 1)


def test_t_squared_is_the_distance_in_spreads_of_what_moves_together() -> None:
    chance = np.random.default_rng(0)
    shared = chance.normal(size=2_000)
    values = np.stack([shared, shared + 0.01 * chance.normal(size=2_000)], axis=1)
    values[-2:] = [[2.0, 2.0], [1.0, -1.0]]  # far out together, and nearer but apart

    error = T2Ewma(span=1, shrinkage=1e-6).run(series_of(values, 1_900), seed=0).error

    assert error is not None
    assert error[-2] == pytest.approx(4, rel=0.2)
    assert error[-1] > 1_000


def test_an_average_begins_where_it_is_told_and_forgets() -> None:
    assert average(np.array([4.0, 4.0, 0.0]), span=3, begin=0.0).tolist() == [2, 3, 1.5]
    assert average(np.array([4.0, 5.0]), span=1, begin=99.0).tolist() == [4, 5]


def test_rows_that_never_move_in_training_can_be_judged() -> None:
    values = np.zeros((600, 3))
    values[500] = 1.0

    found = T2Ewma().run(series_of(values), seed=0)

    assert not found.alarm[:500].any()
    assert found.alarm[500]


def test_what_was_not_measured_is_filled_with_what_was_usual_in_training() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [2.0, np.nan], [np.nan, 7.0], [9.0, np.nan]])

    filled = fill_gaps(series_of(values, 3))

    assert filled.tolist() == [[1, 0], [3, 0], [2, 0], [2, 7], [9, 0]]


def test_a_seed_gives_one_forest_and_another_seed_another() -> None:
    series = small_series()
    first, again, other = (Forest(10).run(series, seed).score for seed in (0, 0, 1))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_principal_components_tell_what_they_expected() -> None:
    found = Pca(QUICK, ReplayPolicy(length=16)).run(small_series(), seed=0)

    assert found.bundle is not None
    assert found.bundle.policy.form == "pca"
    assert found.expected is not None


def test_a_series_without_enough_to_learn_from_is_told() -> None:
    with pytest.raises(ValueError, match="plant-0: "):
        Pca(QUICK, ReplayPolicy(length=64)).run(replace(small_series(), train_rows=70), seed=0)


@pytest.mark.integration
def test_t_squared_gets_on_tsb_ad_m_what_is_known_of_it() -> None:
    volumes = []
    for entry in load_set(real_recordings(), "tsb-ad-m", read_csv):
        assert entry.series.label is not None
        assert entry.vus_window is not None
        score = T2Ewma().run(entry.series, seed=0).score
        volumes.append(vus_pr(entry.series.label, score, entry.vus_window))

    assert len(volumes) == 24
    assert np.mean(volumes) == pytest.approx(0.478, abs=2e-3)


@pytest.mark.integration
def test_t_squared_gets_on_smd_what_is_known_of_it() -> None:
    areas = []
    for entry in load_set(real_recordings(), "smd", read_csv):
        assert entry.series.label is not None
        score = T2Ewma(span=15).run(entry.series, seed=0).score
        areas.append(auc_pr(entry.series.label[entry.first_row :], score[entry.first_row :]))

    assert len(areas) == 10
    assert np.mean(areas) == pytest.approx(0.4594, abs=5e-4)
