"""The score of the Numenta Anomaly Benchmark: one reward a window, larger for the earlier alarm.

After Lavin and Ahmad 2015, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly
Benchmark" (ICMLA), with the constants of its program. A row in alarm is a detection. At the place
y, counted in widths of the window from its end, the worth of a detection is -tanh(5 y / 2):

- The first detection within a window is worth that with y from -1 at its first row, as a share of
  the worth there; later ones are worth nothing. A window without detection costs ``miss``.
- Outside windows, every detection costs ``false_alarm`` times the worth after the window before
  it: nearly nothing just behind it, all from three widths on, and all before the first window.
- Rows of the probation, the first 15 % (of at most 5,000 rows), do not count.

100 is every window found at once and nothing else, 0 is never an alarm, and it may be negative.
"""

from dataclasses import dataclass
from math import floor, tanh
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.arrays import Flags, Floats, Indices
from tocsin_models.metrics.intervals import Intervals, as_intervals
from tocsin_models.metrics.rows import as_flags, ratio

_PROBATION, _PROBATION_ROWS = 0.15, 5_000
_STEEPNESS = 2.5
_FORGIVEN_WIDTHS = 3.0


@dataclass(frozen=True, slots=True)
class NabProfile:
    """What a detection at once is worth, and what a false alarm and a miss cost."""

    hit: float = 1.0
    false_alarm: float = 0.11
    miss: float = 1.0


STANDARD = NabProfile()
LOW_FALSE_ALARMS = NabProfile(false_alarm=0.22)
LOW_MISSES = NabProfile(miss=2.0)


@dataclass(frozen=True, slots=True)
class NabTally:
    """What detections were worth; tallies of several series under one profile add up."""

    raw: float = 0.0
    perfect: float = 0.0  # worth of finding every window at once
    silent: float = 0.0  # worth of never an alarm

    def __add__(self, other: Self) -> "NabTally":
        return NabTally(
            self.raw + other.raw, self.perfect + other.perfect, self.silent + other.silent
        )

    @property
    def score(self) -> float:
        """The worth between silence, 0, and perfection, 100; NaN without windows."""
        return ratio(100 * (self.raw - self.silent), self.perfect - self.silent)


def tally_nab(
    windows: ArrayLike,
    alarm: ArrayLike,
    profile: NabProfile = STANDARD,
    probation: float = _PROBATION,
) -> NabTally:
    """Return what ``alarm [n]`` is worth.

    Args:
        windows: Intervals of rows in order, ``[m, 2]``: where a detection is wanted.
        alarm: Whether each row is in alarm.
        profile: What each kind of success and failure counts.
        probation: Share of the rows, from the first, that does not count.

    Raises:
        ValueError: If windows are no intervals in order, or alarms no flags.
    """
    spans, alarms = as_intervals("windows", windows), as_flags("alarm", alarm)
    rows = _detections(alarms, probation)
    found, first, outside = find_first_rows(spans, rows)
    begin, width = spans[found, 0], spans[found, 1] - spans[found, 0]
    rewards = -np.tanh(_STEEPNESS * ((first - begin) / width - 1)) / tanh(_STEEPNESS)
    costs = _false_costs(spans, outside)
    return sum_worth(profile, len(spans), profile.hit * rewards, profile.false_alarm * costs)


def sum_worth(profile: NabProfile, windows: int, worth: Floats, costs: Floats) -> NabTally:
    """Return the tally of the worth of each window that was found and the cost of false alarms."""
    silent = -profile.miss * windows
    gained = worth.sum() + profile.miss * len(worth) - costs.sum()
    return NabTally(float(silent + gained), profile.hit * windows, silent)


def find_first_rows(windows: Intervals, rows: Indices) -> tuple[Indices, Indices, Indices]:
    """Return the windows with one of the rows, the first row in each, and the rows in none."""
    window = np.searchsorted(windows[:, 0], rows, side="right") - 1
    ends = np.append(windows[:, 1], -1)  # before the first window is in none
    inside = rows < ends[window]
    found, first = np.unique(window[inside], return_index=True)
    return found.astype(np.int64), rows[inside][first], rows[~inside]


def _detections(alarms: Flags, probation: float) -> Indices:
    begin = floor(probation * min(len(alarms), _PROBATION_ROWS))
    return begin + np.flatnonzero(alarms[begin:]).astype(np.int64)


def _false_costs(windows: Intervals, rows: Indices) -> Floats:
    """Return the share of the full cost for each row outside windows."""
    before = np.searchsorted(windows[:, 1], rows, side="right") - 1
    costs = np.ones(len(rows))
    after = before >= 0
    begin, end = windows[before[after]].T
    widths = (rows[after] - (end - 1)) / np.maximum(end - begin - 1, 1)
    costs[after] = np.where(widths > _FORGIVEN_WIDTHS, 1, np.tanh(_STEEPNESS * widths))
    return costs
