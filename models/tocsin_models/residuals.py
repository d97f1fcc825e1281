"""From a reconstruction to one mean squared error a window.

All sums run in f64, window by window in one order: a window's bits depend on that window alone.
"""

from dataclasses import dataclass

import numpy as np

from tocsin_models.arrays import Flags, Floats, Singles

_LEAST_TYPICAL = 0.01  # of the mean: a channel learned by heart must not count for nothing


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Squared errors of B windows, summed over their measured steps."""

    sums: Floats  # [B, F] of squared scaled errors
    counts: Floats  # [B, F] measured steps


def squared_errors(scaled: Singles, expected: Singles, mask: Flags) -> Floats:
    """Return ``(scaled - expected)**2`` as ``[B, T, F]``, zero where nothing was measured."""
    gap = scaled - expected
    np.copyto(gap, 0, where=~mask)
    squares = gap.astype(np.float64)
    return np.multiply(squares, squares, out=squares)


def sum_residuals(scaled: Singles, expected: Singles, mask: Flags) -> Residuals:
    """Return the errors of each channel of ``[B, T, F]`` windows."""
    sums = squared_errors(scaled, expected, mask).sum(axis=1)
    if mask.all():  # as it is nearly always, and counting takes as long as summing
        return Residuals(sums, np.full_like(sums, mask.shape[1]))
    return Residuals(sums, mask.sum(axis=1, dtype=np.float64))


def typical_errors(residuals: Residuals) -> Floats:
    """Return the mean squared error of a measured cell of each channel, ``[F]``, above zero.

    A channel that was never measured is taken to be like the mean of the others.
    """
    sums, counts = residuals.sums.sum(axis=0), residuals.counts.sum(axis=0)
    seen = counts > 0
    typical = np.divide(sums, counts, out=np.zeros_like(sums), where=seen)
    mean = float(typical[seen].mean()) if seen.any() else 1.0
    return np.maximum(np.where(seen, typical, mean), _LEAST_TYPICAL * mean or 1.0)


def window_errors(residuals: Residuals, typical: Floats) -> Floats:
    """Return one error a window, ``[B]``: NaN where nothing was measured.

    Where all is measured this is the mean of the squared scaled errors over steps and channels.
    Missing cells neither raise nor lower it: the sum is held against what the *measured* cells
    make up in normal windows (``typical [F]``), so a window does not look better because its
    noisiest channel is gone, nor worse because its calmest is.
    """
    usual = (residuals.counts * typical).sum(axis=1)
    total = residuals.sums.sum(axis=1)
    ratio = np.divide(total, usual, out=np.full_like(total, np.nan), where=usual > 0)
    return np.asarray(ratio * typical.mean())
