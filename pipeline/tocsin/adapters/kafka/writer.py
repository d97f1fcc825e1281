"""Appending: one idempotent producer, and batches that are cut here.

Each partition has one batch on its way at a time, so its entries stay in order whatever is
repeated. A producer whose batch failed has lost count of its sequence numbers, which aiokafka
never mends: another takes its place.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    InvalidTimestampError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
)

from tocsin.adapters.kafka.cluster import Cluster, TopicShape
from tocsin.adapters.kafka.failures import FAILURES, close, start, unavailable
from tocsin.adapters.kafka.planning import Plan, plan
from tocsin.adapters.kafka.policy import connection, milliseconds
from tocsin.core.records import Entry
from tocsin.ports import Unavailable

_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError)
_NEVER_FULL = 1 << 30


class Writer:
    """Writes entries; any number of tasks may do so at once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._policy = cluster.policy
        self._producer: Any = None
        self._starting = asyncio.Lock()
        self._shapes: dict[str, TopicShape] = {}
        self._unsettled: dict[asyncio.Future[Any], Any] = {}
        self._farewells: set[asyncio.Task[None]] = set()

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        """Write all entries, and return their offsets; see `tocsin.ports.Log`.

        What an earlier append gave up waiting for is settled first: it is still being tried, and
        nothing may overtake it.
        """
        try:
            async with asyncio.timeout(self._policy.append_timeout_s):
                if self._unsettled:
                    await asyncio.wait(self._unsettled)
                planned = await self._plan(entries)
                await self._write(planned)
        except TimeoutError as failure:
            words = f"no acknowledgement in {self._policy.append_timeout_s:g} s"
            raise unavailable(self._policy, TimeoutError(words)) from failure
        planned.raise_reasons()
        return planned.offsets

    async def close(self) -> None:
        """End; what earlier appends gave up waiting for is not tried any more."""
        for producer in set(self._unsettled.values()):
            # Its stop() would wait until the brokers are back.
            producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
        if self._producer is not None:
            self._retire(self._producer)
        if self._farewells:
            await asyncio.wait(self._farewells)

    async def _plan(self, entries: Sequence[Entry]) -> Plan:
        """Cut entries into batches; raises `Rejected` if one can never be written."""
        topics = {entry.topic for entry in entries}
        await self._learn(topics)
        planned = plan(self._policy, entries, self._shapes)
        if planned.reasons:  # perhaps the topics have changed since they were looked at
            self._shapes.clear()
            await self._learn(topics)
            planned = plan(self._policy, entries, self._shapes)
        planned.raise_reasons()
        return planned

    async def _learn(self, topics: set[str]) -> None:
        if unknown := topics.difference(self._shapes):
            self._shapes.update(await self._cluster.shapes(unknown))

    async def _write(self, planned: Plan) -> None:
        writing = [
            asyncio.create_task(self._write_partition(planned, tp, batches))
            for tp, batches in planned.batches.items()
        ]
        try:
            await asyncio.gather(*writing)
        finally:
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)

    async def _write_partition(
        self, planned: Plan, tp: TopicPartition, batches: Sequence[Sequence[int]]
    ) -> None:
        left = deque(batches)
        while left:
            batch = left.popleft()
            try:
                base = await self._send(tp, [planned.entries[index] for index in batch])
            except _REFUSALS as refusal:
                if len(batch) == 1:
                    planned.reasons[batch[0]] = f"refused by Kafka: {type(refusal).__name__}"
                else:  # one by one, to find out which it is
                    left.extendleft([index] for index in reversed(batch))
                continue
            for step, index in enumerate(batch):
                planned.offsets[index] = base + step

    async def _send(self, tp: TopicPartition, entries: Sequence[Entry]) -> int:
        """Write one batch and return the offset of its first entry."""
        producer = await self._ready()
        try:
            batch = _fill(producer.create_batch(), entries)
            future = await producer.send_batch(batch, tp.topic, partition=tp.partition)
            base = await self._acknowledgement(producer, future)
        except FAILURES as failure:
            self._retire(producer)
            if isinstance(failure, _REFUSALS):
                raise
            raise unavailable(self._policy, failure) from failure
        if base < 0:
            raise Unavailable(f"{tp.topic} took a batch without telling where it is")
        return base

    async def _acknowledgement(self, producer: Any, future: asyncio.Future[Any]) -> int:
        try:
            await asyncio.wait({future})  # awaiting the future itself would cancel it with us
        finally:
            if not future.done():
                self._unsettled[future] = producer
                future.add_done_callback(self._settle)
        return int(future.result().offset)

    def _settle(self, future: asyncio.Future[Any]) -> None:
        producer = self._unsettled.pop(future)
        if not future.cancelled() and future.exception():
            self._retire(producer)

    async def _ready(self) -> Any:
        """Return a producer that works, as far as we know."""
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **connection(self._policy),
                    acks="all",
                    enable_idempotence=True,
                    compression_type=self._policy.compression,
                    max_batch_size=_NEVER_FULL,
                    metadata_max_age_ms=milliseconds(self._policy.rebalance_timeout_s),
                )
                await start(self._policy, producer)
                self._producer = producer
            return self._producer

    def _retire(self, producer: Any) -> None:
        """Let a producer end in the background, with what it still has on its way."""
        if self._producer is not producer:
            return
        self._producer = None
        self._shapes.clear()  # a refusal may be due to a topic that has changed
        farewell = asyncio.create_task(close(self._policy, producer))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)


def _fill(batch: Any, entries: Sequence[Entry]) -> Any:
    for entry in entries:
        time_ms = None if entry.time_ns is None else entry.time_ns // 1_000_000
        headers = list(entry.headers)
        batch.append(key=entry.key, value=entry.value, timestamp=time_ms, headers=headers)
    batch.close()
    return batch
