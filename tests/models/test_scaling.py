import numpy as np
import pytest

from tocsin_models.arrays import Floats
from tocsin_models.scaling import CLIP, RobustScaler


def column(values: object) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(-1, 1)


def test_a_normal_channel_has_its_mean_and_deviation() -> None:
    values = np.random.default_rng(0).normal(70, 3, (20_000, 1))

    scaler = RobustScaler.fit(values)

    assert scaler.centre[0] == pytest.approx(70, abs=0.1)
    assert scaler.spread[0] == pytest.approx(3, rel=0.03)


def test_scaling_and_back_gives_the_same_values() -> None:
    values = np.random.default_rng(0).normal(70, 3, (50, 16, 1))
    scaler = RobustScaler.fit(values)

    assert scaler.scale(values).dtype == np.float32
    np.testing.assert_allclose(scaler.unscale(scaler.scale(values)), values, rtol=1e-6)


def test_missing_cells_stay_missing_and_count_nothing() -> None:
    values = column([1, 2, np.nan, 3, 4, np.nan])

    scaler = RobustScaler.fit(values)

    assert scaler.centre[0] == 2.5
    assert np.isnan(scaler.scale(values)[:, 0]).tolist() == [0, 0, 1, 0, 0, 1]


def test_an_absurd_reading_neither_moves_the_spread_nor_overflows() -> None:
    values = np.random.default_rng(0).normal(0, 1, (500, 1))
    values[7] = 1e30
    values[8] = np.inf

    scaler = RobustScaler.fit(values)

    assert scaler.spread[0] == pytest.approx(1, rel=0.15)
    assert scaler.scale(values)[7:9, 0].tolist() == [CLIP, CLIP]
    assert scaler.scale(column([-1.7e308, 1.7e308]))[:, 0].tolist() == [-CLIP, CLIP]


def test_a_channel_that_mostly_rests_is_not_blown_up_by_its_rest() -> None:
    values = np.zeros((1_000, 1))
    values[::50] = 5.0  # 2 % of the time: its quartiles are equal

    assert RobustScaler.fit(values).spread[0] == pytest.approx(0.7, abs=0.01)


def test_the_last_digit_of_a_steady_channel_is_not_blown_up() -> None:
    values = np.full((1_000, 1), 230.0)
    values[::2] += 1e-6

    assert np.abs(RobustScaler.fit(values).scale(values)).max() < 0.01


@pytest.mark.parametrize("values", [np.zeros(9), np.full(9, np.nan), np.full(9, 1e200)])
def test_a_channel_of_which_nothing_is_known_has_spread_one(values: Floats) -> None:
    scaler = RobustScaler.fit(column(values))

    assert (scaler.centre[0], scaler.spread[0]) == (0.0, 1.0)


def test_a_channels_unit_and_its_neighbours_change_nothing() -> None:
    chance = np.random.default_rng(0)
    bar, rpm = chance.normal(3, 0.02, (500, 1)), chance.normal(1_500, 90, (500, 1))
    pascal = bar * 2.0**17  # a power of two: no rounding

    alone = RobustScaler.fit(bar).scale(bar)
    beside = np.hstack([pascal, rpm])

    np.testing.assert_array_equal(RobustScaler.fit(beside).scale(beside)[:, :1], alone)


def test_a_scaler_that_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        RobustScaler(np.zeros(2), np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="finite"):
        RobustScaler(np.array([np.nan]), np.ones(1))
    with pytest.raises(ValueError, match="one number a channel"):
        RobustScaler(np.zeros(2), np.ones(3))
