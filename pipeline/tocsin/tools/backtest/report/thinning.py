"""Fewer rows for a picture, without losing what stands out."""

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.arrays import Flags, Floats, Indices

_DIGITS = 5


def choose_rows(most: int, *columns: Floats) -> Indices:
    """Return the rows of ``columns``, each [N], that are enough to draw them.

    Of every bucket of neighbouring rows these are the first and, of each column, the lowest and the
    highest, so that a spike of one row is there however long the recording is.
    """
    rows = len(columns[0])
    if rows <= most:
        return np.arange(rows)
    edges = bucket_edges(rows, max(1, most // (1 + 2 * len(columns))))
    extremes = [_lowest(sign * column, edges) for column in columns for sign in (1.0, -1.0)]
    return np.unique(np.concatenate([edges[:-1], [rows - 1], *extremes]))


def bucket_edges(rows: int, buckets: int) -> Indices:
    """Return where each of ``buckets`` (or as many as there are rows) begins, and the end."""
    return np.linspace(0, rows, min(buckets, rows) + 1).astype(np.int64)


def _lowest(values: Floats, edges: Indices) -> Indices:
    """Return the row with the lowest value between each two edges."""
    lengths = np.diff(edges)
    width = int(lengths.max())
    places = edges[:-1, None] + np.minimum(np.arange(width), lengths[:, None] - 1)
    inside = np.where(np.isnan(values), np.inf, values)[places]
    return np.asarray(np.take_along_axis(places, inside.argmin(axis=1)[:, None], axis=1)[:, 0])


def highest(values: Floats, edges: Indices) -> Floats:
    """Return the highest of ``values [N, K]`` between each two edges; NaN where there is none."""
    lowered = np.where(np.isnan(values), -np.inf, values)
    found = np.maximum.reduceat(lowered, edges[:-1], axis=0)
    return np.where(np.isneginf(found), np.nan, found)


def round_off(values: ArrayLike, digits: int = _DIGITS) -> Floats:
    """Return values with so many significant digits: a picture needs no more."""
    wide = np.asarray(values, np.float64)
    plain: Flags = np.isfinite(wide) & (np.abs(wide) > 1e-280)
    size = np.floor(np.log10(np.abs(np.where(plain, wide, 1.0))))
    places = digits - 1 - size
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    return np.where(plain, np.round(wide * up / down) / up * down, np.where(wide == 0, 0, wide))
