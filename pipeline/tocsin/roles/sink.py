"""The role that brings scores, alerts and reports from the log into the point store."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from tocsin.core.blocks import decode_scores, decode_transition
from tocsin.core.operations import decode_report
from tocsin.core.points import Lines, alert_lines, report_lines, score_lines
from tocsin.core.records import Batch, Entry, Place, Record
from tocsin.ports import Log, PointStore, Rejected, Unavailable
from tocsin.roles.consumer import (
    GroupPolicy,
    Seat,
    WaitPolicy,
    Waits,
    append_patiently,
    attend,
    dead_letter,
    pause,
)

_log = structlog.get_logger()

_NO_ENTRY = (ValueError, OverflowError, RecursionError)
"""What reading an entry may end with: it is none of ours, or its numbers or nesting have no end."""


@dataclass(frozen=True, slots=True)
class SinkPolicy:
    """What the sink reads and how it writes.

    Attributes:
        group: name of the consumer group.
        scores: topic of score blocks.
        alerts: topic of alert transitions.
        operations: topic of what the roles say of themselves.
        dead_letters: topic of what could not be used.
        lines: lines after which a write begins; several blocks go into one write.
        poll_s: how long a look at the log waits for something new.
        waits: between tries while the store cannot be reached; dashboards go on this soon when
            it is back.
    """

    group: str = "tocsin-sink"
    scores: str = "scores"
    alerts: str = "alerts"
    operations: str = "operations"
    dead_letters: str = "dead-letters"
    lines: int = 8_192
    poll_s: float = 0.5
    waits: WaitPolicy = field(default_factory=lambda: WaitPolicy(longest_s=10.0))


@dataclass(frozen=True, slots=True)
class SinkStatistics:
    """What the sink has done since it was made."""

    entries: int = 0
    lines: int = 0
    rejected_lines: int = 0
    undecodable: int = 0
    retries: int = 0
    positions: Mapping[Place, int] = field(default_factory=dict)  # next entry to be stored


@dataclass(slots=True)
class _Parcel:
    """Log entries whose lines are written together, and what to commit when they are."""

    lines: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # index of each source's first line
    sources: list[Record] = field(default_factory=list)
    letters: list[Entry] = field(default_factory=list)
    commits: dict[Place, int] = field(default_factory=dict)
    entries: int = 0

    def source(self, line: int) -> Record:
        """Return the entry that a line came from."""
        return self.sources[bisect_right(self.starts, line) - 1]


class Sink:
    """Drains score blocks, alert transitions and reports into a `PointStore`.

    Offsets are committed only after the store took every line below them, and lines repeat byte
    for byte, so a kill at any moment loses nothing and stores nothing twice.
    """

    def __init__(self, log: Log, store: PointStore, policy: SinkPolicy) -> None:
        self._log = log
        self._store = store
        self._policy = policy
        self._statistics = SinkStatistics()
        self._seat: Seat | None = None

    def statistics(self) -> SinkStatistics:
        """Return what was done so far."""
        return replace(self._statistics, positions=self._seat.positions if self._seat else {})

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``."""
        policy = self._policy
        topics = (policy.scores, policy.alerts, policy.operations)
        group = GroupPolicy(policy.group, topics, policy.poll_s)
        await attend(self._log, group, stop, self._drain)

    async def _drain(self, seat: Seat) -> None:
        self._seat = seat
        while not seat.stop.is_set():
            poll = await seat.poll()
            for parcel in self._parcels(poll.batches):
                if not await seat.during(self._settle(parcel, seat.stop)):
                    return
                for place, offset in parcel.commits.items():
                    await seat.commit(place, offset)
                self._count(entries=parcel.entries)

    def _parcels(self, batches: Sequence[Batch]) -> Iterator[_Parcel]:
        parcel = _Parcel()
        for batch in batches:
            for index in range(len(batch)):
                self._pack(parcel, batch.record(index))
                if len(parcel.lines) >= self._policy.lines:
                    yield parcel
                    parcel = _Parcel()
            parcel.commits[batch.place] = batch.high
        if parcel.commits:
            yield parcel

    def _pack(self, parcel: _Parcel, record: Record) -> None:
        parcel.commits[Place(record.topic, record.partition)] = record.offset + 1
        parcel.entries += 1
        if record.value is None:
            return
        try:
            found = self._lines(record.topic, record.value)
        except _NO_ENTRY as error:
            self._count(undecodable=1)
            self._bury(parcel, record, record.value, str(error))
            return
        for name, reason in found.rejects.items():
            self._bury(parcel, record, name.encode(errors="replace"), f"not a tag: {reason}")
        self._count(rejected_lines=found.dropped)
        parcel.starts.append(len(parcel.lines))
        parcel.sources.append(record)
        parcel.lines += found.lines

    def _lines(self, topic: str, value: bytes) -> Lines:
        if topic == self._policy.alerts:
            return alert_lines([decode_transition(value)])
        if topic == self._policy.operations:
            return report_lines(decode_report(value))
        return score_lines(decode_scores(value).scores)

    def _bury(self, parcel: _Parcel, source: Record, value: bytes, reason: str) -> None:
        parcel.letters.append(dead_letter(self._policy.dead_letters, source, value, reason))
        _log.warning("dead_letter", topic=source.topic, offset=source.offset, reason=reason)

    async def _settle(self, parcel: _Parcel, stop: asyncio.Event) -> bool:
        """Bring everything in ``parcel`` to where it belongs; False if ``stop`` came first."""
        rejected = await self._write(parcel.lines, stop)
        if rejected is None:
            return False
        for index, reason in rejected.items():
            self._bury(parcel, parcel.source(index), parcel.lines[index], reason)
        stored = len(parcel.lines) - len(rejected)
        self._count(lines=stored, rejected_lines=len(rejected))
        return await append_patiently(self._log, parcel.letters, Waits(self._policy.waits), stop)

    async def _write(self, lines: list[bytes], stop: asyncio.Event) -> dict[int, str] | None:
        """Write until the store took it; return what it never will, None if ``stop`` came first."""
        waits = Waits(self._policy.waits)
        while True:
            try:
                await self._store.write(lines)
            except Rejected as refusal:
                if not refusal.reasons:  # of no line, so it took none
                    raise
                return refusal.reasons
            except Unavailable as failure:
                wait_s = waits.next_s(failure)
                self._count(retries=1)
                _log.warning("store_unavailable", reason=str(failure), wait_s=round(wait_s, 3))
                await pause(stop, wait_s)
                if stop.is_set():
                    return None
            else:
                return {}

    def _count(self, **more: int) -> None:
        now = {name: getattr(self._statistics, name) + count for name, count in more.items()}
        self._statistics = replace(self._statistics, **now)
