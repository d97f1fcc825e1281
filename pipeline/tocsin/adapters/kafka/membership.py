"""A place in a consumer group, around what aiokafka's consumer does wrong.

- Records may come while a rebalance listener still works, and its errors vanish: ours only notes
  what happened, and a place gives nothing before its `seek`.
- A cancelled ``getmany`` disarms the consumer's own guard against stalling: it runs in a task that
  always comes to its end.
- ``pause()`` throws away what was fetched: partitions are left out of ``getmany`` instead.
- Not to call ``getmany`` for long leaves the group: it is called for a partition that is not ours.
- A record that is too large is skipped: it is sought again, and reported.
- A commit that is repeated after a rebalance would count for the new generation: it is given up as
  soon as a rebalance begins.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    InvalidCommitOffsetSizeError,
    OffsetMetadataTooLargeError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
)
from aiokafka.structs import OffsetAndMetadata

from tocsin.adapters.kafka.cluster import Cluster
from tocsin.adapters.kafka.columns import Columns, partition_of, place_of
from tocsin.adapters.kafka.failures import FAILURES, close, passes, start, unavailable
from tocsin.adapters.kafka.fetching import LOOK_S, OversizeError, fetch_options, take
from tocsin.adapters.kafka.policy import KafkaPolicy, connection, milliseconds
from tocsin.adapters.kafka.tenure import Tenure
from tocsin.adapters.kafka.watchdog import Watchdog
from tocsin.core.records import Batch, Place
from tocsin.ports import Commit, Poll, Rejected

_log = structlog.get_logger()

_NOWHERE = TopicPartition("", 0)
_METADATA_S = 10.0  # how soon new topics and partitions are seen
_GRACE_S = 0.05

Fetched = Mapping[TopicPartition, Columns]


@dataclass(frozen=True, slots=True)
class _Fetch:
    epoch: int
    task: asyncio.Task[Fetched]


class KafkaMembership:
    """One member of a group; see `tocsin.ports.Membership`. Only one task polls and seeks."""

    _tenure: Tenure

    def __init__(self, cluster: Cluster, group: str, topics: Sequence[str]) -> None:
        self._cluster = cluster
        self._policy = cluster.policy
        self._group = group
        self._topics = tuple(topics)
        self._consumer: Any = None
        self._fetch: _Fetch | None = None
        self._sought: set[TopicPartition] = set()
        self._watchdog = Watchdog(cluster)

    async def __aenter__(self) -> Self:
        consumer = AIOKafkaConsumer(**_options(self._policy), group_id=self._group)
        await start(self._policy, consumer)
        self._tenure = Tenure()
        self._consumer = consumer
        consumer.subscribe(self._topics, listener=self._tenure)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        fetch, self._fetch = self._fetch, None
        if fetch is not None:
            fetch.task.cancel()  # from here on there is no guard to disarm
            await asyncio.gather(fetch.task, return_exceptions=True)
        await close(self._policy, self._consumer)

    async def ping(self) -> str:
        """Return one line about the group, or raise `Unavailable`."""
        count = await self._cluster.brokers()
        held = len(self._consumer.assignment())
        return f"member of {self._group} with {held} partitions, {count} brokers"

    async def poll(self, ready: Collection[Place], *, timeout_s: float, max_records: int) -> Poll:
        """Return what changed and what can be read; see `tocsin.ports.Membership`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            wait_s = min(max(deadline - loop.time(), 0.0), LOOK_S)
            targets = [tp for tp in map(partition_of, ready) if self._reads(tp)]
            batches = await self._look(targets, max_records, wait_s)
            if batches:
                self._watchdog.restart()
            if self._tenure.changed.is_set() or batches or loop.time() >= deadline:
                lost, gained = self._tenure.tell()
                self._sought.difference_update(lost)
                return Poll([*map(place_of, lost)], [*map(place_of, gained)], batches)
            await self._watchdog.watch(self._consumer, targets)

    async def seek(self, place: Place, offset: int) -> None:
        """Read on from ``offset``; without effect on a place that is not ours (any more)."""
        tp = partition_of(place)
        while self._fetch is not None and self._tenure.holds(tp):
            await self._finish()  # or it would take us back
        if self._tenure.holds(tp):
            self._consumer.seek(tp, max(offset, 0))
            self._sought.add(tp)
            self._watchdog.restart()

    async def committed(self, place: Place) -> Commit | None:
        """Return the group's last commit."""
        return await self._cluster.committed(self._group, place)

    async def commit(self, place: Place, commit: Commit) -> bool:
        """Commit, unless the place has not been ours all the time since it was gained."""
        tp = partition_of(place)
        if not self._tenure.holds(tp) or not self._is_member():
            return False
        revoked = self._tenure.revoked
        offset = OffsetAndMetadata(commit.offset, commit.note)
        sending = asyncio.create_task(self._consumer.commit({tp: offset}))
        try:
            await asyncio.wait(
                {sending, revoked},
                timeout=self._policy.request_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            sending.cancel()
        outcomes: list[BaseException | None] = await asyncio.gather(sending, return_exceptions=True)
        outcome = outcomes[0]
        if outcome is None:
            return True
        return not revoked.done() and self._judge(outcome)

    def _judge(self, outcome: BaseException) -> bool:
        """Tell what became of a commit that did not just succeed."""
        if isinstance(outcome, CommitFailedError | IllegalStateError):
            return False
        if isinstance(outcome, OffsetMetadataTooLargeError | InvalidCommitOffsetSizeError):
            raise Rejected(f"the note is too large: {outcome}") from outcome
        if isinstance(outcome, asyncio.CancelledError):
            outcome = TimeoutError(f"no answer to a commit in {self._policy.request_timeout_s:g} s")
        if passes(outcome):
            raise unavailable(self._policy, outcome) from outcome
        raise outcome

    def _is_member(self) -> bool:
        # While aiokafka looks for a way back into a group that threw it out, it commits as a client
        # without a group, and Kafka takes that if the group is empty.
        return bool(self._consumer._coordinator.generation > 0)  # noqa: SLF001

    def _reads(self, tp: TopicPartition) -> bool:
        return tp in self._sought and self._tenure.holds(tp)

    async def _look(
        self, targets: Sequence[TopicPartition], limit: int, wait_s: float
    ) -> list[Batch]:
        """Return what can be read within ``wait_s``."""
        if self._fetch is not None:  # of a poll that was cancelled, or held up by a rebalance
            await self._finish()
            return []
        getting = asyncio.create_task(self._get(targets, limit, wait_s))
        fetch = self._fetch = _Fetch(self._tenure.epoch, getting)
        await asyncio.wait({getting}, timeout=wait_s + _GRACE_S)
        if not getting.done():
            return []
        self._fetch = None
        found = await self._outcome(fetch)
        return [columns.batch(place_of(tp)) for tp, columns in found.items()]

    async def _get(self, targets: Sequence[TopicPartition], limit: int, wait_s: float) -> Fetched:
        """Run to the end, whatever happens to the caller."""
        if not targets:
            await self._consumer.getmany(_NOWHERE, timeout_ms=0)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._tenure.changed.wait()
            return {}
        return await take(self._consumer, targets, limit, milliseconds(wait_s))

    async def _finish(self) -> None:
        """Wait for a fetch that nobody wants any more, and read again what it took."""
        if self._fetch is None:
            return
        await asyncio.wait({self._fetch.task}, timeout=LOOK_S)
        if not self._fetch.task.done():
            return  # a rebalance holds it up, which makes it void
        fetch, self._fetch = self._fetch, None
        for tp, columns in (await self._outcome(fetch)).items():
            self._consumer.seek(tp, columns.offsets[0])

    async def _outcome(self, fetch: _Fetch) -> Fetched:
        """Return what a fetch found, unless it has become void."""
        failure = fetch.task.exception()
        if fetch.epoch != self._tenure.epoch:
            return {}
        if failure is None:
            return fetch.task.result()
        if isinstance(failure, OffsetOutOfRangeError):
            await self._return_to_range(failure.args[0])
            return {}
        if isinstance(failure, RecordTooLargeError):
            self._consumer.seek(failure.args[1], failure.args[2])
            raise OversizeError(failure) from failure
        if isinstance(failure, FAILURES) and passes(failure):
            raise unavailable(self._policy, failure) from failure
        raise failure

    async def _return_to_range(self, positions: Mapping[TopicPartition, int]) -> None:
        """Go on from the first entry that is left, or from the end of a log that was cut short."""
        for tp, position in positions.items():
            low, high = await self._cluster.bounds(place_of(tp))
            goal = low if position < low else high
            _log.warning(
                "offset_out_of_range", topic=tp.topic, partition=tp.partition, at=position, to=goal
            )
            if self._reads(tp):
                self._consumer.seek(tp, goal)


def _options(policy: KafkaPolicy) -> dict[str, Any]:
    # A join is answered when all members have joined: no request may time out before that.
    patience_s = policy.rebalance_timeout_s + policy.request_timeout_s
    return {
        **connection(policy),
        **fetch_options(policy),
        "request_timeout_ms": milliseconds(patience_s),
        "metadata_max_age_ms": milliseconds(_METADATA_S),
        "partition_assignment_strategy": (RoundRobinPartitionAssignor,),
        "session_timeout_ms": milliseconds(policy.session_timeout_s),
        "heartbeat_interval_ms": milliseconds(min(policy.session_timeout_s / 4, 3.0)),
        "rebalance_timeout_ms": milliseconds(policy.rebalance_timeout_s),
    }
