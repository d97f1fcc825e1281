"""The rules by which the SKAB leaderboard turns errors of windows into rows, and scores changes.

SKAB (Katser and Kozitsin 2020, "Skoltech anomaly benchmark") pools rows of all its recordings into
one ``RowCounts``. Its rule for models of windows looks ahead: row i
is judged by windows that end as late as row i + T - 2. Nothing that watches a stream can do
that, so its figures serve to compare with the leaderboard and nothing else;
``flag_causally`` is the same decision when it can be taken.
"""

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.arrays import Flags
from tocsin_models.metrics.intervals import Intervals, as_intervals
from tocsin_models.metrics.nab import (
    STANDARD,
    NabProfile,
    NabTally,
    find_first_rows,
    sum_worth,
)
from tocsin_models.metrics.rows import as_flags


def flag_officially(errors: ArrayLike, limit: float, window: int) -> Flags:
    """Return the rows that SKAB's rule flags: looks ahead by ``window - 2`` rows.

    Row i is flagged if the errors of all windows that begin at rows i - T + 1 .. i - 1 exceed the
    limit. All of these have to be there, so nothing is flagged in the first T - 1 rows nor, as the
    rule stops T - 1 windows early, in the last 2 (T - 1).

    Args:
        errors: Error of the window that begins at each row, stride 1, ``[n - T + 1]``; NaN, or
            unknown, does not exceed.
        limit: What has to be exceeded.
        window: T, at least 2.

    Returns:
        One flag a row, ``[n]``.

    Raises:
        ValueError: If errors are not one-dimensional or the window is shorter than 2.
    """
    above = _exceed(errors, limit, window)
    flags = np.zeros(len(above) + window - 1, np.bool_)
    needed = window - 1
    counts = np.r_[0, above.cumsum()]
    rows = np.arange(needed, len(above) - needed)
    flags[rows] = counts[rows] - counts[rows - needed] == needed
    return flags


def flag_causally(errors: ArrayLike, limit: float, window: int) -> Flags:
    """Return the rows whose own window, the one that ends with them, exceeds the limit.

    Arguments, result and errors as in ``flag_officially``. The first T - 1 rows have no window
    and are not flagged: give windows that begin before the rows in question, as a stream has
    them, and leave out as many rows of the result.
    """
    above = _exceed(errors, limit, window)
    return np.concatenate([np.zeros(window - 1, np.bool_), above])


def find_changes(alarm: ArrayLike) -> Flags:
    """Return where ``alarm [n]`` differs from the row before: SKAB's prediction of changes."""
    alarms = as_flags("alarm", alarm)
    changed: Flags = np.diff(alarms, prepend=alarms[:1])
    return changed


def change_windows(changepoint: ArrayLike, width: int) -> Intervals:
    """Return where the detection of each change is wanted: the ``width`` rows that begin with it.

    Where the next change comes sooner, its window begins where the one before ends. The last may
    end after the last row.

    Args:
        changepoint: Whether something changed at each row, ``[n]``.
        width: SKAB takes 60 s, which is 60 rows but for holes in its recordings.

    Raises:
        ValueError: If changes are no flags, or the width is not above 0.
    """
    if width < 1:
        raise ValueError(f"changes: a window must have at least one row, not {width}")
    begins = np.flatnonzero(as_flags("changepoint", changepoint))
    ends = begins + width
    begins[1:] = np.maximum(begins[1:], ends[:-1])
    return np.stack([begins, ends], axis=1)


def tally_changes(
    windows: ArrayLike, changed: ArrayLike, profile: NabProfile = STANDARD
) -> NabTally:
    """Return what detections of changes are worth by SKAB's variant of the NAB score.

    The first detection in a window is worth ``hit`` at its first row and falls, along a hyperbolic
    tangent from -pi/2 to pi/2, to ``-false_alarm`` at its end. Every detection outside costs
    ``false_alarm``, and a window without one ``miss``. There is no probation.

    Args:
        windows: Intervals of rows in order, ``[m, 2]``; ``change_windows`` makes them.
        changed: Whether a change is detected at each row, ``[n]``; ``find_changes``.
        profile: What each kind of success and failure counts.

    Raises:
        ValueError: If windows are no intervals in order, or detections no flags.
    """
    spans = as_intervals("windows", windows)
    rows = np.flatnonzero(as_flags("changed", changed)).astype(np.int64)
    found, first, outside = find_first_rows(spans, rows)
    begin, length = spans[found, 0], spans[found, 1] - spans[found, 0]
    place = (first - begin) / length
    fall = (1 - np.tanh(np.pi * (place - 0.5)) / np.tanh(np.pi / 2)) / 2  # from 1 to 0
    worth = fall * (profile.hit + profile.false_alarm) - profile.false_alarm
    costs = np.full(len(outside), profile.false_alarm)
    return sum_worth(profile, len(spans), worth, costs)


def _exceed(errors: ArrayLike, limit: float, window: int) -> Flags:
    values = np.asarray(errors, dtype=np.float64)
    if values.ndim != 1 or window < 2:
        raise ValueError("skab: give one error a window, and windows of at least 2 rows")
    return np.asarray(values > limit)  # false for NaN
