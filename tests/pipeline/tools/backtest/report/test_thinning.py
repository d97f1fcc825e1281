"""Fewer rows for a picture, and what must not be lost."""

import json

import numpy as np
import pytest

from tocsin.tools.backtest.report.thinning import bucket_edges, choose_rows, highest, round_off


def test_a_short_recording_is_kept_whole() -> None:
    assert choose_rows(50, np.zeros(50)).tolist() == list(range(50))


def test_spikes_of_one_row_survive_in_every_column() -> None:
    values, gaps = np.zeros(10_000), np.zeros(10_000)
    values[1_234], values[7_777], gaps[5_432] = 9.0, -9.0, 3.0
    rows = choose_rows(300, values, gaps)
    assert {1_234, 7_777, 5_432} <= set(rows.tolist())


def test_no_more_rows_are_kept_than_there_is_room_for_and_the_ends_are_among_them() -> None:
    chance = np.random.default_rng(0)
    for rows in (301, 999, 12_345):
        kept = choose_rows(300, chance.standard_normal(rows), chance.standard_normal(rows))
        assert len(kept) <= 301
        assert len(kept) > 150
        assert (kept[0], kept[-1]) == (0, rows - 1)
        assert (np.diff(kept) > 0).all()


def test_a_stretch_where_nothing_was_measured_stays_empty() -> None:
    values = np.arange(1_000.0)
    values[300:700] = np.nan
    kept = choose_rows(100, values)
    inside = kept[(kept >= 330) & (kept < 670)]
    assert len(inside)
    assert np.isnan(values[inside]).all()


def test_the_highest_of_every_bucket_is_kept_and_unknown_stays_unknown() -> None:
    values = np.array([[1.0, np.nan], [5.0, np.nan], [2.0, 7.0], [np.nan, np.nan]])
    found = highest(values, bucket_edges(4, 2))
    assert np.array_equal(found, [[5.0, np.nan], [2.0, 7.0]], equal_nan=True)


def test_there_are_no_more_buckets_than_rows() -> None:
    assert bucket_edges(3, 10).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("value", [0.0, 1.0, -1.23456789, 123456.789, 9.87654e-13, 1e300, 1e-300])
def test_numbers_keep_five_digits_and_are_written_shortly(value: float) -> None:
    short = float(round_off([value])[0])
    assert short == pytest.approx(value, rel=6e-5)
    assert len(json.dumps(short)) <= 12


def test_what_is_no_number_stays_none() -> None:
    assert np.array_equal(round_off([np.nan, np.inf]), [np.nan, np.inf], equal_nan=True)
