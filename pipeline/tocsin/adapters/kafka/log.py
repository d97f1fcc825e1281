"""The log port over Kafka."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from tocsin.adapters.kafka import reader
from tocsin.adapters.kafka.cluster import Cluster
from tocsin.adapters.kafka.membership import KafkaMembership
from tocsin.adapters.kafka.policy import KafkaPolicy
from tocsin.adapters.kafka.topics import declare
from tocsin.adapters.kafka.writer import Writer
from tocsin.core.records import Batch, Entry, Place, Record
from tocsin.ports import TopicFinding, TopicSpec


class KafkaLog:
    """A `tocsin.ports.Log` in Apache Kafka.

    Times have milliseconds. While the brokers are away, polls come back empty and everything else
    raises `Unavailable`; all goes on by itself when they are back.
    """

    def __init__(self, policy: KafkaPolicy) -> None:
        self._policy = policy
        self._cluster = Cluster(policy)
        self._writer = Writer(self._cluster)

    async def __aenter__(self) -> Self:
        await self._cluster.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._writer.close()
        finally:
            await self._cluster.__aexit__(kind, error, trace)

    async def ping(self) -> str:
        """Return one line about the brokers, or raise `Unavailable`."""
        return f"Kafka at {self._policy.bootstrap}, {await self._cluster.brokers()} brokers"

    async def declare(self, specs: Sequence[TopicSpec], *, create: bool) -> Sequence[TopicFinding]:
        """Compare topics with what is there, and create the missing ones if ``create``.

        ``partitions=0`` means as many as the first topic of ``specs`` has.
        """
        return await declare(self._cluster, specs, create=create)

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; 0 if there is no such topic."""
        return (await self._cluster.partitions([topic])).get(topic, 0)

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        """Write all entries, and return their offsets; see `tocsin.ports.Log`.

        What can be seen to be refused is, before anything is written.
        """
        return await self._writer.append(entries)

    async def bounds(self, place: Place) -> tuple[int, int]:
        """Return the offset of the first entry that is left, and the next one to be written."""
        return await self._cluster.bounds(place)

    def read(self, place: Place, start: int, stop: int) -> AsyncIterator[Batch]:
        """Give the entries with ``start <= offset < stop`` that exist, in batches, then end."""
        return reader.read(self._cluster, place, start, stop)

    async def last_values(self, place: Place) -> Mapping[bytes, Record]:
        """Return the newest record of every key, no tombstones."""
        return await reader.last_values(self._cluster, place)

    def join(self, group: str, topics: Sequence[str]) -> KafkaMembership:
        """Return a membership of ``group``, to be entered."""
        return KafkaMembership(self._cluster, group, topics)
