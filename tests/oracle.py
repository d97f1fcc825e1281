"""The rules of event-time windows, one reading at a time and as plainly as they can be said."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tocsin.core.profile import Profile
from tocsin.core.records import Readings, Status, Windows


@dataclass(frozen=True)
class Reading:
    asset: int
    channel: int
    time_ns: int
    value: float
    offset: int = 0
    arrived_ns: int = 10**18


@dataclass(frozen=True)
class Window:
    asset: int
    end_ns: int
    status: Status
    values: bytes  # [T, F] doubles
    coverage: tuple[float, ...]


@dataclass
class Lane:
    cells: dict[tuple[int, int], tuple[int, float]] = field(default_factory=dict)
    newest_ns: int | None = None
    closed: int = 0
    start: int | None = None
    last: int | None = None


class Oracle:
    def __init__(self, profile: Profile, columns: Sequence[int]) -> None:
        self.profile = profile
        self.columns = columns
        self.lanes: dict[int, Lane] = {}
        self.counts = dict.fromkeys(("accepted", "duplicate", "late", "future", "unknown"), 0)

    def feed(self, readings: Sequence[Reading]) -> list[Window]:
        windows = []
        for reading in readings:
            windows += self.take(reading)
        return sorted(windows, key=lambda w: (w.asset, w.end_ns))

    def take(self, reading: Reading) -> list[Window]:
        column = self.columns[reading.channel]
        if column < 0:
            return self.count("unknown")
        if reading.time_ns > reading.arrived_ns + self.profile.max_ahead_ns:
            return self.count("future")
        lane = self.lanes.setdefault(reading.asset, Lane())
        slot = reading.time_ns // self.profile.period_ns
        if lane.newest_ns is None:
            lane.newest_ns = reading.time_ns
            lane.closed = self.closed_at(reading.time_ns)
        if slot < self.closed_at(lane.newest_ns):
            return self.count("late")
        candidate = (reading.time_ns, reading.value + 0.0)
        held = lane.cells.get((slot, column))
        self.count("duplicate" if candidate == held else "accepted")
        lane.cells[slot, column] = candidate if held is None else max(held, candidate)
        lane.newest_ns = max(lane.newest_ns, reading.time_ns)
        return self.close(reading.asset, lane)

    def count(self, what: str) -> list[Window]:
        self.counts[what] += 1
        return []

    def closed_at(self, newest_ns: int) -> int:
        return (newest_ns - self.profile.lateness_ns) // self.profile.period_ns

    def close(self, asset: int, lane: Lane) -> list[Window]:
        assert lane.newest_ns is not None
        until, windows, gap = self.closed_at(lane.newest_ns), [], self.profile.max_gap_slots
        while lane.closed < until:
            slot = lane.closed
            ahead = [s for s, _ in lane.cells if s >= slot]
            if (lane.last is None or slot - lane.last > gap) and min(ahead) > slot:
                lane.closed = min(until, *ahead)  # nothing can end in a wide gap: leap over it
                continue
            if slot in ahead:
                if lane.last is None or slot - lane.last > gap:
                    lane.start = slot
                lane.last = slot
            if slot % self.profile.stride == 0:
                windows.append(self.window(asset, lane, slot))
            lane.closed += 1
        return windows

    def window(self, asset: int, lane: Lane, end: int) -> Window:
        assert lane.start is not None
        length, width = self.profile.length, len(self.profile.channels)
        rows = []
        for slot in range(end - length + 1, end + 1):
            cells = [lane.cells.get((slot, column)) for column in range(width)]
            if slot < lane.start:
                cells = [None] * width
            rows.append([math.nan if cell is None else cell[1] for cell in cells])
        counts = [sum(not math.isnan(row[column]) for row in rows) for column in range(width)]
        status = Status.OK
        if sum(counts) / (length * width) < self.profile.min_coverage:
            status = Status.LOW_COVERAGE
        if end - lane.start + 1 < length:
            status = Status.WARMING_UP
        flat = [value for row in rows for value in row]
        return Window(
            asset,
            (end + 1) * self.profile.period_ns,
            status,
            struct.pack(f"<{len(flat)}d", *flat),
            tuple(count / length for count in counts),
        )


def as_columns(readings: Sequence[Reading]) -> Readings:
    return Readings(
        np.array([r.asset for r in readings], np.int32),
        np.array([r.channel for r in readings], np.int32),
        np.array([r.time_ns for r in readings], np.int64),
        np.array([r.value for r in readings], np.float64),
        np.array([r.offset for r in readings], np.int64),
        np.array([r.arrived_ns for r in readings], np.int64),
    )


def as_rows(windows: Windows) -> list[Window]:
    return [
        Window(
            int(windows.asset[i]),
            int(windows.end_ns[i]),
            Status(int(windows.status[i])),
            windows.values[i].tobytes(),
            tuple(windows.coverage[i].tolist()),
        )
        for i in range(len(windows))
    ]
