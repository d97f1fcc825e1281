import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_metrics
from tocsin_models.arrays import Flags, Floats
from tocsin_models.metrics import auc_roc, mark_rows, vus, vus_pr, vus_roc, vus_window


def first_series() -> tuple[Flags, Floats]:
    """1,000 rows, events in the middle, short, and up to the last row."""
    rows = np.arange(1_000)
    label = mark_rows([(200, 260), (600, 605), (900, 1_000)], 1_000)
    noise = 0.6 * ((7_919 * rows) % 101) / 101
    return label, 0.5 * np.sin(rows / 7) + 0.8 * label + noise


def second_series() -> tuple[Flags, Floats]:
    """500 rows, an event from the first row on, and many ties."""
    return mark_rows([(0, 10), (250, 300)], 500), ((37 * np.arange(500)) % 97) / 97


@pytest.mark.parametrize(
    ("window", "expected"),
    [(0, 0.6698170472), (10, 0.6719451655), (50, 0.7147707482), (100, 0.7557137512)],
)
def test_vus_pr_is_what_the_benchmarks_own_program_gives(window: int, expected: float) -> None:
    assert vus_pr(*first_series(), window) == pytest.approx(expected, abs=6e-11)


@pytest.mark.parametrize(("window", "expected"), [(0, 0.8821835118), (100, 0.9267620737)])
def test_vus_roc_is_what_the_benchmarks_own_program_gives(window: int, expected: float) -> None:
    assert vus_roc(*first_series(), window) == pytest.approx(expected, abs=6e-11)


@pytest.mark.parametrize(("window", "expected"), [(20, 0.1455875809), (60, 0.1940756719)])
def test_an_event_from_the_first_row_and_ties_are_as_there(window: int, expected: float) -> None:
    assert vus_pr(*second_series(), window) == pytest.approx(expected, abs=6e-11)


@st.composite
def series(draw: st.DrawFn) -> tuple[Flags, Floats]:
    size = draw(st.integers(2, 45))
    label = draw(st.lists(st.booleans(), min_size=size, max_size=size).filter(is_mixed))
    values = st.one_of(st.integers(0, 3), st.integers(-50, 50), st.just(float("-inf")))
    score = draw(st.lists(values, min_size=size, max_size=size))
    return np.array(label), np.array(score, dtype=float)


def is_mixed(label: list[bool]) -> bool:
    return any(label) and not all(label)


@settings(deadline=None, max_examples=40)
@given(series(), st.integers(0, 14))
def test_volumes_are_those_of_the_plain_definition(rows: tuple[Flags, Floats], window: int) -> None:
    found = vus(*rows, window)

    assert (found.pr, found.roc) == pytest.approx(naive_metrics.volumes(*rows, window), abs=1e-12)


def test_more_than_250_rows_are_cut_at_250_thresholds_as_defined() -> None:
    random = np.random.default_rng(5)
    label, score = random.random(420) < 0.08, random.normal(size=420).round(1)

    found = vus(label, score, 9)

    assert (found.pr, found.roc) == pytest.approx(naive_metrics.volumes(label, score, 9), abs=1e-12)


def test_only_the_order_of_scores_counts() -> None:
    label, score = first_series()

    assert vus(label, np.exp(3 * score), 60) == vus(label, score, 60)


def test_a_peak_beside_an_event_is_forgiven_within_the_window_only() -> None:
    label = mark_rows([(100, 120)], 400)
    beside = mark_rows([(85, 100)], 400)

    assert vus_pr(label, beside, 60) > 2 * vus_pr(label, beside, 0)


def test_a_perfect_score_is_perfect_without_margins() -> None:
    label = first_series()[0]

    assert vus(label, label, 0).roc == pytest.approx(1)
    assert vus(label, label, 0).pr == pytest.approx(1)


def test_a_constant_score_knows_nothing() -> None:
    label = first_series()[0]

    assert vus_pr(label, np.ones(1_000), 0) == pytest.approx(label.mean())
    assert vus_roc(label, np.ones(1_000), 0) == pytest.approx(0.5)


@pytest.mark.parametrize("label", [np.zeros(30), np.ones(30), np.zeros(0)])
def test_rows_of_one_kind_have_no_volume(label: Floats) -> None:
    found = vus(label, np.arange(len(label)), 10)

    assert np.isnan(found.pr)
    assert np.isnan(found.roc)


def test_not_knowing_is_the_lowest_score() -> None:
    label, score = first_series()
    unknown, lowest = score.copy(), score.copy()
    unknown[::7], lowest[::7] = np.nan, -1e9

    assert vus(label, unknown, 40) == vus(label, lowest, 40)


def test_lengths_that_differ_and_windows_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="label has 3, score has 2"):
        vus_pr([0, 1, 0], [1.0, 2.0], 4)
    with pytest.raises(ValueError, match="must not be negative"):
        vus_pr([0, 1, 0], [1.0, 2.0, 3.0], -1)


def test_without_margins_the_area_nears_that_of_all_thresholds() -> None:
    label = mark_rows([(400, 900)], 2_000)  # one event: it is found at once
    score = np.random.default_rng(2).normal(size=2_000) + label

    assert vus_roc(label, score, 0) == pytest.approx(auc_roc(label, score), abs=0.002)


def test_the_window_is_the_dominant_period() -> None:
    rows = np.arange(5_000)
    noise = np.random.default_rng(3).normal(0, 0.3, 5_000)

    assert vus_window(np.sin(2 * np.pi * rows / 48) + noise) in range(47, 50)


@pytest.mark.parametrize(
    "channel",
    [
        np.ones(900),
        np.arange(900.0),
        np.array([1.0]),
        np.zeros(0),
        np.full(9, np.nan),
        np.sin(2 * np.pi * np.arange(5_000) / 350),  # slower than 303 rows
        np.sin(2 * np.pi * np.arange(5_000) / 5),  # faster than 6
    ],
)
def test_a_series_without_a_period_has_the_window_of_125(channel: Floats) -> None:
    assert vus_window(channel) == 125


@pytest.mark.parametrize("period", [6, 30, 290])
def test_a_pure_wave_has_its_own_period(period: int) -> None:
    assert vus_window(np.sin(2 * np.pi * np.arange(20_000) / period)) == period


def test_rows_that_are_missing_do_not_hide_the_period() -> None:
    channel = np.sin(2 * np.pi * np.arange(3_000) / 30)
    channel[np.random.default_rng(4).random(3_000) < 0.1] = np.nan

    assert vus_window(channel) == 30


def test_the_window_looks_at_no_more_than_20_000_rows() -> None:
    channel = np.sin(2 * np.pi * np.arange(40_000) / 40)
    changed = channel.copy()
    changed[20_000:] = 100 * np.sin(np.arange(20_000) / 2)

    assert vus_window(changed) == vus_window(channel) == 40
