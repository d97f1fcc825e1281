from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_models.arrays import Floats
from tocsin_models.sizes import Sizes, choose_sizes, longest_window


def noise(rows: int, channels: int = 4, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((rows, channels))


def cycles(period: float, rows: int = 3_000, channels: int = 3, loud: float = 0.3) -> Floats:
    """Return sines of one period, each channel with a phase of its own, and noise."""
    turn = 2 * np.pi * np.arange(rows)[:, None] / period + np.arange(channels)
    return np.asarray(np.sin(turn) + loud * noise(rows, channels))


def wander(rows: int, keeps: float, channels: int = 4, seed: int = 0) -> Floats:
    """Return channels that forget: each row keeps this share of what the one before was."""
    rows_of = noise(rows, channels, seed)
    for row in range(1, rows):
        rows_of[row] += keeps * rows_of[row - 1]
    return rows_of


@pytest.mark.parametrize(
    ("period", "length"), [(10, 32), (16, 32), (24, 24), (48, 48), (60, 64), (100, 104), (128, 128)]
)
def test_a_window_holds_whole_cycles(period: int, length: int) -> None:
    sizes = choose_sizes(cycles(period))

    assert sizes.period == pytest.approx(period, abs=1)
    assert sizes.length == pytest.approx(length, abs=8)
    assert f"{sizes.period} rows" in sizes.why


def test_a_cycle_that_no_window_can_hold_is_told_and_not_used() -> None:
    sizes = choose_sizes(cycles(400, rows=6_000))

    assert sizes.period == pytest.approx(400, rel=0.03)
    assert sizes.length == 64
    assert "too long" in sizes.why


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("keeps", [0.0, 0.9, 0.99, 1.0])
def test_what_only_wanders_has_no_period(keeps: float, seed: int) -> None:
    assert choose_sizes(wander(3_000, keeps, seed=seed)).period is None


def test_one_channel_in_ten_that_swings_does_not_decide_for_all() -> None:
    rows = noise(3_000, 10)
    rows[:, :1] = cycles(48, channels=1)

    assert choose_sizes(rows).period is None
    rows[:, :3] = cycles(48)
    assert choose_sizes(rows).period == 48


def test_slow_channels_want_longer_windows_than_fast_ones() -> None:
    fast, slow = (choose_sizes(wander(3_000, keeps)) for keeps in (0.5, 0.97))

    assert fast.memory < 5
    assert slow.memory > 20
    assert (fast.length, slow.length) == (32, 64)


def test_noise_on_a_slow_channel_does_not_make_it_a_fast_one() -> None:
    slow = wander(3_000, 0.97)

    quiet, noisy = (choose_sizes(slow + loud * noise(3_000, seed=1)) for loud in (0, 3))

    assert noisy.memory > 0.5 * quiet.memory


def test_a_trend_is_no_memory_and_hides_no_period() -> None:
    climbing = cycles(48) + np.arange(3_000)[:, None] / 100

    assert choose_sizes(climbing).period == choose_sizes(cycles(48)).period
    assert choose_sizes(noise(3_000) + np.arange(3_000)[:, None] / 100).memory < 5


@pytest.mark.parametrize("rows", [40, 100, 250, 400, 500, 1_000, 5_000])
def test_enough_windows_are_left_to_learn_from(rows: int) -> None:
    length = choose_sizes(cycles(100, rows)).length
    windows = rows - length + 1

    assert length <= longest_window(rows)
    assert length == 16 or (0.65 * windows - 2 * length >= 64 and rows >= 8 * length)


def test_few_rows_are_told_to_be_the_reason() -> None:
    assert "400 rows carry no more than 48" in choose_sizes(cycles(60, rows=400)).why


@pytest.mark.parametrize("sines", [3, 6, 10])
def test_the_latent_size_is_that_of_what_moves(sines: int) -> None:
    steps = np.arange(3_000)[:, None]
    swings = np.sin(steps * np.linspace(0.2, 2.5, sines)) @ noise(sines, 20, seed=5)

    sizes = choose_sizes(swings + 0.05 * noise(3_000, 20))

    assert sizes.latent == pytest.approx(2 * sines, rel=0.3)  # how far, and when


def one_loud_way_and_ten_faint_ones() -> Floats:
    """Return sixteen channels of eleven sines: one is louder than all the others together."""
    hadamard = np.ones((1, 1))
    for _ in range(4):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    turn = np.arange(3_000)[:, None] * np.linspace(0.2, 2.5, 11)
    loud = np.r_[1, np.full(10, 0.55 / 10**0.5)]
    return np.asarray((np.sin(turn) * loud) @ hadamard[1:12] + 0.05 * noise(3_000, 16))


def test_the_latent_size_lies_between_the_loud_ways_and_all_of_them() -> None:
    sizes = choose_sizes(one_loud_way_and_ten_faint_ones())

    assert sizes.latent == 7  # in the middle of 4 and 14
    assert sizes.hidden == 48  # 2 * (7 + 16), rounded up


def test_a_cycle_that_only_the_newer_half_has_is_no_period() -> None:
    rows = cycles(48)
    rows[:1_500] = 0.3 * noise(1_500, 3, seed=1)

    assert choose_sizes(rows).period is None


def test_noise_is_given_no_latent_numbers() -> None:
    assert choose_sizes(noise(3_000, 8)).latent == 4


def test_a_bottleneck_is_a_quarter_of_the_window_or_less() -> None:
    sizes = choose_sizes(wander(200, 0.5, channels=1))

    assert sizes.latent * 4 <= sizes.length


def test_nothing_is_chosen_that_no_model_is_made_with() -> None:
    made_with = {"length", "hidden", "latent"}

    assert {each.name for each in fields(Sizes)} == made_with | {"period", "memory", "why"}


@settings(max_examples=25, deadline=None)
@given(
    units=st.lists(
        st.sampled_from([-1e6, -3.0, -1e-6, 1e-9, 1e-3, 7.0, 1e9]), min_size=3, max_size=3
    ),
    seed=st.integers(0, 99),
)
def test_units_do_not_matter(units: Sequence[float], seed: int) -> None:
    rows = cycles(40, 600) + wander(600, 0.8, 3, seed)

    assert choose_sizes(rows * units) == choose_sizes(rows)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 300),
    channels=st.integers(1, 5),
    missing=st.floats(0, 1),
    seed=st.integers(0, 2**16),
)
def test_sizes_are_within_bounds_whatever_the_rows(
    rows: int, channels: int, missing: float, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    values = chance.standard_normal((rows, channels)) * 10.0 ** chance.integers(-9, 9, channels)
    values[chance.random(values.shape) < missing] = np.nan
    values[:, chance.integers(channels)] = 5

    sizes = choose_sizes(values)

    assert sizes.length % 8 == 0
    assert 16 <= sizes.length <= 128
    assert 4 <= sizes.latent <= 64
    assert 32 <= sizes.hidden <= 64
    assert sizes.memory >= 1
    assert sizes.why


def test_gaps_change_little() -> None:
    rows = cycles(48)
    rows[np.random.default_rng(0).random(rows.shape) < 0.3] = np.nan
    rows[1_000:1_100] = np.nan

    assert choose_sizes(rows).period == 48
    assert choose_sizes(rows).length == 48


def test_channels_that_rest_are_left_aside() -> None:
    moving = cycles(48)
    rows = np.column_stack([moving, np.full(3_000, 7.0), np.full(3_000, np.nan), np.zeros(3_000)])

    found, expected = choose_sizes(rows), choose_sizes(moving)

    assert (found.length, found.latent, found.period) == (48, expected.latent, 48)


@pytest.mark.parametrize("value", [3.0, np.nan])
def test_rows_in_which_nothing_moves_have_usual_sizes(value: float) -> None:
    sizes = choose_sizes(np.full((1_000, 3), value))

    assert isinstance(sizes, Sizes)
    assert (sizes.length, sizes.latent, sizes.period) == (32, 4, None)


@pytest.mark.parametrize("shape", [(0, 3), (9,), (9, 0)])
def test_what_is_no_table_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"give values \[N, F\]"):
        choose_sizes(np.zeros(shape))
