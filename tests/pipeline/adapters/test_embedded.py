import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.adapters.embedded import EmbeddedLog
from tocsin.adapters.embedded.partitioner import murmur2, partition_of
from tocsin.core.records import Entry, Place
from tocsin.ports import Commit, Membership, Poll, Rejected, TopicSpec, Unavailable

SECOND_NS = 1_000_000_000
T0, T1 = Place("t", 0), Place("t", 1)


class Clock:
    """Time that stands still until it is moved."""

    now_ns = 1_000_000 * SECOND_NS

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def log(clock: Clock) -> AsyncIterator[EmbeddedLog]:
    async with EmbeddedLog(None, clock=clock) as log:
        await log.declare([TopicSpec("t", 2), TopicSpec("c", 1, compacted=True)], create=True)
        yield log


def numbered(numbers: range) -> list[Entry]:
    return [Entry("t", b"%d" % number, None, 0) for number in numbers]


async def look(member: Membership) -> Poll:
    return await member.poll((), timeout_s=0, max_records=1)


async def offsets(log: EmbeddedLog, place: Place) -> list[int]:
    return [offset async for batch in log.read(place, 0, 1 << 50) for offset in batch.offsets]


# Partitions


@pytest.mark.parametrize(
    ("key", "expected"),
    [  # the vectors of Kafka's UtilsTest
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_that_of_kafka(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected & 0xFFFFFFFF


@given(st.binary(max_size=40))
@settings(deadline=None, max_examples=200)
def test_murmur2_is_that_of_aiokafka(key: bytes) -> None:
    assert murmur2(key) == aiokafka_murmur2(key)


def test_keys_spread_over_all_partitions() -> None:
    counts = [0] * 8
    for number in range(8_000):
        counts[partition_of(b"asset-%d" % number, 8)] += 1
    assert min(counts) > 800


# Writing


async def test_an_append_with_one_bad_entry_writes_nothing(log: EmbeddedLog) -> None:
    bad = [
        Entry("t", bytes(1 << 20), b"k"),
        Entry("t", b"", partition=2),
        Entry("t", b"", partition=-1),
        Entry("c", b"no key"),
        Entry("nowhere", b""),
    ]
    with pytest.raises(Rejected) as refusal:
        await log.append([*numbered(range(1)), *bad, *numbered(range(1))])
    assert list(refusal.value.reasons) == [1, 2, 3, 4, 5]
    assert [await log.bounds(place) for place in (T0, T1)] == [(0, 0), (0, 0)]


async def test_a_partition_that_is_not_there_cannot_be_read(log: EmbeddedLog) -> None:
    for place in (Place("t", 2), Place("nowhere", 0)):
        with pytest.raises(Rejected, match=place.topic):
            await log.bounds(place)


async def test_large_entries_come_in_small_batches(log: EmbeddedLog) -> None:
    for _ in range(100):
        await log.append([Entry("t", bytes(1_000_000), None, 0)])
    batches = [batch async for batch in log.read(T0, 0, 100)]
    assert len(batches) > 1
    assert [offset for batch in batches for offset in batch.offsets] == list(range(100))


async def test_a_log_that_was_not_entered_says_so(clock: Clock) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await EmbeddedLog(None, clock=clock).ping()


async def test_what_is_in_a_file_is_there_the_next_time(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "new folder" / "log.db"
    for turn in range(3):
        async with EmbeddedLog(path, clock=clock) as log, log.join("g", ["t"]) as member:
            await log.declare([TopicSpec("t", 1)], create=True)
            clock.advance(2)
            assert (await look(member)).gained == [T0]
            committed = await member.committed(T0)
            assert committed == (Commit(turn - 1, "note") if turn else None)
            assert await member.commit(T0, Commit(turn, "note"))
            assert await log.append(numbered(range(1))) == [turn]


async def test_a_locked_file_is_unavailable_and_nothing_is_written(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.adapters.embedded.database._BUSY_S", 0.05)
    async with EmbeddedLog(tmp_path / "log.db", clock=clock) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked") as failure:
            await log.append(numbered(range(1)))
        assert failure.value.retry_after_s is not None
        other.close()
        assert await log.append(numbered(range(1))) == [0]


async def test_a_file_that_someone_else_is_just_creating_is_waited_for(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def count() -> int:
        async with EmbeddedLog(tmp_path / "log.db", clock=clock) as log:
            return await log.partitions("t")

    monkeypatch.setattr("tocsin.adapters.embedded.database._BUSY_S", 0.01)
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    counting = asyncio.create_task(count())
    await asyncio.sleep(0.1)
    other.close()
    assert await counting == 0


async def test_an_append_that_fails_in_the_middle_leaves_nothing_behind(log: EmbeddedLog) -> None:
    with pytest.raises(OverflowError):
        await log.append([*numbered(range(1)), Entry("t", b"", None, 0, time_ns=1 << 70)])
    assert await log.append(numbered(range(1))) == [0]


async def test_a_full_disk_is_unavailable_and_the_log_goes_on(tmp_path: Path, clock: Clock) -> None:
    async with EmbeddedLog(tmp_path / "log.db", clock=clock) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
        await log._database.call(lambda c: c.execute("PRAGMA max_page_count = 50").fetchall())
        with pytest.raises(Unavailable, match="full"):
            await log.append([Entry("t", bytes(900_000))])
        assert await log.append(numbered(range(1))) == [0]


async def test_a_path_that_cannot_be_opened_is_unavailable(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "log.db"):
        with pytest.raises(Unavailable, match=str(tmp_path)):
            async with EmbeddedLog(path, clock=clock):
                pass


async def test_a_file_that_is_no_log_is_refused_with_what_to_do(
    tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "log.db"
    path.write_text("hello\n")
    with pytest.raises(Rejected, match=r"log\.db is not Tocsin's, or is damaged; move it away"):
        async with EmbeddedLog(path, clock=clock):
            pass


async def test_a_log_whose_pages_are_damaged_is_refused_where_it_is_read(
    tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "log.db"
    async with EmbeddedLog(path, clock=clock) as log:
        await log.declare([TopicSpec("t", 1)], create=True)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(Rejected, match="damaged"):
        async with EmbeddedLog(path, clock=clock) as log:
            await log.ping()


async def test_a_mistake_in_a_query_is_said_as_it_is(log: EmbeddedLog) -> None:
    with pytest.raises(sqlite3.ProgrammingError, match="bindings"):
        await log._database.call(lambda connection: connection.execute("SELECT ?", ()))


async def test_many_may_create_one_file_at_once_and_share_it(tmp_path: Path) -> None:
    async def write() -> None:
        async with EmbeddedLog(tmp_path / "log.db", clock=time.time_ns) as log:
            await log.declare([TopicSpec("t", 1)], create=True)
            for _ in range(20):
                await log.append(numbered(range(10)))

    await asyncio.gather(*(write() for _ in range(8)))
    async with EmbeddedLog(tmp_path / "log.db", clock=time.time_ns) as log:
        assert await offsets(log, T0) == list(range(1_600))


# Groups


async def test_an_overdue_member_loses_its_places_when_someone_else_looks(
    log: EmbeddedLog, clock: Clock
) -> None:
    async with log.join("g", ["t"]) as first:
        assert (await look(first)).gained == [T0, T1]
        async with log.join("g", ["t"]) as second:
            assert (await look(second)).gained == [T1]
            clock.advance(9)
            await look(second)
            clock.advance(2)
            poll = await look(second)
            assert (poll.lost, poll.gained) == ([], [T0])
            assert not await first.commit(T0, Commit(1))
            poll = await look(first)
            assert poll.lost == [T0, T1]
            assert {*poll.gained, *(await look(second)).gained} <= {T0, T1}


async def test_a_member_alone_keeps_its_places_however_long_it_was_away(
    log: EmbeddedLog, clock: Clock
) -> None:
    async with log.join("g", ["t"]) as member:
        await look(member)
        clock.advance(3600)
        assert await member.commit(T0, Commit(1))
        poll = await look(member)
        assert [*poll.lost, *poll.gained] == []
        clock.advance(-7200)
        poll = await look(member)
        assert [*poll.lost, *poll.gained] == []


async def test_a_place_that_went_and_came_back_unseen_is_lost_and_gained_and_fenced(
    log: EmbeddedLog,
) -> None:
    async with log.join("g", ["t"]) as first:
        await look(first)
        async with log.join("g", ["t"]) as second:
            await look(second)
            assert await second.commit(T1, Commit(9, "newer"))
        assert await first.commit(T0, Commit(1))
        assert not await first.commit(T1, Commit(2, "stale"))
        assert await first.committed(T1) == Commit(9, "newer")
        poll = await look(first)
        assert (poll.lost, poll.gained) == ([T1], [T1])
        assert await first.commit(T1, Commit(10))


async def test_nothing_read_before_a_place_was_lost_is_read_on_after_it_came_back(
    log: EmbeddedLog,
) -> None:
    await log.append([Entry("t", b"x", partition=1)] * 10)
    async with log.join("g", ["t"]) as first:
        await look(first)
        await first.seek(T1, 0)
        assert [len(b) for b in (await first.poll([T1], timeout_s=0, max_records=5)).batches] == [5]
        async with log.join("g", ["t"]):
            pass
        poll = await first.poll([T0, T1], timeout_s=0, max_records=5)
        assert (poll.lost, poll.gained, poll.batches) == ([T1], [T1], [])
        assert (await first.poll([T1], timeout_s=0, max_records=5)).batches == []


async def test_a_place_that_nobody_had_for_a_while_is_fenced_all_the_same(
    log: EmbeddedLog, clock: Clock
) -> None:
    async with log.join("g", ["t"]) as first:
        await look(first)
        clock.advance(11)
        async with log.join("g", ["c"]), log.join("g", ["t"]) as second:
            assert (await look(second)).gained == [T0, T1]
            assert not await first.commit(T0, Commit(1, "stale"))
            assert await second.committed(T0) is None


async def test_members_get_only_topics_that_they_asked_for(log: EmbeddedLog) -> None:
    async with log.join("g", ["t"]) as one, log.join("g", ["c", "later"]) as other:
        assert (await look(one)).gained == [T0, T1]
        assert (await look(other)).gained == [Place("c", 0)]


async def test_a_topic_that_comes_later_is_dealt_out(log: EmbeddedLog, clock: Clock) -> None:
    async with log.join("g", ["later"]) as member:
        assert (await look(member)).gained == []
        await log.declare([TopicSpec("later", 2)], create=True)
        clock.advance(2)
        assert (await look(member)).gained == [Place("later", 0), Place("later", 1)]


async def test_after_leaving_nothing_can_be_committed(log: EmbeddedLog) -> None:
    async with log.join("g", ["t"]) as member:
        await look(member)
    assert not await member.commit(T0, Commit(1))


async def test_an_append_wakes_who_waits(log: EmbeddedLog) -> None:
    async with log.join("g", ["t"]) as member:
        await look(member)
        await member.seek(T0, 0)
        waiting = asyncio.create_task(member.poll([T0], timeout_s=30, max_records=10))
        await asyncio.sleep(0.05)
        began_s = time.monotonic()
        await log.append(numbered(range(1)))
        assert len((await waiting).batches) == 1
        assert time.monotonic() - began_s < 0.7  # a second if it had only looked again


async def test_another_process_is_heard_of_within_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with (
        EmbeddedLog(path, clock=time.time_ns) as reads,
        EmbeddedLog(path, clock=time.time_ns) as writes,
    ):
        await writes.declare([TopicSpec("t", 1)], create=True)
        async with reads.join("g", ["t"]) as member:
            await look(member)
            await member.seek(T0, 0)
            waiting = asyncio.create_task(member.poll([T0], timeout_s=30, max_records=10))
            await asyncio.sleep(0.1)
            await writes.append(numbered(range(1)))
            began_s = time.monotonic()
            assert len((await waiting).batches) == 1
            assert time.monotonic() - began_s < 1


async def test_a_poll_over_a_seek_made_meanwhile_gives_nothing_of_the_old_position(
    log: EmbeddedLog,
) -> None:
    await log.append(numbered(range(10)))
    async with log.join("g", ["t"]) as member:
        await look(member)
        await member.seek(T0, 0)
        polling = asyncio.create_task(member.poll([T0], timeout_s=0.2, max_records=3))
        await asyncio.sleep(0)
        await member.seek(T0, 7)
        assert [list(batch.offsets) for batch in (await polling).batches] == [[7, 8, 9]]
