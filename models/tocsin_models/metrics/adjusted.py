"""Point adjustment at K percent: kept to compare with papers, never to be headlined.

Point adjustment counts every row of an event as flagged if one is. Kim et al. 2022, "Towards a
rigorous evaluation of time-series anomaly detection" (AAAI), show that a random score then reaches
the best published ones, and adjust an event only if more than K percent of its rows are flagged:
K = 0 is the old rule and K = 100 no adjustment at all. The area over all K hides no choice.
"""

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.arrays import Floats, Indices
from tocsin_models.metrics.intervals import find_runs
from tocsin_models.metrics.rows import RowCounts, as_flags, check_lengths, count_rows


def f1_adjusted(label: ArrayLike, alarm: ArrayLike, k: float) -> float:
    """Return the F1 of rows, adjusted at ``k`` percent; NaN without abnormal rows.

    Raises:
        ValueError: If they have not as many rows, are no flags, or k is not within 0 .. 100.
    """
    if not 0 <= k <= 100:
        raise ValueError(f"k is a percentage from 0 to 100, not {k}")
    lengths, hits = _event_hits(label, alarm)
    return _f1(label, alarm, int((lengths - hits)[hits * 100 > k * lengths].sum()))


def f1_adjusted_area(label: ArrayLike, alarm: ArrayLike) -> float:
    """Return the mean of the adjusted F1 over all K from 0 to 100; NaN without abnormal rows.

    The curve falls in steps, at the share of each event that is flagged: the area is exact.

    Raises:
        ValueError: If they have not as many rows, or are no flags.
    """
    lengths, hits = _event_hits(label, alarm)
    shares: Floats = np.unique(np.r_[0.0, hits / lengths, 1.0])
    steps = [
        _f1(label, alarm, int((lengths - hits)[hits / lengths > share].sum()))
        for share in shares[:-1]
    ]
    return float(np.dot(np.diff(shares), steps))


def _event_hits(label: ArrayLike, alarm: ArrayLike) -> tuple[Indices, Indices]:
    """Return the rows of each event, and how many of them are in alarm."""
    labels, alarms = as_flags("label", label), as_flags("alarm", alarm)
    check_lengths(label=labels, alarm=alarms)
    events = find_runs(labels)
    counts = np.r_[0, (labels & alarms).cumsum()]
    return events[:, 1] - events[:, 0], counts[events[:, 1]] - counts[events[:, 0]]


def _f1(label: ArrayLike, alarm: ArrayLike, adjusted: int) -> float:
    """Return the F1 with as many missed rows counted as hit."""
    raw = count_rows(label, alarm)
    return RowCounts(raw.hit + adjusted, raw.false, raw.missed - adjusted, raw.calm).f1
