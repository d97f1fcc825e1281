"""Events found and missed, how long that took, and alarms that were about nothing.

An alarm that overlaps an event finds it, as in Hundman et al. 2018, "Detecting spacecraft
anomalies using LSTMs and nonparametric dynamic thresholding" (KDD). Kinder than it looks: an alarm
that never ends finds every event at once, so never read this without the false alarm rate of rows
(``RowCounts``), or set ``EventPolicy.lead``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.arrays import Indices
from tocsin_models.metrics.intervals import Intervals, as_intervals, close_gaps, find_runs
from tocsin_models.metrics.rows import as_flags, check_lengths, ratio

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class EventPolicy:
    """When alarms are one alarm, and which of them find an event; in the intervals' unit.

    Alarms no more than ``bridge`` apart are one. An alarm that had stood for more than ``lead``
    when the event began does not find it; None: however long it had stood.
    """

    bridge: int = 0
    lead: int | None = None

    def __post_init__(self) -> None:
        if self.bridge < 0 or (self.lead is not None and self.lead < 0):
            raise ValueError("events: choose bridge >= 0 and lead >= 0, or no lead")


@dataclass(frozen=True, slots=True)
class EventTally:
    """What became of events and alarms; tallies of several series add up.

    ``delays`` are those of the events that were found, from begin to the first alarm within. Every
    ratio is NaN where its question does not arise, never 0 or 1.
    """

    hits: int = 0  # events found
    misses: int = 0  # events not found
    false_alarms: int = 0  # alarms that found no event
    delays: Sequence[int] = ()

    def __add__(self, other: Self) -> "EventTally":
        return EventTally(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            (*self.delays, *other.delays),
        )

    @property
    def events(self) -> int:
        """Number of events."""
        return self.hits + self.misses

    @property
    def precision(self) -> float:
        """Events found / (events found + false alarms); NaN without events or without alarms."""
        return ratio(self.hits, self.hits + self.false_alarms) if self.events else float("nan")

    @property
    def recall(self) -> float:
        """Share of events found; NaN without events."""
        return ratio(self.hits, self.events)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN without events, 0 where none is found."""
        if not self.events:
            return float("nan")
        return ratio(self.hits, self.hits + (self.false_alarms + self.misses) / 2)

    @property
    def median_delay(self) -> float:
        """Median of the delays, NaN without events found: misses have no delay, count them too."""
        return float(np.median(self.delays)) if self.delays else float("nan")

    def false_alarms_per_day(self, length_s: float) -> float:
        """Return the false alarms of one day, for series of ``length_s`` in all; NaN for none."""
        return ratio(self.false_alarms * _DAY_S, length_s)


def tally_events(
    events: ArrayLike, alarms: ArrayLike, policy: EventPolicy | None = None
) -> EventTally:
    """Return what became of ``events [n, 2]`` and ``alarms [m, 2]`` of one series.

    Raises:
        ValueError: If one of them is no list of intervals in order.
    """
    policy = policy or EventPolicy()
    wanted = as_intervals("events", events)
    raised = close_gaps(as_intervals("alarms", alarms), policy.bridge)
    begin, end = _overlaps(wanted, raised, policy.lead)
    found = end > begin
    delays = np.maximum(raised[begin[found], 0] - wanted[found, 0], 0)
    hits = int(found.sum())
    false = len(raised) - _count_covered(begin[found], end[found], len(raised))
    return EventTally(hits, len(wanted) - hits, false, tuple(delays.tolist()))


def tally_rows(label: ArrayLike, alarm: ArrayLike, policy: EventPolicy | None = None) -> EventTally:
    """Return the same for ``label [n]`` and ``alarm [n]``: events and alarms are runs of rows.

    Raises:
        ValueError: If they have not as many rows, or are no flags.
    """
    labels, alarms = as_flags("label", label), as_flags("alarm", alarm)
    check_lengths(label=labels, alarm=alarms)
    return tally_events(find_runs(labels), find_runs(alarms), policy)


def _overlaps(events: Intervals, alarms: Intervals, lead: int | None) -> tuple[Indices, Indices]:
    """Return for each event the alarms that find it: those from one index up to another."""
    begin = np.searchsorted(alarms[:, 1], events[:, 0], side="right")
    end = np.searchsorted(alarms[:, 0], events[:, 1], side="left")
    if lead is not None and len(alarms):  # only the first can have begun before the event
        opened = alarms[np.minimum(begin, len(alarms) - 1), 0]
        begin = begin + (opened < events[:, 0] - lead)
    return begin.astype(np.int64), end.astype(np.int64)


def _count_covered(begin: Indices, end: Indices, count: int) -> int:
    """Return how many of ``count`` places lie within one of the ranges at least."""
    steps = np.zeros(count + 1, np.int64)
    np.add.at(steps, begin, 1)
    np.add.at(steps, end, -1)
    return int((steps.cumsum() > 0).sum())
