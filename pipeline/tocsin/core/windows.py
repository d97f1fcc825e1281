"""Event-time windows: readings in, windows that became due out.

Every asset has its own time, and only its own readings move it. The rules, as if the readings
came one by one; how a log is cut into batches changes no byte:

- A *slot* is ``time_ns // period_ns``. Once the newest accepted time of an asset is M, slots
  before ``(M - lateness_ns) // period_ns`` are *closed*.
- A reading with ``time_ns > arrived_ns + max_ahead_ns`` is of the *future* and rejected. One for
  a closed slot is *late*. Neither changes anything else. All others are taken in.
- A cell, one channel in one slot, holds the value with the greatest time, and of equal times the
  greatest value (0.0 for a negative zero), so the order of arrival does not matter. A reading
  that is equal to what its cell holds as it comes is a *duplicate*; the rest are *accepted*.
- Slots close in order. When a slot with a value closes more than ``max_gap`` after the last such
  slot, the lane is emptied and *starts* anew with it.
- A window ends on every closed slot that ``stride`` divides, unless the last slot with a value
  is more than ``max_gap`` before it. It covers ``length`` slots; NaN stands where nothing was
  measured, or the lane had not started. Until the lane started a window's length ago, its windows
  are `Status.WARMING_UP`.

Times must lie within 2**62 ns of the epoch (years 1824 to 2116).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Ids, Readings, Reject, Times, Windows
from tocsin.core.rings import UNSEEN, Placed, Rings
from tocsin.core.rows import Rows
from tocsin.core.runs import run_starts, running_maximum, stable_order, steps_within_runs


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a batch's readings; the five add up to all of them."""

    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    future: int = 0
    unknown: int = 0  # of a channel that the profile does not have


@dataclass(frozen=True, slots=True)
class Fed:
    """What came of a batch."""

    windows: Windows
    counts: Counts
    rejects: Sequence[Reject]


class Lanes:
    """All assets of one profile within one partition.

    Args:
        profile: the grid and its rules.
        columns: [channels of the decoder] the profile's column of each, -1 where it has none.
    """

    def __init__(self, profile: Profile, columns: Ids) -> None:
        self._profile = profile
        self._columns = columns.astype(np.int64)
        self._rows = Rows()
        self._rings = Rings(profile)

    def feed(self, readings: Readings, low: int) -> Fed:
        """Take in the readings of a batch whose first offset is ``low``.

        Batches must come in the order of the log.
        """
        known = self._columns[readings.channel] >= 0
        ahead = readings.time_ns - self._profile.max_ahead_ns > readings.arrived_ns
        usable = np.flatnonzero(known & ~ahead)
        future = np.flatnonzero(known & ahead)
        placed = self._place(readings, usable, low)
        duplicates, windows = self._advance(placed, low)
        counts = Counts(
            accepted=len(placed) - duplicates,
            duplicate=duplicates,
            late=len(usable) - len(placed),
            future=len(future),
            unknown=len(readings) - len(usable) - len(future),
        )
        rejects = [self._reject(readings, index) for index in future.tolist()]
        return Fed(self._merge(windows), counts, rejects)

    def replay_from(self, next_offset: int) -> int:
        """Return an offset from which the lanes can be rebuilt, given all before ``next_offset``.

        New lanes that are fed the log from there on, however cut, give the same windows as these
        for everything at or after ``next_offset``.
        """
        return int(self._rings.needs().min(initial=next_offset))

    def slow(self, before: int) -> list[int]:
        """Return the assets for which `replay_from` would have to be below ``before``."""
        slow = self._rings.lane["asset"][self._rings.needs() < before]
        return [int(asset) for asset in slow]

    def snapshot(self, asset: int) -> dict[str, Any]:
        """Return all that the future windows of an asset depend on: plain numbers and bytes."""
        return self._rings.snapshot(self._row(asset))

    def mark_spilled(self, asset: int) -> None:
        """Count on the asset's snapshot of this moment: it needs only what comes from now on."""
        self._rings.release(self._row(asset))

    def adopt(self, asset: int, snapshot: Mapping[str, Any]) -> None:
        """Let an asset stand where its snapshot was taken; it needs only what comes after that.

        Raises ValueError if the snapshot was taken under another profile.
        """
        row = int(self._rows.take(np.array([asset], np.int32))[0])
        self._rings.grow(len(self._rows))
        self._rings.restore(row, asset, snapshot)

    def arrivals(self) -> tuple[Ids, Times, Times]:
        """Return, per asset, its id, the newest log time of a reading, and its newest time."""
        lane = self._rings.lane
        return lane["asset"].astype(np.int32), lane["arrived"].copy(), lane["mark"].copy()

    def _row(self, asset: int) -> int:
        row = int(self._rows.find(np.array([asset], np.int32))[0])
        if row < 0:
            raise KeyError(asset)
        return row

    def _place(self, readings: Readings, usable: Times, low: int) -> Placed:
        """Return the usable readings that are not late, sorted by asset."""
        index = usable[stable_order(readings.asset[usable])]
        lane, time = self._rows.take(readings.asset[index]), readings.time_ns[index]
        placed = Placed(
            lane,
            time // self._profile.period_ns,
            self._columns[readings.channel[index]],
            time,
            readings.value[index] + 0.0,  # negative zero becomes zero
            self._marks(readings, index, lane, low),
        )
        late = placed.slot < self._rings.slots_closed_at(placed.mark)
        return placed.take(~late) if late.any() else placed

    def _marks(self, readings: Readings, index: Times, lane: Times, low: int) -> Times:
        """Let new lanes begin, note who was heard, and return every reading's `Placed.mark`.

        Late readings may take part: they move no mark.
        """
        self._rings.grow(len(self._rows))
        time, arrived = readings.time_ns[index], readings.arrived_ns[index]
        if not len(index):
            return time
        starts = run_starts(lane)
        heads = lane[starts]
        self._rings.hear(heads, np.maximum.reduceat(arrived, starts), low)
        known = self._rings.lane["mark"][heads]
        first = starts[known == UNSEEN]
        self._rings.begin(lane[first], readings.asset[index[first]], time[first])
        time[starts] = np.maximum(time[starts], known)
        return running_maximum(time, starts)

    def _advance(self, placed: Placed, low: int) -> tuple[int, list[Windows]]:
        """Take in readings in as many steps as the lane that leaps most often needs."""
        if not len(placed):
            return 0, []
        ahead = placed.mark // self._profile.period_ns - self._rings.lane["newest"][placed.lane]
        stretch = np.maximum(ahead, 0) // self._rings.slack
        step = steps_within_runs(stretch, run_starts(placed.lane))
        if not step.any():
            return self._rings.advance(placed, low)
        order = stable_order(step)
        bounds = np.searchsorted(step[order], np.arange(1, int(step.max()) + 1))
        duplicates, windows = 0, []
        for chosen in np.split(order, bounds):
            more, due = self._rings.advance(placed.take(chosen), low)
            duplicates += more
            windows += due
        return duplicates, windows

    def _merge(self, windows: list[Windows]) -> Windows:
        """Return all windows as one batch, by asset and then by time."""
        if len(windows) == 1:
            return windows[0]
        length, width = self._profile.length, len(self._profile.channels)
        asset = np.concatenate([np.zeros(0, np.int32), *(w.asset for w in windows)])
        end_ns = np.concatenate([np.zeros(0, np.int64), *(w.end_ns for w in windows)])
        status = np.concatenate([np.zeros(0, np.uint8), *(w.status for w in windows)])
        values = np.concatenate([np.zeros((0, length, width)), *(w.values for w in windows)])
        coverage = np.concatenate([np.zeros((0, width)), *(w.coverage for w in windows)])
        order = np.lexsort((end_ns, asset))
        return Windows(asset[order], end_ns[order], status[order], values[order], coverage[order])

    def _reject(self, readings: Readings, index: int) -> Reject:
        ahead_ns = int(readings.time_ns[index]) - int(readings.arrived_ns[index])
        allowed_ns = self._profile.max_ahead_ns
        return Reject(
            int(readings.record[index]),
            "future",
            f"the reading's time is {ahead_ns / SECOND_NS:.3f} s ahead of the log's; "
            f"up to {allowed_ns / SECOND_NS:.3f} s are allowed",
        )
