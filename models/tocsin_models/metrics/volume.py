"""The volume under the surface: ranking measures that forgive labels that are off by a little.

After Paparrizos et al. 2022, "Volume under the surface: a new accuracy evaluation measure for
time-series anomaly detection" (PVLDB 15), in the form of the TSB-AD benchmark (Liu and Paparrizos
2024). For a window w, rows up to h = w // 2 beside an event count as abnormal with the weight
sqrt(1 - d / w) at the distance d; where such margins of several events meet, weights add up to at
most 1. At each of 250 thresholds, with p abnormal rows and the set F of flagged rows:

    hits = weight of all rows in F
    recall = min(1, hits / (p + half the weight of margins in F)) * share of events found
    precision = hits / |F|

where events whose margins overlap are one event, found if one row of it or its margin is flagged.
The volume is the mean over w = 0 .. window of the area under that curve.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.arrays import Flags, Floats, Indices
from tocsin_models.metrics.intervals import Intervals, find_runs
from tocsin_models.metrics.rows import as_flags, as_scores, check_lengths

_THRESHOLDS = 250
_ACF_ROWS, _ACF_LAGS, _FIRST_LAG = 20_000, 400, 3
_NO_PERIOD = 125


@dataclass(frozen=True, slots=True)
class Volumes:
    """Both volumes; NaN where rows are all normal or all abnormal."""

    pr: float
    roc: float


def vus_pr(label: ArrayLike, score: ArrayLike, window: int) -> float:
    """Return the volume under the precision-recall surface; see ``vus``."""
    return vus(label, score, window).pr


def vus_roc(label: ArrayLike, score: ArrayLike, window: int) -> float:
    """Return the volume under the receiver operating characteristic; see ``vus``."""
    return vus(label, score, window).roc


def vus(label: ArrayLike, score: ArrayLike, window: int) -> Volumes:
    """Return both volumes.

    Args:
        label: Whether each row is abnormal, ``[n]``.
        score: High means abnormal, ``[n]``; NaN ranks lowest.
        window: The widest margin in rows, both sides together; ``vus_window`` finds one.

    Raises:
        ValueError: If they have not as many rows, or the window is negative.
    """
    labels, scores = as_flags("label", label), as_scores(score)
    check_lengths(label=labels, score=scores)
    if window < 0:
        raise ValueError(f"vus: the window must not be negative, as {window} is")
    if labels.all() or not labels.any():
        return Volumes(float("nan"), float("nan"))
    first, events = _first_flagged(scores), find_runs(labels)
    flagged = _accumulate(first)
    margins = _flagged_margins(labels, first, events, window)
    hits = _accumulate(first[labels]) + margins
    abnormal = labels.sum() + margins / 2
    found = _found_shares(events, first, window)
    recall = np.minimum(hits / abnormal, 1) * found
    fallout = (flagged - hits) / (len(labels) - abnormal)
    return Volumes(_area_pr(recall, hits / flagged), _area_roc(recall, fallout))


def _first_flagged(scores: Floats) -> Indices:
    """Return the first threshold, from the highest, that each row reaches, ``[n]``.

    Thresholds are every n/250-th of the sorted scores, the highest and the lowest among them.
    """
    places = np.linspace(0, len(scores) - 1, _THRESHOLDS).astype(np.int64)
    falling = -np.sort(-scores)[places]
    return np.searchsorted(-falling, -scores).astype(np.int64)


def _accumulate(first: Indices) -> Floats:
    """Return how many of these rows are flagged at each threshold, ``[K]``."""
    return np.bincount(first, minlength=_THRESHOLDS).cumsum().astype(np.float64)


def _flagged_margins(labels: Flags, first: Indices, events: Intervals, window: int) -> Floats:
    """Return the weight of flagged rows beside events for each window and threshold, ``[W+1, K]``.

    Two weights make at least sqrt(2), so all that matters of a row is how far the nearest and the
    second nearest margin begin. Rows alike in that are counted together.
    """
    half = window // 2
    nearest, second, rows = _margin_distances(labels, events, half)
    kinds, kind = np.unique(nearest * (half + 2) + second, return_inverse=True)
    counts = np.bincount(kind * _THRESHOLDS + first[rows], minlength=len(kinds) * _THRESHOLDS)
    nearest, second = np.divmod(kinds, half + 2)
    windows = np.arange(window + 1)[:, None]
    alone = np.sqrt(np.maximum(1 - nearest / np.maximum(windows, 1), 0))
    weights = np.where(nearest <= windows // 2, alone, 0)
    weights[second <= windows // 2] = 1
    table = counts.reshape(len(kinds), _THRESHOLDS).astype(np.float64)
    return np.asarray((weights @ table).cumsum(axis=1))


def _margin_distances(
    labels: Flags, events: Intervals, half: int
) -> tuple[Indices, Indices, Indices]:
    """Return the nearest and second nearest distance to an event, and the rows these belong to.

    Only of normal rows at most ``half`` from an event; ``half + 1`` is anything farther.
    """
    begins, lasts, far = events[:, 0], events[:, 1] - 1, len(labels) + half
    rows = np.flatnonzero(~labels)
    after = np.searchsorted(begins, rows)  # the event that comes next
    lasts, begins = np.r_[-far, -far, lasts], np.r_[begins, far + rows[-1], far + rows[-1]]
    gaps = np.stack(
        [
            rows - lasts[after + 1],
            rows - lasts[after],
            begins[after] - rows,
            begins[after + 1] - rows,
        ]
    )
    gaps = np.minimum(np.sort(gaps, axis=0)[:2], half + 1)
    near = gaps[0] <= half
    return gaps[0, near], gaps[1, near], rows[near]


def _found_shares(events: Intervals, first: Indices, window: int) -> Floats:
    """Return the share of events found for each window and threshold, ``[W+1, K]``."""
    padded = np.append(first, _THRESHOLDS)  # so that an event may end with the last row
    shares = [_found_share(events, padded, half) for half in range(window // 2 + 1)]
    return np.stack(shares)[np.arange(window + 1) // 2]


def _found_share(events: Intervals, padded: Indices, half: int) -> Floats:
    """Return the share of events found for each threshold, with margins of ``half`` rows."""
    begins = np.maximum(events[:, 0] - half, 0)
    ends = np.minimum(events[:, 1] + half, len(padded) - 1)
    apart = events[:-1, 1] + half <= events[1:, 0] - half
    edges = np.stack([begins[np.r_[True, apart]], ends[np.r_[apart, True]]], axis=1)
    earliest = np.minimum.reduceat(padded, edges.ravel())[::2]
    return _accumulate(earliest) / len(edges)


def _area_pr(recall: Floats, precision: Floats) -> float:
    """Return the mean over windows of the steps of recall times the precision there."""
    return float((np.diff(recall, axis=1, prepend=0) * precision).sum(axis=1).mean())


def _area_roc(recall: Floats, fallout: Floats) -> float:
    """Return the mean over windows of the area by trapezoids, from (0, 0) to (1, 1)."""
    border = ((0, 0), (1, 1))
    high = np.pad(recall, border, constant_values=((0, 0), (0, 1)))
    wide = np.pad(fallout, border, constant_values=((0, 0), (0, 1)))
    strips = np.diff(wide, axis=1) * (high[:, 1:] + high[:, :-1]) / 2
    return float(strips.sum(axis=1).mean())


def vus_window(channel: ArrayLike) -> int:
    """Return the window that TSB-AD takes for a series: its dominant period in rows.

    That is the lag of the highest local maximum of the autocorrelation of the first 20,000 rows,
    among 400 lags of which the first three do not count; 125 where there is none, or where it
    lies less than 3 or more than 300 rows behind those three. The rule looks at the whole series,
    test rows included: it makes a parameter of the measure, not of a detector.

    Args:
        channel: The first channel of the series, ``[n]``; rows without a finite value count as
            the mean.
    """
    values = np.asarray(channel, dtype=np.float64)[:_ACF_ROWS]
    finite = np.isfinite(values)
    if not finite.any() or np.ptp(values[finite]) == 0:
        return _NO_PERIOD
    curve = _autocorrelation(np.where(finite, values - values[finite].mean(), 0))[_FIRST_LAG:]
    peaks = np.flatnonzero((curve[1:-1] > curve[:-2]) & (curve[1:-1] > curve[2:])) + 1
    if not len(peaks):
        return _NO_PERIOD
    highest = int(peaks[curve[peaks].argmax()])
    return highest + _FIRST_LAG if 3 <= highest <= 300 else _NO_PERIOD


def _autocorrelation(centred: Floats) -> Floats:
    """Return the autocorrelation at lags 0 .. 400, or as many as there are rows."""
    size = 1 << (2 * len(centred) - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    curve = np.fft.irfft(power, size)[: min(_ACF_LAGS + 1, len(centred))]
    return np.asarray(curve / curve[0])
