"""The memory of many lanes at once: the cells of their newest slots, in rings.

Slot ``s`` of lane ``i`` lives at position ``s % size`` of ring ``i`` until the lane is ``size``
slots further. Cells in which nothing was measured hold NaN. A ring is long enough for a window
and for what may still change, and has ``slack`` slots more, by which a lane may go forward in one
step. Behind its last position stands one that is never written: what a window must not see is
read from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.core.profile import Profile
from tocsin.core.records import Floats, Ids, Status, Times, Windows
from tocsin.core.runs import (
    Flags,
    count_up,
    dense_ranks,
    newest_flagged,
    run_ends,
    run_starts,
    stable_order,
)

UNSEEN = -(2**62)
"""A slot or a time before all real ones: there is none yet."""
EMPTY = 2**63 - 1
"""The offset of a slot in which nothing was measured: replay does not need it."""
KEPT = EMPTY - 1
"""The offset of what a snapshot holds: replay does not need it either."""

_LANE = np.dtype(
    [
        ("asset", np.int64),
        ("mark", np.int64),  # the newest reading's time in ns
        ("newest", np.int64),  # and its slot
        ("closed", np.int64),  # slots before this one are closed
        ("start", np.int64),  # the first measured closed slot since the lane was last emptied
        ("last", np.int64),  # the newest measured closed slot
        ("left", np.int64),  # an offset from which the newest slot that left the ring is whole
        ("arrived", np.int64),  # the newest log time of a reading in ns
        ("heard", np.int64),  # the offset from which that is known
    ]
)
_BLANK = np.array((-1, *[UNSEEN] * 5, KEPT, UNSEEN, KEPT), _LANE)
_KEPT_FIELDS = ("mark", "newest", "closed", "start", "last", "arrived")


@dataclass(frozen=True, slots=True)
class Placed:
    """N accepted readings, sorted by lane and within a lane in the order of the log."""

    lane: Times  # [N]
    slot: Times  # [N]
    column: Times  # [N] channel of the profile
    time_ns: Times  # [N]
    value: Floats  # [N]
    mark: Times  # [N] newest time of the lane up to and including this reading

    def __len__(self) -> int:
        return len(self.lane)

    def take(self, chosen: Times | Flags) -> "Placed":
        """Return the chosen readings."""
        return Placed(
            self.lane[chosen],
            self.slot[chosen],
            self.column[chosen],
            self.time_ns[chosen],
            self.value[chosen],
            self.mark[chosen],
        )


class Rings:
    """Lanes 0, 1, ... of one profile: their cells, and where each of them stands."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._width = len(profile.channels)
        self._open = profile.lateness_slots + 1  # slots that can be open at once
        self.slack = max(2 * profile.stride, 64)
        self._size = profile.length + profile.lateness_slots + self.slack
        self._used = 0
        self._lane = np.zeros(0, _LANE)
        self._values = np.zeros((0, self._size + 1, self._width))
        self._times = np.zeros((0, self._open, self._width), np.int64)  # of open cells only
        self._touched = np.zeros((0, self._size + 1), np.int64)  # offset of a slot's first reading

    @property
    def lane(self) -> Any:
        """Where each lane stands: a structured array, to be read by field name."""
        return self._lane[: self._used]

    def slots_closed_at(self, mark: Times) -> Times:
        """Return the slot before which all are closed once a lane's newest time is ``mark``."""
        return (mark - self._profile.lateness_ns) // self._profile.period_ns

    def grow(self, lanes: int) -> None:
        """Make room for so many lanes; new ones are blank."""
        if lanes > len(self._lane):
            room = max(lanes, 2 * len(self._lane), 16)
            self._lane = _enlarged(self._lane, room)
            self._values = _enlarged(self._values, room)
            self._times = _enlarged(self._times, room)
            self._touched = _enlarged(self._touched, room)
        fresh = slice(self._used, lanes)
        self._lane[fresh] = _BLANK
        self._values[fresh] = np.nan
        self._touched[fresh] = EMPTY
        self._used = max(self._used, lanes)

    def begin(self, lanes: Times, asset: Ids, time_ns: Times) -> None:
        """Let lanes begin with their first readings."""
        self._lane["asset"][lanes] = asset
        self._lane["newest"][lanes] = time_ns // self._profile.period_ns - 1
        self._lane["closed"][lanes] = self.slots_closed_at(time_ns)

    def hear(self, lanes: Times, arrived_ns: Times, low: int) -> None:
        """Note when the log last had a reading for each lane."""
        later = arrived_ns > self._lane["arrived"][lanes]
        self._lane["arrived"][lanes[later]] = arrived_ns[later]
        self._lane["heard"][lanes[later]] = low

    def advance(self, placed: Placed, low: int) -> tuple[int, list[Windows]]:
        """Take in readings and close what they close.

        No lane may go forward by more than ``slack`` slots between its first and its last reading
        that takes it forward; before the first it may jump as far as it likes.

        Returns how many readings were duplicates, and the windows that became due.
        """
        starts = run_starts(placed.lane)
        ends = run_ends(starts, len(placed))
        lanes, mark = placed.lane[starts], placed.mark[ends]
        newest = mark // self._profile.period_ns
        closed = self.slots_closed_at(mark)

        jumps = newest - self._lane["closed"][lanes] + self._profile.length > self._size
        first_closed = self.slots_closed_at(placed.mark[starts[jumps]])
        before = self._close(lanes[jumps], first_closed)

        self._enter(lanes, newest)
        self._lane["mark"][lanes] = mark
        duplicates = self._write(placed, np.repeat(closed, ends - starts + 1), low)
        return duplicates, before + self._close(lanes, closed)

    def needs(self) -> Times:
        """Return the offset from which each lane can be rebuilt for all that is to come.

        A window to come sees the slots back to ``closed - length + 1``, and whether the lane
        began before them. All slots of the ring and the newest measured one behind it tell that,
        and what replay may wrongly accept, because it does not know the lane's newest time yet,
        is older than these. A lane that was emptied in between needs nothing from before.
        """
        lane = self.lane
        stale = lane["closed"] - lane["last"] > self._profile.max_gap_slots
        begin = np.where(stale, lane["closed"], lane["start"])
        needs = self._touched[: self._used].min(axis=1, initial=EMPTY)
        needs = np.minimum(needs, lane["left"])
        young = np.flatnonzero(begin > lane["newest"] - self._size)
        needs[young] = self._offset_since(begin[young], young)
        needed: Times = np.minimum(needs, lane["heard"])
        return needed

    def snapshot(self, lane: int) -> dict[str, Any]:
        """Return all that the future of a lane depends on, as plain numbers and bytes."""
        here = self._lane[lane]
        slots = self._remembered(int(here["newest"]), int(here["closed"]))
        return {
            **{name: int(here[name]) for name in _KEPT_FIELDS},
            "values": self._values[lane, slots % self._size].astype("<f8").tobytes(),
            "times": self._times[lane].astype("<i8").tobytes(),
        }

    def restore(self, lane: int, asset: int, snapshot: Mapping[str, Any]) -> None:
        """Let a lane stand where it stood when the snapshot was taken."""
        self._lane[lane] = _BLANK
        self._lane["asset"][lane] = asset
        for name in _KEPT_FIELDS:
            self._lane[name][lane] = snapshot[name]
        slots = self._remembered(snapshot["newest"], snapshot["closed"])
        values = np.frombuffer(snapshot["values"], "<f8").reshape(len(slots), self._width)
        times = np.frombuffer(snapshot["times"], "<i8").reshape(self._open, self._width)
        measured = ~np.isnan(values).all(axis=1)
        self._values[lane] = np.nan
        self._values[lane, slots % self._size] = values
        self._times[lane] = times
        self._touched[lane] = EMPTY
        self._touched[lane, slots[measured] % self._size] = KEPT

    def release(self, lane: int) -> None:
        """Let a lane need nothing of what it holds now: a snapshot holds it."""
        touched = self._touched[lane]
        touched[touched != EMPTY] = KEPT
        self._lane["left"][lane] = KEPT
        self._lane["heard"][lane] = KEPT

    def _offset_since(self, begin: Times, lanes: Times) -> Times:
        """Return the smallest offset of the slots from ``begin`` on, which the ring still holds."""
        newest = self._lane["newest"][lanes, None]
        slot = newest - (newest - np.arange(self._size)) % self._size  # [lanes, size]
        wanted = np.where(slot >= begin[:, None], self._touched[lanes, : self._size], EMPTY)
        needed: Times = wanted.min(axis=1, initial=EMPTY)
        return needed

    def _remembered(self, newest: int, closed: int) -> Times:
        return np.arange(closed - self._profile.length + 1, newest + 1)

    def _enter(self, lanes: Times, newest: Times) -> None:
        """Clear the positions of the slots that lanes have not been in before."""
        ahead = newest > self._lane["newest"][lanes]
        lanes, newest = lanes[ahead], newest[ahead]
        since = np.maximum(self._lane["newest"][lanes], newest - self._size) + 1
        owner, slot, starts = count_up(since, newest + 1)
        row = self._row(lanes[owner], slot)
        touched = self._touched.reshape(-1)
        if len(row):
            left = np.minimum.reduceat(touched[row], starts)
            left = np.where(left == EMPTY, self._lane["left"][lanes], left)
            self._lane["left"][lanes] = left
        touched[row] = EMPTY
        self._values.reshape(-1, self._width)[row] = np.nan
        self._lane["newest"][lanes] = newest

    def _write(self, placed: Placed, closed: Times, low: int) -> int:
        """Put readings into their cells; return how many were duplicates."""
        row = self._row(placed.lane, placed.slot)
        touched = self._touched.reshape(-1)
        touched[row] = np.minimum(touched[row], low)

        cell = row * self._width + placed.column
        order, contested = self._contested(cell)
        if not contested.any():
            self._put(placed, cell, closed)
            return 0
        # settle before any other time is put down: it needs the times that are still there
        index, winners, duplicates = self._settle(placed, cell, order[contested[order]])
        alone = np.flatnonzero(~contested)
        self._put(placed.take(alone), cell[alone], closed[alone])
        self._put(winners, cell[index], closed[index])
        return duplicates

    def _contested(self, cell: Times) -> tuple[Times, Flags]:
        """Return the readings' order by cell, and which do not have a cell for themselves."""
        order = stable_order(cell)
        same = cell[order[1:]] == cell[order[:-1]]
        contested = ~np.isnan(self._values.reshape(-1)[cell])
        contested[order[1:][same]] = True
        contested[order[:-1][same]] = True
        return order, contested

    def _settle(self, placed: Placed, cell: Times, picked: Times) -> tuple[Times, Placed, int]:
        """Find what each contested cell will hold: the newest, and of the newest the greatest.

        Args:
            placed: all readings.
            cell: their cells.
            picked: the readings in contested cells, sorted by cell and order in the log.

        Returns:
            An index of ``placed`` per cell, what that cell will hold, and the number of
            duplicates: readings that equal what the cell held just before them.
        """
        holding = picked[run_starts(cell[picked])]
        holding = holding[~np.isnan(self._values.reshape(-1)[cell[holding]])]
        held = placed.take(holding)
        time = self._times.reshape(-1)[self._clock(held)]
        value = self._values.reshape(-1)[cell[holding]]

        source = np.concatenate([holding, picked])
        time = np.concatenate([time, placed.time_ns[picked]])
        value = np.concatenate([value, placed.value[picked]])
        order = stable_order(cell[source])  # by cell: what it holds, then its readings
        source, time, value = source[order], time[order], value[order]

        rank = dense_ranks(value, time, cell[source])  # rises from cell to cell
        best = np.maximum.accumulate(rank)
        item = np.empty(len(rank), np.int64)
        item[rank] = np.arange(len(rank))
        won = item[best[run_ends(run_starts(cell[source]), len(source))]]
        index = source[won]
        winners = placed.take(index)
        winners.time_ns[:] = time[won]
        winners.value[:] = value[won]
        return index, winners, int(np.count_nonzero(best[:-1] == rank[1:]))

    def _put(self, placed: Placed, cell: Times, closed: Times) -> None:
        self._values.reshape(-1)[cell] = placed.value
        still_open = placed.slot >= closed
        if not still_open.all():
            placed = placed.take(still_open)
        self._times.reshape(-1)[self._clock(placed)] = placed.time_ns

    def _row(self, lane: Times, slot: Times | int) -> Times:
        """Return the row of all lanes' positions, one behind the other, for each slot."""
        return lane * (self._size + 1) + slot % self._size

    def _clock(self, placed: Placed) -> Times:
        """Return where the time of each reading's cell is kept [N]."""
        row = placed.lane * self._open + placed.slot % self._open
        return row * self._width + placed.column

    def _close(self, lanes: Times, closed: Times) -> list[Windows]:
        """Close all slots before ``closed`` and return the windows that end on them."""
        since = self._lane["closed"][lanes]
        self._lane["closed"][lanes] = closed
        # further than max_gap behind a lane's newest slot no window is due, however far it jumps
        reach = self._lane["newest"][lanes] + self._profile.max_gap_slots + 1
        stop = np.minimum(closed, reach)
        some = stop > since
        if not some.any():
            return []
        lanes = lanes[some]
        owner, slot, starts = count_up(since[some], stop[some])
        start, last = self._follow(lanes[owner], slot, starts)
        ends = run_ends(starts, len(slot))
        self._lane["start"][lanes] = start[ends]
        self._lane["last"][lanes] = last[ends]
        due = (slot % self._profile.stride == 0) & (slot - last <= self._profile.max_gap_slots)
        return [self._cut(lanes[owner[due]], slot[due], start[due])] if due.any() else []

    def _follow(self, lane: Times, slot: Times, starts: Times) -> tuple[Times, Times]:
        """Return ``start`` and ``last`` as they are once each slot is closed; both [N]."""
        touched = self._touched.reshape(-1)[self._row(lane, slot)]
        measured = (touched != EMPTY) & (slot <= self._lane["newest"][lane])
        index = newest_flagged(measured, starts)
        last = np.where(index < 0, self._lane["last"][lane], slot[index])

        before = np.empty_like(last)
        before[1:] = last[:-1]
        before[starts] = self._lane["last"][lane[starts]]
        emptied = measured & (slot - before > self._profile.max_gap_slots)
        index = newest_flagged(emptied, starts)
        return np.where(index < 0, self._lane["start"][lane], slot[index]), last

    def _cut(self, lane: Times, end: Times, start: Times) -> Windows:
        """Return the windows that end on slots ``end`` and see nothing before ``start``."""
        length, newest = self._profile.length, self._lane["newest"][lane]
        slot = end[:, None] + np.arange(1 - length, 1)  # [B, T]
        row = self._row(lane[:, None], slot)
        partial = np.flatnonzero((start > end - length + 1) | (newest < end))
        if len(partial):
            slot = slot[partial]
            outside = (slot < start[partial, None]) | (slot > newest[partial, None])
            never = self._row(lane[partial, None], 0) + self._size
            row[partial] = np.where(outside, never, row[partial])
        values = self._values.reshape(-1, self._width).take(row, axis=0)  # [B, T, F]
        measured = length - np.isnan(values).sum(axis=1)  # [B, F]
        share = measured.sum(axis=1) / (length * self._width)
        status = np.where(share < self._profile.min_coverage, Status.LOW_COVERAGE, Status.OK)
        status[end - start + 1 < length] = Status.WARMING_UP
        return Windows(
            self._lane["asset"][lane].astype(np.int32),
            (end + 1) * self._profile.period_ns,
            status.astype(np.uint8),
            values,
            measured / length,
        )


def _enlarged(array: Any, room: int) -> Any:
    grown = np.empty((room, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
