"""The role that tells receivers of alerts."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import structlog

from tocsin.core.blocks import decode_transition
from tocsin.core.notices import NoticeContext
from tocsin.core.records import Batch, Entry, Place, Transition
from tocsin.ports import Log, Notifier
from tocsin.roles.consumer import (
    GroupPolicy,
    Seat,
    WaitPolicy,
    Waits,
    append_patiently,
    attend,
    cancel,
)
from tocsin.roles.outbox import Outbox, OutboxStatistics, Outcome, RetryPolicy

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NotifyPolicy:
    """What the role reads, and how it tells it.

    Attributes:
        group: name of the consumer group.
        alerts: topic of alert transitions.
        deliveries: compacted topic of one partition: who was told what.
        retries: when a receiver is told, and told again.
        context: what a body says of Tocsin itself.
        poll_s: how long a look at the log waits for something new.
        grace_s: how long tries under way may go on once the role is to stop.
    """

    group: str = "tocsin-notify"
    alerts: str = "alerts"
    deliveries: str = "deliveries"
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    context: NoticeContext = field(default_factory=NoticeContext)
    poll_s: float = 0.5
    grace_s: float = 2.0


@dataclass(frozen=True, slots=True)
class NotifyStatistics:
    """What the role has done since it was made."""

    undecodable: int
    receivers: tuple[OutboxStatistics, ...]


class _Mark(msgspec.Struct, frozen=True):
    """What stands in ``deliveries`` under ``alert id|receiver``."""

    sequence: int
    status: Outcome
    at: int  # wall clock, ns


class Notify:
    """Tells every receiver every alert at least once, however often either of them dies.

    Offsets are committed below the oldest step that some receiver has not taken, and what was
    taken is written into the log before, so after a kill at most what was under way is told
    twice, with the same ``webhook-id``.

    Args:
        log: where alerts come from and deliveries are remembered.
        notifiers: receivers by name.
        policy: what is read and how it is told.
        clock: the time in nanoseconds, for the record.
    """

    def __init__(
        self,
        log: Log,
        notifiers: Mapping[str, Notifier],
        policy: NotifyPolicy,
        clock: Callable[[], int],
    ) -> None:
        self._log = log
        self._policy = policy
        self._clock = clock
        self._stop = asyncio.Event()
        self._undecodable = 0
        self._outboxes = [
            Outbox(name, notifier, policy.retries, policy.context, self._remember)
            for name, notifier in notifiers.items()
        ]

    def statistics(self) -> NotifyStatistics:
        """Return what was done so far."""
        receivers = tuple(outbox.statistics() for outbox in self._outboxes)
        return NotifyStatistics(self._undecodable, receivers)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``."""
        self._stop = stop
        group = GroupPolicy(self._policy.group, (self._policy.alerts,), self._policy.poll_s)
        await attend(self._log, group, stop, self._serve)

    async def _serve(self, seat: Seat) -> None:
        for outbox in self._outboxes:
            outbox.open()
        workers = [
            asyncio.create_task(outbox.work())
            for outbox in self._outboxes
            for _ in range(self._policy.retries.parallel)
        ]
        try:
            highs: dict[Place, int] = {}
            while not seat.stop.is_set():
                await self._round(seat, highs)
                for worker in workers:
                    if worker.done():
                        worker.result()
            await self._finish(workers)
            await self._commit(seat, highs)
        finally:
            await cancel(*workers)

    async def _round(self, seat: Seat, highs: dict[Place, int]) -> None:
        poll = await seat.poll()
        for place in poll.lost:
            highs.pop(place, None)
            for outbox in self._outboxes:
                outbox.drop(place)
        if poll.gained:  # whoever had them may have told something since we looked
            await self._recall()
        for batch in poll.batches:
            span = range(highs.get(batch.place, batch.low), batch.high)
            steps = self._steps(batch)
            for outbox in self._outboxes:
                outbox.take(batch.place, steps, span)
            highs[batch.place] = batch.high
        await self._catch_up(highs)
        await self._commit(seat, highs)

    async def _recall(self) -> None:
        """Read from the log what the receivers have been told."""
        records = await self._log.last_values(Place(self._policy.deliveries, 0))
        said = {outbox.receiver: outbox.said for outbox in self._outboxes}
        for key, record in records.items():
            alert, _, receiver = key.decode(errors="replace").partition("|")
            if receiver not in said or record.value is None:
                continue
            try:
                mark = msgspec.json.decode(record.value, type=_Mark)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                _log.warning("delivery_undecodable", offset=record.offset, reason=str(error))
                continue
            said[receiver][alert] = max(mark.sequence, said[receiver].get(alert, 0))

    def _steps(self, batch: Batch) -> list[tuple[int, Transition]]:
        steps = []
        for offset, value in zip(batch.offsets, batch.values, strict=True):
            try:
                if value is not None:
                    steps.append((offset, decode_transition(value)))
            except ValueError as error:
                self._undecodable += 1
                _log.warning("alert_undecodable", offset=offset, reason=str(error))
        return steps

    async def _catch_up(self, highs: Mapping[Place, int]) -> None:
        """Read again, for receivers that had no room and have some now."""
        for outbox in self._outboxes:
            for place, high in highs.items():
                if (start := outbox.behind(place, high)) is not None:
                    stop = min(high, start + outbox.room)
                    async for batch in self._log.read(place, start, stop):
                        outbox.take(place, self._steps(batch), range(start, batch.high))
                        start = batch.high
                    outbox.take(place, (), range(start, stop))

    async def _commit(self, seat: Seat, highs: Mapping[Place, int]) -> None:
        for place, high in highs.items():
            offset = min((each.settled(place, high) for each in self._outboxes), default=high)
            await seat.commit(place, offset)

    async def _finish(self, workers: Sequence[asyncio.Task[None]]) -> None:
        for outbox in self._outboxes:
            outbox.close()
        if workers:
            await asyncio.wait(workers, timeout=self._policy.grace_s)

    async def _remember(self, receiver: str, step: Transition, outcome: Outcome) -> bool:
        mark = _Mark(step.sequence, outcome, self._clock())
        key = f"{step.id}|{receiver}".encode()
        entry = Entry(self._policy.deliveries, msgspec.json.encode(mark), key, partition=0)
        return await append_patiently(self._log, [entry], Waits(WaitPolicy()), self._stop)
