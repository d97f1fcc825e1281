"""From aiokafka's records to columns."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from aiokafka import TopicPartition

from tocsin.core.records import Batch, Headers, Place

_offset = attrgetter("offset")
_time_ms = attrgetter("timestamp")
_key = attrgetter("key")
_value = attrgetter("value")
_headers = attrgetter("headers")


@dataclass(slots=True)
class Columns:
    """Records of one partition in a row, and the position behind them."""

    high: int = 0
    offsets: list[int] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)

    def extend(self, rows: Sequence[Any], high: int) -> None:
        """Append aiokafka's records."""
        self.high = high
        self.offsets.extend(map(_offset, rows))
        self.times_ns.extend(time_ms * 1_000_000 for time_ms in map(_time_ms, rows))
        self.keys.extend(map(_key, rows))
        self.values.extend(map(_value, rows))
        self.headers.extend(map(_headers, rows))

    def end(self, stop: int) -> None:
        """Forget records from ``stop`` on."""
        self.high = min(self.high, stop)
        count = bisect_left(self.offsets, stop)
        for column in (self.offsets, self.times_ns, self.keys, self.values, self.headers):
            del column[count:]

    def batch(self, place: Place) -> Batch:
        """Return what is there, at least one record, as a batch."""
        low, columns = self.offsets[0], (self.times_ns, self.keys, self.values, self.headers)
        return Batch(place, low, self.high, self.offsets, *columns)


def place_of(tp: TopicPartition) -> Place:
    """Return aiokafka's partition as ours."""
    return Place(tp.topic, tp.partition)


def partition_of(place: Place) -> TopicPartition:
    """Return our partition as aiokafka's."""
    return TopicPartition(place.topic, place.partition)
