"""How near alarms are to events, against alarms at random: affiliation precision and recall.

After Huet, Navarro and Rossi 2022, "Local evaluation of time series anomaly detection algorithms"
(KDD). Time is divided among events: each moment belongs to the nearest. In the zone of an event, a
distance counts as much as the share of moments of the zone that would be at least as far away: 1
at distance 0, about one half for an alarm at random. Precision is the mean of that over alarms, of
their distance to the event; recall the mean over the event, of its distance to the alarms.
All integrals are in closed form, over continuous time: row i is [i, i + 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.arrays import Floats
from tocsin_models.metrics.intervals import as_intervals


@dataclass(frozen=True, slots=True)
class Affiliation:
    """Precision and recall of each event's zone, in order."""

    precisions: Sequence[float]  # NaN for a zone without alarm
    recalls: Sequence[float]  # 0 for a zone without alarm

    @property
    def precision(self) -> float:
        """Mean over zones with an alarm; NaN without any."""
        known = [each for each in self.precisions if not np.isnan(each)]
        return float(np.mean(known)) if known else float("nan")

    @property
    def recall(self) -> float:
        """Mean over all zones; NaN without events."""
        return float(np.mean(self.recalls)) if len(self.recalls) else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean; NaN without events, 0 without alarms."""
        if not len(self.recalls):
            return float("nan")
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both > 0 else 0.0


def score_affiliation(events: ArrayLike, alarms: ArrayLike, span: tuple[int, int]) -> Affiliation:
    """Return the affiliation of ``alarms [m, 2]`` to ``events [n, 2]``.

    Args:
        events: Intervals in order.
        alarms: Intervals in order, in the same unit.
        span: Begin and end of the series, in the same unit; (0, n) for n rows.

    Raises:
        ValueError: If one is no list of intervals in order, or reaches out of the span.
    """
    wanted, raised = as_intervals("events", events), as_intervals("alarms", alarms)
    for name, spans in (("events", wanted), ("alarms", raised)):
        if len(spans) and (spans[0, 0] < span[0] or spans[-1, 1] > span[1]):
            raise ValueError(f"{name}: some reach beyond the span {span}")
    # counted from the begin of the span: nanoseconds since 1970 would leave no digits to a float
    zones = _divide((wanted - span[0]).astype(np.float64), float(span[1] - span[0]))
    times = (raised - span[0]).astype(np.float64)
    pieces = [zone.cut(times) for zone in zones]
    return Affiliation(
        [zone.precision(each) for zone, each in zip(zones, pieces, strict=True)],
        [zone.recall(each) for zone, each in zip(zones, pieces, strict=True)],
    )


def _positive_area(begin: Floats, end: Floats) -> Floats:
    """Return the integral of max(x, 0) from begin to end, each ``[m]``."""
    return np.asarray((np.maximum(end, 0) ** 2 - np.maximum(begin, 0) ** 2) / 2)


@dataclass(frozen=True, slots=True)
class _Zone:
    """An event and the time that is nearer to it than to any other."""

    low: float
    high: float
    begin: float
    end: float

    def cut(self, alarms: Floats) -> Floats:
        """Return the parts of ``alarms [m, 2]`` that lie within the zone."""
        first = np.searchsorted(alarms[:, 1], self.low, side="right")
        last = np.searchsorted(alarms[:, 0], self.high, side="left")
        return np.clip(alarms[first:last], self.low, self.high)

    def precision(self, pieces: Floats) -> float:
        """Return the precision of alarms ``[m, 2]`` within the zone, NaN without any."""
        if not len(pieces):
            return float("nan")
        starts, stops = pieces.T
        before = self._far_shares(self.begin - np.minimum(stops, self.begin), self.begin - starts)
        after = self._far_shares(np.maximum(starts, self.end) - self.end, stops - self.end)
        within = np.minimum(stops, self.end) - np.maximum(starts, self.begin)
        total = before + after + np.maximum(within, 0)
        return float(total.sum() / (stops - starts).sum())

    def _far_shares(self, near: Floats, far: Floats) -> Floats:
        """Return the integral over distances near .. far of the share that is at least as far."""
        far = np.maximum(far, near)
        left, right = self.begin - self.low, self.high - self.end
        area = _positive_area(left - far, left - near) + _positive_area(right - far, right - near)
        return np.asarray(area / (self.high - self.low))

    def recall(self, pieces: Floats) -> float:
        """Return the recall of the event by alarms ``[m, 2]`` within the zone, 0 without any."""
        if not len(pieces):
            return 0.0
        starts, stops = pieces.T
        middles = (stops[:-1] + starts[1:]) / 2  # up to where a piece is the nearest one
        covered = np.minimum(stops, self.end) - np.maximum(starts, self.begin)
        ahead = self._clipped(np.r_[self.low, middles], starts)
        behind = self._clipped(stops, np.r_[middles, self.high])
        mirrored = _Zone(-self.high, -self.low, -self.end, -self.begin)
        total = np.maximum(covered, 0)
        total += self._shares_ahead_of(starts, *ahead)
        total += mirrored._shares_ahead_of(-stops, -behind[1], -behind[0])
        return float(total.sum() / (self.end - self.begin))

    def _clipped(self, begin: Floats, end: Floats) -> tuple[Floats, Floats]:
        """Return what lies within the event; nothing is left where both are equal."""
        begin = np.clip(begin, self.begin, self.end)
        return begin, np.maximum(np.clip(end, self.begin, self.end), begin)

    def _shares_ahead_of(self, starts: Floats, begin: Floats, end: Floats) -> Floats:
        """Return the integral over y = begin .. end of the share that is as far from y as start.

        With begin <= end <= start. Of the zone, that is all beyond start, and on the other side
        all before y - (start - y).
        """
        beyond = (end - begin) * (self.high - starts)
        mirror = starts + self.low
        before = _positive_area(2 * begin - mirror, 2 * end - mirror) / 2
        return np.asarray((beyond + before) / (self.high - self.low))


def _divide(events: Floats, length: float) -> list[_Zone]:
    """Return the zones of events: borders lie in the middle between them."""
    middles = (events[:-1, 1] + events[1:, 0]) / 2
    lows, highs = [0.0, *middles.tolist()], [*middles.tolist(), length]
    return [
        _Zone(low, high, begin, end)
        for low, high, (begin, end) in zip(lows, highs, events.tolist(), strict=False)
    ]
