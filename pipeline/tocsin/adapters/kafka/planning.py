"""Which entries go to which partition in which batch, and which can go nowhere."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from aiokafka import TopicPartition
from aiokafka.partitioner import murmur2
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from tocsin.adapters.kafka.cluster import TopicShape
from tocsin.adapters.kafka.policy import KafkaPolicy
from tocsin.core.records import Entry
from tocsin.ports import Rejected

_hash = lru_cache(maxsize=1 << 16)(murmur2)  # plain Python, and keys come again and again
_size = DefaultRecordBatchBuilder.estimate_size_in_bytes


@dataclass(slots=True)
class _Cut:
    """The batches of one partition: indices of entries, in order."""

    most_bytes: int
    batches: list[list[int]] = field(default_factory=list)
    filled_bytes: int = 0

    def add(self, index: int, size_bytes: int) -> None:
        if not self.batches or self.filled_bytes + size_bytes > self.most_bytes:
            self.batches.append([])
            self.filled_bytes = 0
        self.batches[-1].append(index)
        self.filled_bytes += size_bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """The entries of one append, the batches to write, and what became of each entry."""

    entries: Sequence[Entry]
    batches: Mapping[TopicPartition, Sequence[Sequence[int]]]
    offsets: list[int]
    reasons: dict[int, str]

    def raise_reasons(self) -> None:
        """Raise `Rejected` if there is an entry that Kafka will never take."""
        if self.reasons:
            words = f"{len(self.reasons)} of {len(self.entries)} entries cannot be written"
            raise Rejected(words, self.reasons)


def plan(policy: KafkaPolicy, entries: Sequence[Entry], shapes: Mapping[str, TopicShape]) -> Plan:
    """Cut ``entries`` into batches that their topics take."""
    cuts: dict[TopicPartition, _Cut] = {}
    reasons = {}
    luck = random.getrandbits(31)  # entries without a key stay together
    for index, entry in enumerate(entries):
        shape = shapes.get(entry.topic)
        size = _size(entry.key, entry.value, list(entry.headers))
        if shape is None:
            reasons[index] = f"there is no topic {entry.topic!r}"
        elif reason := _objection(entry, shape, size):
            reasons[index] = reason
        else:
            tp = TopicPartition(entry.topic, _partition(entry, shape.partitions, luck))
            cut = cuts.get(tp)
            if cut is None:
                cut = cuts[tp] = _Cut(min(policy.batch_bytes, shape.max_bytes))
            cut.add(index, size)
    batches = {tp: cut.batches for tp, cut in cuts.items()}
    return Plan(entries, batches, [-1] * len(entries), reasons)


def _objection(entry: Entry, shape: TopicShape, size_bytes: int) -> str:
    if size_bytes > shape.max_bytes:
        return f"{size_bytes} bytes are more than the {shape.max_bytes} that its topic takes"
    if entry.partition is not None and not 0 <= entry.partition < shape.partitions:
        return f"there is no partition {entry.partition} of topic {entry.topic!r}"
    if shape.compacted and entry.key is None:
        return f"topic {entry.topic!r} is compacted, and so needs a key"
    return ""


def _partition(entry: Entry, count: int, luck: int) -> int:
    """Return the entry's own partition, or the one that Kafka's clients choose for its key."""
    if entry.partition is not None:
        return entry.partition
    number = luck if entry.key is None else _hash(entry.key) & 0x7FFFFFFF
    return int(number % count)
