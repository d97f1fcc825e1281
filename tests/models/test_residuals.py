import numpy as np
import pytest

from tocsin_models.residuals import (
    Residuals,
    squared_errors,
    sum_residuals,
    typical_errors,
    window_errors,
)


def test_unseen_cells_do_not_count() -> None:
    scaled = np.array([[[1.0, np.nan], [3.0, 5.0]]], dtype=np.float32)
    expected = np.zeros_like(scaled)
    mask = ~np.isnan(scaled)

    assert squared_errors(scaled, expected, mask).tolist() == [[[1, 0], [9, 25]]]
    found = sum_residuals(scaled, expected, mask)
    assert found.sums.tolist() == [[10, 25]]
    assert found.counts.tolist() == [[2, 1]]


def test_the_error_of_a_whole_window_is_its_mean_squared_error() -> None:
    residuals = Residuals(np.array([[8.0, 12.0]]), np.array([[4.0, 4.0]]))

    for typical in (np.array([1.0, 1.0]), np.array([0.1, 7.0])):
        assert window_errors(residuals, typical)[0] == pytest.approx(20 / 8)


def test_missing_cells_neither_raise_nor_lower_the_error_of_a_normal_window() -> None:
    chance = np.random.default_rng(0)
    noisy_and_calm = np.array([1.0, 0.01])
    squares = chance.chisquare(1, (4_000, 32, 2)) * noisy_and_calm
    whole = Residuals(squares.sum(axis=1), np.full((4_000, 2), 32.0))
    typical = typical_errors(whole)
    usual = window_errors(whole, typical).mean()

    for lost in (0, 1):
        sums, counts = whole.sums.copy(), whole.counts.copy()
        sums[:, lost], counts[:, lost] = 0, 0
        assert window_errors(Residuals(sums, counts), typical).mean() == pytest.approx(usual, 0.03)


def test_a_window_without_cells_has_no_error() -> None:
    residuals = Residuals(np.zeros((1, 2)), np.zeros((1, 2)))

    assert np.isnan(window_errors(residuals, np.ones(2))).all()


def test_no_channel_is_typically_without_error() -> None:
    residuals = Residuals(np.array([[8.0, 0.0, 0.0]]), np.array([[4.0, 4.0, 0.0]]))

    assert typical_errors(residuals).tolist() == [2.0, 0.01, 1.0]
    assert (typical_errors(Residuals(np.zeros((1, 2)), np.ones((1, 2)))) > 0).all()
