"""Rows in alarm against rows that are labelled abnormal, and what may be given as rows.

Labels, scores and alarms are one-dimensional and of one length; row t of each is the same moment.
A score of NaN means unknown: it ranks below every other score and raises no alarm. For an abnormal
row that is the worst there is; for a normal one it costs nothing, so whoever compares detectors
looks at the share of unknown rows too.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.arrays import Flags, Floats


def as_flags(name: str, values: ArrayLike) -> Flags:
    """Return ``values [n]`` of 0 and 1, or of booleans, as booleans.

    Raises:
        ValueError: If there is another value among them, or they are not one-dimensional.
    """
    flags = np.asarray(values)
    if flags.ndim != 1:
        raise ValueError(f"{name}: give one value a row, not an array of shape {flags.shape}")
    if flags.dtype == np.bool_ or flags.size == 0:
        return flags.astype(np.bool_)
    if flags.dtype.kind not in "iuf" or not ((flags == 0) | (flags == 1)).all():
        raise ValueError(f"{name}: give 0 or 1, or booleans; there is another value among them")
    return np.asarray(flags == 1)


def as_scores(values: ArrayLike) -> Floats:
    """Return ``values [n]`` as f64, with -inf in place of NaN: unknown ranks lowest.

    Raises:
        ValueError: If they are not one-dimensional.
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"score: give one value a row, not an array of shape {scores.shape}")
    return np.where(np.isnan(scores), -np.inf, scores)


def check_lengths(**rows: Flags | Floats) -> None:
    """Raise a ValueError that says so if not all of these have as many rows."""
    if len({len(each) for each in rows.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(each)}" for name, each in rows.items())
        raise ValueError(f"rows do not match: {lengths}")


def raise_alarms(score: ArrayLike, limit: float) -> Flags:
    """Return for each row whether its score has reached ``limit``; unknown raises no alarm."""
    scores = np.asarray(score, dtype=np.float64)
    return np.asarray(scores >= limit)  # false for NaN


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``, or NaN where there is nothing to be a part of."""
    return float(part / whole) if whole else float("nan")


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows were rightly and wrongly in alarm; counts of several series add up.

    Every rate is NaN where its question does not arise, never 0 or 1.
    """

    hit: int = 0  # abnormal, in alarm
    false: int = 0  # normal, in alarm
    missed: int = 0  # abnormal, calm
    calm: int = 0  # normal, calm

    def __add__(self, other: Self) -> "RowCounts":
        return RowCounts(
            self.hit + other.hit,
            self.false + other.false,
            self.missed + other.missed,
            self.calm + other.calm,
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall of rows; NaN without abnormal rows."""
        if self.hit + self.missed == 0:
            return float("nan")
        return ratio(self.hit, self.hit + (self.false + self.missed) / 2)

    @property
    def false_alarm_rate(self) -> float:
        """Share of the normal rows that are in alarm; NaN without normal rows."""
        return ratio(self.false, self.false + self.calm)

    @property
    def missed_alarm_rate(self) -> float:
        """Share of the abnormal rows that are not in alarm; NaN without abnormal rows."""
        return ratio(self.missed, self.hit + self.missed)


def count_rows(label: ArrayLike, alarm: ArrayLike) -> RowCounts:
    """Return the counts for ``label [n]`` and ``alarm [n]``.

    Raises:
        ValueError: If they have not as many rows, or are no flags.
    """
    labels, alarms = as_flags("label", label), as_flags("alarm", alarm)
    check_lengths(label=labels, alarm=alarms)
    hit, abnormal, raised = (int(flags.sum()) for flags in (labels & alarms, labels, alarms))
    return RowCounts(hit, raised - hit, abnormal - hit, len(labels) - abnormal - raised + hit)
