"""Questions to the brokers: topics, offsets, commits."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from tocsin.adapters.kafka.columns import partition_of
from tocsin.adapters.kafka.failures import close, passes, patiently, start
from tocsin.adapters.kafka.policy import KafkaPolicy, connection
from tocsin.core.records import Place
from tocsin.ports import Commit, Rejected, Unavailable


@dataclass(frozen=True, slots=True)
class TopicShape:
    """A topic as it is. Settings that we may not see are as Kafka's defaults."""

    partitions: int
    compacted: bool
    retention_ms: int | None
    max_bytes: int


class Cluster:
    """Two clients that may be asked by everybody at once: none of them reads or writes entries."""

    def __init__(self, policy: KafkaPolicy) -> None:
        self.policy = policy
        self._clients = contextlib.AsyncExitStack()
        self._admin: Any = None
        self._offsets: Any = None

    async def __aenter__(self) -> Self:
        options = connection(self.policy)
        async with contextlib.AsyncExitStack() as clients:
            admin = AIOKafkaAdminClient(**options)
            await start(self.policy, admin)
            clients.push_async_callback(close, self.policy, admin)
            offsets = AIOKafkaConsumer(**options, enable_auto_commit=False)
            await start(self.policy, offsets)
            clients.push_async_callback(close, self.policy, offsets)
            self._admin, self._offsets, self._clients = admin, offsets, clients.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._clients.aclose()

    async def brokers(self) -> int:
        """Return how many brokers there are."""
        cluster = await patiently(self.policy, self._admin.describe_cluster)
        return len(cluster["brokers"])

    async def partitions(self, names: Collection[str]) -> Mapping[str, int]:
        """Return how many partitions those of the named topics have that are there.

        All topics are asked for: to ask for one by its name may create it.
        """
        topics = await patiently(self.policy, self._admin.describe_topics)
        return {each["topic"]: len(each["partitions"]) for each in topics if each["topic"] in names}

    async def shapes(self, names: Collection[str]) -> Mapping[str, TopicShape]:
        """Return the shapes of those of the named topics that are there."""
        counts = await self.partitions(names)
        settings = await self._settings(counts)
        return {
            name: TopicShape(
                count,
                "compact" in settings[name].get("cleanup.policy", "delete"),
                _retention_ms(settings[name].get("retention.ms")),
                int(settings[name].get("max.message.bytes", self.policy.entry_bytes)),
            )
            for name, count in counts.items()
        }

    async def _settings(self, names: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        if not names:
            return {}
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answers = await patiently(self.policy, lambda: self._admin.describe_configs(wanted))
        found: dict[str, Mapping[str, str]] = {name: {} for name in names}
        for answer in answers:
            for code, _, _, name, settings in answer.resources:
                if for_code(code) is NoError:
                    found[name] = {each[0]: each[1] for each in settings}
        return found

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create topics; one that is there by now is left as it is.

        Raises:
            Rejected: if Kafka refuses one.
        """
        answer = await patiently(self.policy, lambda: self._admin.create_topics(topics))
        for name, code, message in answer.topic_errors:
            kind = for_code(code)
            if kind in (NoError, TopicAlreadyExistsError):
                continue
            words = f"topic {name!r} was not created: {message or kind.__name__}"
            raise Unavailable(words) if passes(kind()) else Rejected(words)

    async def bounds(self, place: Place) -> tuple[int, int]:
        """Return the offset of the first entry that is left, and the next one to be written.

        Raises:
            Rejected: if there is no such partition.
        """
        tp = partition_of(place)
        known = self._offsets.partitions_for_topic(place.topic) or ()
        if place.partition not in known:
            counts = await self.partitions([place.topic])
            if not 0 <= place.partition < counts.get(place.topic, 0):
                raise Rejected(f"there is no partition {place.partition} of topic {place.topic!r}")
        low = await patiently(self.policy, lambda: self._offsets.beginning_offsets([tp]))
        high = await patiently(self.policy, lambda: self._offsets.end_offsets([tp]))
        return low[tp], high[tp]

    async def committed(self, group: str, place: Place) -> Commit | None:
        """Return the last commit of a group in a partition."""
        tp = partition_of(place)
        return await patiently(self.policy, lambda: self._committed(group, tp))

    async def _committed(self, group: str, tp: Any) -> Commit | None:
        found = await self._admin.list_consumer_group_offsets(group, partitions=[tp])
        if tp not in found:
            # The coordinator is not ready, which aiokafka does not tell from "no commit".
            raise UnknownTopicOrPartitionError(f"no answer about {group!r} in {tp}")
        offset, note = found[tp]
        return None if offset < 0 else Commit(offset, note)


def _retention_ms(setting: str | None) -> int | None:
    return None if setting is None or int(setting) < 0 else int(setting)
