"""What there is to measure of a row: distances that are sums over channels.

A gauge reads N rows with L lags, ``[N, L, F]`` (the row itself first, then those before it), and
returns what each channel adds to the row's distance, ``[N, F]``, never negative.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tocsin_models.arrays import Floats, Indices
from tocsin_models.scaling import NORMAL_QUARTILE

_LEAST_VARIANCE = 1e-9  # of a spread, squared, where nothing moves at all
_BLOCK_ROWS = 128  # of a product of matrices
_FOUND_ROWS = 8 * _BLOCK_ROWS


class Gauge(Protocol):
    """Something that says how far rows are from normal."""

    def read(self, rows: Floats) -> Floats:
        """Return what each channel of rows ``[N, L, F]`` adds, ``[N, F]``."""
        ...

    def arrays(self) -> dict[str, Floats]:
        """Return the numbers that make up the gauge."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Square:
    """The mean of squares."""

    weights: Floats  # [F] what each channel's squares count

    def read(self, rows: Floats) -> Floats:
        """Return what each channel adds."""
        size = rows.shape[1] * rows.shape[2]
        return np.asarray((rows**2).sum(axis=1) * self.weights / size)

    def arrays(self) -> dict[str, Floats]:
        """Return the numbers that make up the gauge."""
        return {"weights": self.weights}


@dataclass(frozen=True, slots=True, eq=False)
class Mahalanobis:
    """The squared Mahalanobis distance, which is Hotelling's T2, shared out over the channels.

    The shares are squares of the whitened row that stays closest to the row itself (the corr-max
    transformation of Garthwaite and Koch 2016), so they add up to the distance and none of them
    is negative.
    """

    centre: Floats  # [L F]
    turn: Floats  # [L F, L F]; turn turn' is the inverse of the covariance

    def read(self, rows: Floats) -> Floats:
        """Return what each channel adds."""
        count, lags, channels = rows.shape
        apart = _multiply(rows.reshape(count, lags * channels) - self.centre, self.turn)
        apart = apart.reshape(rows.shape)
        return np.asarray(np.einsum("nlf,nlf->nf", apart, apart))

    def arrays(self) -> dict[str, Floats]:
        """Return the numbers that make up the gauge."""
        return {"centre": self.centre, "turn": self.turn}


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The mean distance to the nearest of some normal rows; lags count nothing."""

    references: Floats  # [R, F] in measures of their own
    measure: Floats  # [F] what values are multiplied by before they are compared
    count: int  # nearest ones that are looked at, at most R

    def read(self, rows: Floats) -> Floats:
        """Return what each channel adds: its share of the squared distance to the nearest."""
        now = rows[:, 0] * self.measure
        return self._share(now, self._find(now, self.count))

    def read_own(self, rows: Floats) -> Floats:
        """Return the same for rows of which some are references: none is its own neighbour."""
        now = rows[:, 0] * self.measure
        found = self._find(now, min(self.count + 1, len(self.references)))
        gap = now - self.references[found[:, 0]]
        itself = (gap**2).sum(axis=1) <= _LEAST_VARIANCE
        others = np.where(itself[:, None], found[:, 1:], found[:, :-1])
        return self._share(now, others if others.shape[1] else found)

    def nearest(self) -> "Neighbours":
        """Return the gauge that looks at the nearest one alone, which is quicker."""
        return Neighbours(self.references, self.measure, 1)

    def arrays(self) -> dict[str, Floats]:
        """Return the numbers that make up the gauge."""
        return {"references": self.references, "measure": self.measure}

    def _share(self, now: Floats, nearest: Indices) -> Floats:
        """Return what each channel of rows ``[N, F]`` adds to the distance to some references."""
        squares = (now[:, None] - self.references[nearest]) ** 2  # [N, K, F]
        distance = np.sqrt(squares.sum(axis=2)).mean(axis=1)
        return share_out(distance, squares[:, 0])

    def _find(self, now: Floats, count: int) -> Indices:
        """Return which references are nearest to rows ``[N, F]``, ``[N, count]``, nearest first.

        Looked for in f32 and in blocks that stay in the processor's cache: what is near need not
        be known exactly to be found.
        """
        channels = now.shape[1]
        lengths = (self.references**2).sum(axis=1)
        matrix = np.vstack([-2 * self.references.T, lengths]).astype(np.float32)
        padded = np.ones((-(-len(now) // _FOUND_ROWS) * _FOUND_ROWS, channels + 1), np.float32)
        padded[: len(now), :channels] = now
        found = np.empty((len(padded), count), np.int64)
        far = np.empty((_FOUND_ROWS // _BLOCK_ROWS, _BLOCK_ROWS, len(lengths)), np.float32)
        every = np.arange(_FOUND_ROWS)
        for start in range(0, len(padded), _FOUND_ROWS):
            rows = padded[start : start + _FOUND_ROWS]
            np.matmul(rows.reshape(-1, _BLOCK_ROWS, channels + 1), matrix, out=far)
            squares = far.reshape(_FOUND_ROWS, -1)
            for rank in range(count):
                nearest = squares.argmin(axis=1)
                found[start : start + _FOUND_ROWS, rank] = nearest
                squares[every, nearest] = np.inf
        return found[: len(now)]


def _multiply(rows: Floats, matrix: Floats) -> Floats:
    """Return ``rows @ matrix``, a row's bits depending on that row alone.

    A product may round a row otherwise when there are more or fewer of them, so they are
    multiplied in blocks of one size.
    """
    count = len(rows)
    padded = np.pad(rows, ((0, -count % _BLOCK_ROWS), (0, 0)))
    blocks = padded.reshape(-1, _BLOCK_ROWS, rows.shape[1]) @ matrix
    return np.asarray(blocks.reshape(-1, matrix.shape[1])[:count])


def share_out(distance: Floats, squares: Floats) -> Floats:
    """Return distances ``[N]`` as ``[N, F]``, in proportion to ``squares [N, F]``."""
    whole = squares.sum(axis=1, keepdims=True)
    even = np.full_like(squares, 1 / squares.shape[1])
    shares = np.divide(squares, whole, out=even, where=whole > 0)
    return np.asarray(shares * distance[:, None])


def fit_mahalanobis(
    rows: Floats, shrinkage: float, slack: Floats | float = 0.0, *, alone: bool = False
) -> Mahalanobis:
    """Return the gauge of normal rows ``[N, L, F]``; ``alone`` takes channels for independent.

    Alone, a channel's centre and spread are its median and its median deviation (robust z).
    The covariance is drawn towards that of channels which are independent and vary alike, by
    ``shrinkage``: what hardly moves in training is not held to not moving at all. ``slack [F]`` is
    added to each channel's variance, at each lag.
    """
    flat = rows.reshape(len(rows), -1)
    centre = np.median(flat, axis=0) if alone else flat.mean(axis=0)
    apart = flat - centre
    if alone:
        own = np.diag((np.median(np.abs(apart), axis=0) / NORMAL_QUARTILE) ** 2)
    else:
        own = apart.T @ apart / len(flat)
    even = max(float(np.trace(own)) / len(own), _LEAST_VARIANCE)
    wide = shrinkage * even + np.broadcast_to(slack, rows.shape[1:]).ravel()
    covariance = (1 - shrinkage) * own + np.diag(wide)
    deviation = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    root = (vectors / np.sqrt(np.maximum(values, _LEAST_VARIANCE))) @ vectors.T
    return Mahalanobis(centre, root / deviation[:, None])


def fit_neighbours(
    rows: Floats, references: int, count: int, weights: Floats | float = 1.0
) -> Neighbours:
    """Return the gauge whose references are ``references`` of the rows ``[N, L, F]``, spread.

    ``weights [F]`` are what each channel's squares count in a distance.
    """
    some: Indices = np.unique(np.linspace(0, len(rows) - 1, references).round().astype(np.int64))
    measure = np.sqrt(np.broadcast_to(weights, rows.shape[2:]))
    chosen = rows[some, 0] * measure
    return Neighbours(chosen, measure, min(count, len(chosen)))
