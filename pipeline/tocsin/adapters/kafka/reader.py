"""Reading a range of one partition without a group."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import OffsetOutOfRangeError, RecordTooLargeError

from tocsin.adapters.kafka.cluster import Cluster
from tocsin.adapters.kafka.columns import Columns, partition_of
from tocsin.adapters.kafka.failures import FAILURES, close, passes, start, unavailable
from tocsin.adapters.kafka.fetching import LOOK_S, OversizeError, fetch_options, take
from tocsin.adapters.kafka.policy import KafkaPolicy, connection, milliseconds
from tocsin.core.records import Batch, Place, Record

_RECORDS = 10_000


async def read(
    cluster: Cluster, place: Place, start_offset: int, stop: int
) -> AsyncIterator[Batch]:
    """Give the entries with ``start_offset <= offset < stop`` that exist now, and end.

    Ends by position: what stood at the end may have been compacted away.
    """
    low, high = await cluster.bounds(place)
    position, stop = max(start_offset, low), min(stop, high)
    if position >= stop:
        return
    async with _consumer(cluster.policy, place, position) as consumer:
        while position < stop:
            columns = await _next(cluster, consumer, place, position)
            position = columns.high
            columns.end(stop)
            if columns.offsets:
                yield columns.batch(place)


async def last_values(cluster: Cluster, place: Place) -> Mapping[bytes, Record]:
    """Return the newest record of every key, no tombstones."""
    last: dict[bytes, Record] = {}
    low, high = await cluster.bounds(place)
    async for batch in read(cluster, place, low, high):
        newest = {key: index for index, key in enumerate(batch.keys) if key is not None}
        for key, index in newest.items():
            if batch.values[index] is None:
                last.pop(key, None)
            else:
                last[key] = batch.record(index)
    return last


@asynccontextmanager
async def _consumer(policy: KafkaPolicy, place: Place, position: int) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(**connection(policy), **fetch_options(policy))
    await start(policy, consumer)
    try:
        consumer.assign([partition_of(place)])
        consumer.seek(partition_of(place), position)
        yield consumer
    finally:
        await close(policy, consumer)


async def _next(cluster: Cluster, consumer: Any, place: Place, position: int) -> Columns:
    """Return the next records, or none if there is only a new position."""
    tp = partition_of(place)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + cluster.policy.request_timeout_s
    while loop.time() < deadline:
        try:
            found = await take(consumer, [tp], _RECORDS, milliseconds(LOOK_S))
        except OffsetOutOfRangeError:  # retention was faster
            low, _ = await cluster.bounds(place)
            consumer.seek(tp, low)
            return Columns(low)
        except RecordTooLargeError as failure:
            raise OversizeError(failure) from failure
        except FAILURES as failure:
            if passes(failure):
                raise unavailable(cluster.policy, failure) from failure
            raise
        reached = await consumer.position(tp)
        if reached != position:
            return found.get(tp, Columns(reached))
    silence = TimeoutError(f"nothing came from {place.topic}[{place.partition}] at {position}")
    raise unavailable(cluster.policy, silence)
