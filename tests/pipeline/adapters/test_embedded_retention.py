import time
from collections.abc import Mapping

import pytest

from tocsin.adapters.embedded import EmbeddedLog, LogPolicy
from tocsin.core.records import Entry, Place
from tocsin.ports import TopicSpec

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
START_NS = 1_000 * HOUR_NS
PLACE = Place("t", 0)
OFTEN = LogPolicy(retention_ns=HOUR_NS, sweep_ns=10 * SECOND_NS)


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


async def left(log: EmbeddedLog, start: int = 0) -> list[int]:
    return [offset async for batch in log.read(PLACE, start, 1 << 50) for offset in batch.offsets]


def at(*hours: float) -> list[Entry]:
    return [Entry("t", b"v", time_ns=START_NS + int(hour * HOUR_NS)) for hour in hours]


async def test_old_entries_go_and_offsets_go_on() -> None:
    clock = Clock()
    async with EmbeddedLog(None, clock=clock, policy=OFTEN) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        await log.append(at(0, 0.1, 0.5))
        clock.now_ns += int(1.2 * HOUR_NS)
        assert await log.append(at(1.2)) == [3]  # writing sweeps
        assert await left(log) == [2, 3]
        assert await log.bounds(PLACE) == (2, 4)
        assert await left(log, start=1) == [2, 3]
        async with log.join("g", ["t"]) as member:
            assert (await member.poll((), timeout_s=0, max_records=1)).gained == [PLACE]
            await member.seek(PLACE, 0)
            (batch,) = (await member.poll([PLACE], timeout_s=0, max_records=10)).batches
            assert (batch.low, batch.high) == (2, 4)


async def test_the_end_is_remembered_when_everything_is_gone() -> None:
    async with EmbeddedLog(None, clock=Clock(), policy=LogPolicy(retention_bytes=0)) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        await log.append(at(0, 0))
        assert await log.trim() == 2
        assert await log.bounds(PLACE) == (2, 2)
        assert await log.append(at(0)) == [2]


@pytest.mark.parametrize("retention_ns", [2 * HOUR_NS, HOUR_NS])
async def test_a_topic_may_have_a_retention_of_its_own(retention_ns: int) -> None:
    clock = Clock()
    policy = LogPolicy(retention_ns=None)
    async with EmbeddedLog(None, clock=clock, policy=policy) as log:
        await log.declare([TopicSpec("t", 1, retention_ns=retention_ns)], create=True)
        await log.append(at(0, 1.5))
        clock.now_ns += 2 * HOUR_NS
        await log.trim()
        assert await left(log) == ([0, 1] if retention_ns == 2 * HOUR_NS else [1])


async def test_a_recording_from_years_ago_is_not_old_while_it_is_replayed() -> None:
    async with EmbeddedLog(None, clock=time.time_ns, policy=OFTEN) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        await log.append(at(0, 0.5, 0.9))
        assert await log.trim() == 0
        await log.append(at(1.2))
        assert await log.trim() == 1


async def test_an_entry_from_the_future_makes_nothing_old() -> None:
    async with EmbeddedLog(None, clock=Clock(), policy=OFTEN) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        await log.append(at(0, 0, 700_000))
        assert await log.trim() == 0


async def test_a_partition_that_is_too_large_loses_its_oldest_entries() -> None:
    policy = LogPolicy(retention_bytes=10_000)
    async with EmbeddedLog(None, clock=Clock(), policy=policy) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        await log.append([Entry("t", bytes(990), b"0123456789")] * 15)
        assert await log.trim() == 5
        assert await left(log) == list(range(5, 15))
        await log.append([Entry("t", bytes(500), headers=(("h", bytes(300)),))])
        assert await log.trim() == 1
        await log.append([Entry("t", bytes(10_000))])
        assert await log.trim() == 10
        assert await left(log) == [16]


async def test_much_is_forgotten_in_steps_until_nothing_is_left_to_do() -> None:
    clock = Clock()
    async with EmbeddedLog(None, clock=clock, policy=OFTEN) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        for _ in range(25):
            await log.append(at(*[0.0] * 1_000))
        await log.append(at(2))
        clock.now_ns += 2 * HOUR_NS
        assert await log.trim() == 25_000
        assert await left(log) == [25_000]


async def history(log: EmbeddedLog) -> Mapping[bytes, tuple[int, bytes | None]]:
    """Write many values of few keys, the last one of one key a tombstone."""
    entries = [Entry("t", b"%d" % n, b"key-%d" % (n % 7)) for n in range(3_000)]
    await log.append([*entries, Entry("t", None, b"key-6")])
    return {key: (r.offset, r.value) for key, r in (await log.last_values(PLACE)).items()}


async def test_compaction_keeps_the_newest_of_each_key_and_changes_no_last_value() -> None:
    async with EmbeddedLog(None, clock=Clock()) as log:
        await log.declare([TopicSpec("t", 1, compacted=True)], create=True)
        before = await history(log)
        assert await log.trim() == 3_001 - 7
        after = await log.last_values(PLACE)
        assert {key: (r.offset, r.value) for key, r in after.items()} == before
        assert sorted(before) == [b"key-%d" % n for n in range(6)]
        assert await left(log) == [2_993, 2_994, *range(2_996, 3_001)]
        remaining = [batch async for batch in log.read(PLACE, 0, 3_001)]
        assert remaining[-1].high == 3_001


async def test_compaction_waits_until_it_is_worth_it_and_forgets_old_tombstones() -> None:
    clock = Clock()
    async with EmbeddedLog(None, clock=clock) as log:
        await log.declare([TopicSpec("t", 1, compacted=True)], create=True)
        await history(log)
        await log.trim()
        await log.append([Entry("t", b"again", b"key-0")])
        assert await log.trim() == 0
        await log.append([Entry("t", b"again", b"key-1")] * 1_000)
        clock.now_ns += 25 * HOUR_NS
        assert await log.trim() == 7 + 1_001 - 6
        assert 3_000 not in await left(log)
        assert (await log.bounds(PLACE))[1] == 4_002


async def test_compacted_topics_keep_their_old_entries() -> None:
    clock = Clock()
    policy = LogPolicy(retention_ns=HOUR_NS, retention_bytes=1)
    async with EmbeddedLog(None, clock=clock, policy=policy) as log:
        await log.declare([TopicSpec("t", 1, compacted=True)], create=True)
        await log.append(
            [Entry("t", b"v", b"k"), Entry("t", b"w", b"l", time_ns=START_NS + 9 * HOUR_NS)]
        )
        clock.now_ns += 10 * HOUR_NS
        assert await log.trim() == 0
