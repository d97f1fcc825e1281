"""What every `Log` must do with topics and their entries."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from contracts.hearing import LogFixtures, entries, everything, values, whole
from tocsin.core.records import Entry, Place, Record
from tocsin.ports import Log, Rejected, TopicSpec

MINUTE_NS = 60_000_000_000


class EntryContract(LogFixtures):
    # Topics

    async def test_it_answers_a_ping_with_one_line(self, log: Log) -> None:
        assert len((await log.ping()).splitlines()) == 1

    async def test_a_topic_is_missing_then_created_then_present(self, log: Log, topic: str) -> None:
        spec = TopicSpec(topic, 3, compacted=True)
        states = []
        for create in (False, True, False, True):
            (finding,) = await log.declare([spec], create=create)
            assert finding.name == topic
            states.append((finding.state, await log.partitions(topic)))
        assert states == [("missing", 0), ("created", 3), ("present", 3), ("present", 3)]

    async def test_a_topic_that_is_not_as_wanted_is_told_and_left_alone(
        self, log: Log, topic: str
    ) -> None:
        await self.create(log, TopicSpec(topic, 2))
        for spec in (TopicSpec(topic, 3), TopicSpec(topic, 2, compacted=True)):
            (finding,) = await log.declare([spec], create=True)
            assert finding.state == "different"
            assert finding.detail
        assert await log.partitions(topic) == 2

    async def test_a_topic_can_have_as_many_partitions_as_the_first_one(
        self, log: Log, topic: str
    ) -> None:
        await self.create(log, TopicSpec(topic, 3))
        findings = await log.declare(
            [TopicSpec(topic, 0), TopicSpec(f"{topic}-like", 0)], create=True
        )
        assert [finding.state for finding in findings] == ["present", "created"]
        assert await log.partitions(f"{topic}-like") == 3

    # Writing

    async def test_offsets_count_up_in_each_partition_in_the_order_of_the_entries(
        self, log: Log, places: list[Place]
    ) -> None:
        first, second = places[:2]
        mixed = [*entries(first, [0, 1]), *entries(second, [2]), *entries(first, [3])]
        assert list(await log.append(mixed)) == [0, 1, 0, 2]
        assert list(await log.append(entries(second, [4, 5]))) == [1, 2]
        assert [record.value for record in await everything(log, first)] == values([0, 1, 3])
        assert [record.value for record in await everything(log, second)] == values([2, 4, 5])
        assert await log.bounds(first) == (0, 3)

    async def test_nothing_is_appended_as_nothing(self, log: Log) -> None:
        assert list(await log.append([])) == []

    async def test_the_same_key_goes_to_the_partition_that_kafka_would_choose(
        self, log: Log, places: list[Place]
    ) -> None:
        # murmur2(key) & 0x7fffffff modulo 4, from the vectors in Kafka's own UtilsTest
        known = {b"21": -973932308, b"foobar": -790332482, b"abc": 479470107}
        keys = [*known, *known]
        await log.append([Entry(places[0].topic, b"", key) for key in keys])
        found = {
            record.key: (place.partition, len(records))
            for place in places
            for records in [await everything(log, place)]
            for record in records
        }
        expected = {key: (mixed & 0x7FFFFFFF) % 4 for key, mixed in known.items()}
        assert {key: partition for key, (partition, _) in found.items() if key} == expected

    async def test_an_explicit_partition_beats_the_key(self, log: Log, places: list[Place]) -> None:
        for place in places:
            await log.append([Entry(place.topic, b"here", b"one key", place.partition)])
        for place in places:
            assert [record.value for record in await everything(log, place)] == [b"here"]

    async def test_keyless_entries_find_a_partition(self, log: Log, places: list[Place]) -> None:
        await log.append([Entry(places[0].topic, value) for value in values(range(10))])
        found = [record.value for place in places for record in await everything(log, place)]
        assert sorted(found, key=str) == values(range(10))

    async def test_keys_values_headers_and_times_come_back_as_they_were(
        self, log: Log, place: Place
    ) -> None:
        time_ns = time.time_ns() // 1_000_000 * 1_000_000 - MINUTE_NS
        headers = (("name", b"\x00\xff"), ("name", b""), ("größe", b"3"))
        written = [
            Entry(place.topic, b"\x00\xff", b"key", 0, headers, time_ns),
            Entry(place.topic, b"", b"", 0, (), time_ns - 1_000_000),
            Entry(place.topic, None, b"gone", 0, (("why", b"old"),), time_ns),
            Entry(place.topic, b"no key", None, 0, (), time_ns),
        ]
        await log.append(written)
        assert await everything(log, place) == [
            Record(place.topic, 0, offset, e.key, e.value, e.headers, e.time_ns or 0)
            for offset, e in enumerate(written)
        ]

    async def test_an_entry_without_a_time_gets_the_time_of_writing(
        self, log: Log, place: Place
    ) -> None:
        before_ns = time.time_ns()
        await log.append([Entry(place.topic, b"now")])
        (record,) = await everything(log, place)
        assert before_ns - 1_000_000 <= record.time_ns <= time.time_ns()

    async def test_an_entry_that_is_too_large_is_refused_by_its_index(
        self, log: Log, place: Place
    ) -> None:
        with pytest.raises(Rejected) as refusal:
            await log.append([*entries(place, [0]), Entry(place.topic, bytes(2 << 20))])
        assert list(refusal.value.reasons) == [1]
        await log.append([Entry(place.topic, bytes(900_000))])

    async def test_a_topic_that_is_not_there_is_refused_by_its_index(
        self, log: Log, place: Place
    ) -> None:
        with pytest.raises(Rejected) as refusal:
            await log.append([*entries(place, [0]), Entry(f"no-{place.topic}", b"lost")])
        assert list(refusal.value.reasons) == [1]

    # Reading without a group

    @pytest.mark.parametrize(
        ("start", "stop", "expected"),
        [
            (0, 10, range(10)),
            (3, 7, range(3, 7)),
            (8, 10**9, range(8, 10)),
            (5, 5, []),
            (10, 20, []),
        ],
    )
    async def test_a_range_gives_what_exists_of_it_and_ends(
        self, log: Log, place: Place, start: int, stop: int, expected: Sequence[int]
    ) -> None:
        await log.append(entries(place, range(10)))
        async with asyncio.timeout(self.patience_s):
            batches = [whole(batch) async for batch in log.read(place, start, stop)]
        assert [value for batch in batches for value in batch.values] == values(expected)

    async def test_an_empty_partition_has_bounds_and_nothing_to_read(
        self, log: Log, place: Place
    ) -> None:
        assert await log.bounds(place) == (0, 0)
        assert [batch async for batch in log.read(place, 0, 100)] == []
        assert await log.last_values(place) == {}

    async def test_a_long_range_comes_in_batches_that_join(self, log: Log, place: Place) -> None:
        for start in range(0, 12_000, 1_000):
            await log.append(entries(place, range(start, start + 1_000)))
        position = 0
        heard: list[bytes | None] = []
        async for batch in log.read(place, 0, 12_000):
            assert whole(batch).low == position
            position = batch.high
            heard.extend(batch.values)
        assert heard == values(range(12_000))

    async def test_the_last_value_of_a_key_counts_and_a_tombstone_ends_it(
        self, log: Log, topic: str
    ) -> None:
        await self.create(log, TopicSpec(topic, 2, compacted=True))
        history = [("a", b"1"), ("b", b"1"), ("a", b"2"), ("c", b"1"), ("b", None), ("c", None)]
        headers = (("h", b"v"),)
        await log.append([Entry(topic, value, key.encode(), 1, headers) for key, value in history])
        await log.append([Entry(topic, b"2", b"c", 1, headers), Entry(topic, b"0", b"a", 0)])
        found = await log.last_values(Place(topic, 1))
        assert set(found) == {b"a", b"c"}
        for key, offset in ((b"a", 2), (b"c", 6)):
            record = found[key]
            assert (record.topic, record.partition, record.offset) == (topic, 1, offset)
            assert (record.key, record.value, record.headers) == (key, b"2", headers)
