"""Events and alarms as intervals: ``[n, 2]`` of begin and end, the end not included.

They are sorted and do not overlap. The unit is the caller's: rows, or nanoseconds.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tocsin_models.arrays import Flags
from tocsin_models.metrics.rows import as_flags

Intervals = NDArray[np.int64]


def find_runs(flags: ArrayLike) -> Intervals:
    """Return the runs of true rows in ``flags [n]``."""
    rows = as_flags("flags", flags)
    steps = np.diff(rows.astype(np.int8), prepend=0, append=0)
    return np.stack([np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)], axis=1)


def mark_rows(intervals: ArrayLike, rows: int) -> Flags:
    """Return ``rows`` flags that are true within the intervals, which count rows.

    Raises:
        ValueError: If an interval reaches beyond the rows, or they are not in order.
    """
    spans = as_intervals("intervals", intervals)
    if len(spans) and (spans[0, 0] < 0 or spans[-1, 1] > rows):
        raise ValueError(f"intervals: some reach beyond the {rows} rows")
    steps = np.zeros(rows + 1, np.int64)
    np.add.at(steps, spans[:, 0], 1)
    np.add.at(steps, spans[:, 1], -1)
    return steps[:rows].cumsum() > 0


def as_intervals(name: str, values: ArrayLike) -> Intervals:
    """Return ``values [n, 2]`` if they are intervals in order; an empty list is none.

    Raises:
        ValueError: If they have another shape, are no whole numbers, or are not in order.
    """
    spans = np.asarray(values)
    if spans.size == 0:
        return np.empty((0, 2), np.int64)
    if spans.ndim != 2 or spans.shape[1] != 2 or spans.dtype.kind not in "iu":
        raise ValueError(f"{name}: give whole numbers [n, 2], the begin and end of each")
    spans = spans.astype(np.int64)
    if (np.diff(spans.ravel()) < 0).any() or (spans[:, 0] == spans[:, 1]).any():
        raise ValueError(f"{name}: each must end after it begins and before the next begins")
    return spans


def close_gaps(intervals: Intervals, widest: int) -> Intervals:
    """Return the intervals with those made one that are no more than ``widest`` apart."""
    if len(intervals) < 2:
        return intervals
    apart = intervals[1:, 0] - intervals[:-1, 1] > widest
    first, last = np.r_[True, apart], np.r_[apart, True]
    return np.stack([intervals[first, 0], intervals[last, 1]], axis=1)
