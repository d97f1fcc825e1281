import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from draining import (
    a_log,
    alert_entries,
    committed,
    kill,
    running,
    score_entry,
    some_scores,
    step,
    until,
    whole,
)
from tocsin.adapters.embedded import EmbeddedLog, EmbeddedStore
from tocsin.core.blocks import encode_transition
from tocsin.core.points import alert_lines, score_lines
from tocsin.core.records import Entry, Place, Scores, State
from tocsin.ports import Membership, Rejected, Unavailable
from tocsin.roles.consumer import WaitPolicy, Waits
from tocsin.roles.sink import Sink, SinkPolicy

POLICY = SinkPolicy(poll_s=0.05, waits=WaitPolicy(0.01, 0.05))
SCORES = Place("scores", 0)
LETTERS = Place("dead-letters", 0)


class MemoryStore:
    """Keeps lines in memory; may be down, may refuse lines, may hang after it has stored them."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.writes = 0
        self.down = False
        self.taken_at_most = 1 << 30
        self.bad = b"\0"
        self.hangs = False

    async def write(self, lines: Sequence[bytes]) -> None:
        self.writes += 1
        if self.down or len(self.taken) >= self.taken_at_most:
            raise Unavailable("down for a test", 0.01)
        reasons = {n: "bad for a test" for n, line in enumerate(lines) if self.bad in line}
        self.taken += [line for n, line in enumerate(lines) if n not in reasons]
        if self.hangs:
            await asyncio.sleep(3_600)
        if reasons:
            raise Rejected("bad lines", reasons)

    async def ping(self) -> str:
        return "memory"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


@pytest.fixture
async def log() -> AsyncIterator[EmbeddedLog]:
    async with a_log() as log:
        yield log


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def lines_of(*scores: Scores) -> list[bytes]:
    return [line for each in scores for line in score_lines(each).lines]


def in_row(count: int, rows: int = 5) -> list[Scores]:
    """Return ``count`` parts of one long row of windows."""
    return [some_scores("p1", rows, rows * n) for n in range(count)]


async def test_scores_and_alerts_become_points_in_few_writes(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    await log.append([score_entry(each, n % 2) for n, each in enumerate(in_row(40))])
    steps = [step("a1", 1), step("a1", 2, State.RESOLVED)]
    await log.append(alert_entries(steps))
    expected = lines_of(*in_row(40)) + alert_lines(steps).lines
    sink = Sink(log, store, POLICY)
    async with running(sink):
        await until(lambda: len(store.taken) >= len(expected))
    assert sorted(store.taken) == sorted(expected)
    assert store.writes <= 4
    assert await committed(log, "tocsin-sink", SCORES) == 20
    statistics = sink.statistics()
    assert (statistics.entries, statistics.lines) == (42, len(expected))


async def test_a_large_backlog_is_cut_into_writes_and_nothing_is_left(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    await log.append([score_entry(each) for each in in_row(150, 10)])
    async with running(Sink(log, store, replace(POLICY, lines=100))):
        await until(lambda: len(store.taken) >= 3_000)
    assert store.taken == lines_of(*in_row(150, 10))
    assert store.writes >= 30


async def test_a_store_that_is_down_for_a_while_loses_nothing(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    store.down = True
    sink = Sink(log, store, POLICY)
    async with running(sink):
        await log.append([score_entry(each) for each in in_row(10)])
        await until(lambda: store.writes >= 5)
        await log.append([score_entry(each) for each in in_row(20)[10:]])
        store.down = False
        await until(lambda: len(store.taken) >= 200)
    assert store.taken == lines_of(*in_row(20))
    assert sink.statistics().retries >= 5


async def test_commits_are_never_ahead_of_what_the_store_took(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    await log.append([score_entry(each) for each in in_row(20)])
    store.taken_at_most = 70
    async with running(Sink(log, store, replace(POLICY, lines=20))):
        await until(lambda: store.writes >= 10)
    done = await committed(log, "tocsin-sink", SCORES)
    assert 0 < done < 20
    assert store.taken == lines_of(*in_row(done))


async def test_killed_between_write_and_commit_it_writes_the_same_lines_again(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    await log.append([score_entry(each) for each in in_row(10)])
    store.hangs = True
    async with running(Sink(log, store, POLICY)) as task:
        await until(lambda: len(store.taken) > 0)
        await kill(task)
    before, store.taken, store.hangs = store.taken, [], False
    async with running(Sink(log, store, POLICY)):
        await until(lambda: len(store.taken) >= len(before))
    assert store.taken == before == lines_of(*in_row(10))


async def test_rejected_lines_become_dead_letters_and_the_rest_is_stored(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    assets = [some_scores(f"p{n}", 1) for n in range(5)]
    await log.append([score_entry(each) for each in assets])
    store.bad = b"tocsin_score,asset=p3"
    sink = Sink(log, store, POLICY)
    async with running(sink):
        await until(lambda: sink.statistics().entries == 5)
    all_lines = lines_of(*assets)
    assert store.taken == [line for line in all_lines if store.bad not in line]
    (letter,) = await whole(log, LETTERS)
    assert letter.value is not None
    assert store.bad in letter.value
    assert dict(letter.headers) == {
        "__connect.errors.topic": b"scores",
        "__connect.errors.partition": b"0",
        "__connect.errors.offset": b"3",
        "__connect.errors.exception.message": b"bad for a test",
    }
    assert await committed(log, "tocsin-sink", SCORES) == 5


async def test_a_damaged_store_stops_it_and_nothing_counts_as_stored(
    log: EmbeddedLog, tmp_path: Path
) -> None:
    path = tmp_path / "points.sqlite"
    await log.append([score_entry(each) for each in in_row(10)])
    async with EmbeddedStore(path) as store:
        pass
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))  # its tables are gone
    with pytest.raises(Rejected, match="or is damaged; move it away"):
        async with EmbeddedStore(path) as store, running(Sink(log, store, POLICY)) as task:
            await task
    assert await committed(log, "tocsin-sink", SCORES) == 0


async def test_what_is_no_block_becomes_a_dead_letter_and_the_next_is_stored(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    rubbish = [b"", b"\xff", b"\x01", b"x" * 200_000, b"\x80"]
    entries = [Entry("scores", each, partition=0) for each in rubbish]
    await log.append([*entries, Entry("scores", None, partition=0)])
    await log.append([Entry("alerts", b'{"id": 1}', partition=0)])
    await log.append([score_entry(some_scores("p1", 1))])
    sink = Sink(log, store, POLICY)
    async with running(sink):
        await until(lambda: sink.statistics().entries == 8)
    assert store.taken == lines_of(some_scores("p1", 1))
    letters = await whole(log, LETTERS)
    assert sorted(each.value or b"" for each in letters) == sorted(
        [*(each[: 64 * 1024] for each in rubbish), b'{"id": 1}']
    )
    assert sink.statistics().undecodable == 6


async def test_what_has_no_end_becomes_a_dead_letter_too(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    nested = b'{"a":' * 60_000
    huge = encode_transition(step("a1", 1)).replace(b'"sequence":1', b'"sequence":1' + b"0" * 400)
    rubbish = [("alerts", nested), ("alerts", huge), ("operations", nested)]
    await log.append([Entry(topic, value, partition=0) for topic, value in rubbish])
    sink = Sink(log, store, POLICY)
    async with running(sink):
        await until(lambda: sink.statistics().entries == 3)
    letters = await whole(log, LETTERS)
    expected = sorted(value[: 64 * 1024] for _, value in rubbish)
    assert sorted(each.value or b"" for each in letters) == expected


def test_after_a_long_outage_the_store_is_tried_again_within_10_s() -> None:
    waits = Waits(SinkPolicy().waits, tries=100)
    tried_s = [waits.next_s(Unavailable("down")) for _ in range(1_000)]
    assert 9 < max(tried_s) <= 10


async def test_a_name_that_cannot_be_a_tag_becomes_a_dead_letter(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    await log.append([score_entry(some_scores("p\n1", 3)), score_entry(some_scores("p2", 1))])
    sink = Sink(log, store, POLICY)
    async with running(sink):
        await until(lambda: sink.statistics().entries == 2)
    assert store.taken == lines_of(some_scores("p2", 1))
    (letter,) = await whole(log, LETTERS)
    assert letter.value == b"p\n1"
    assert b"control character" in dict(letter.headers)["__connect.errors.exception.message"]
    assert sink.statistics().rejected_lines == 6


async def test_a_partition_lost_while_its_lines_are_written_is_not_committed(
    log: EmbeddedLog, store: MemoryStore
) -> None:
    await log.append([score_entry(some_scores("p1", 5), n) for n in range(2)])
    store.down = True
    async with running(Sink(log, store, POLICY)) as first:
        await until(lambda: store.writes >= 2)
        other = MemoryStore()
        async with running(Sink(log, other, POLICY)):
            await until(lambda: len(other.taken) > 0)
            store.down = False
            await until(lambda: len(store.taken) > 0)
        assert not first.done()
        await until(lambda: len({*store.taken, *other.taken}) == 10)


async def test_it_stops_in_time_while_the_store_hangs(log: EmbeddedLog, store: MemoryStore) -> None:
    await log.append([score_entry(some_scores("p1", 5))])
    store.hangs = True
    async with running(Sink(log, store, POLICY)):
        await until(lambda: store.writes == 1)
    assert await committed(log, "tocsin-sink", SCORES) == 0


async def test_a_long_outage_does_not_cost_the_seat(log: EmbeddedLog, store: MemoryStore) -> None:
    moment = [1_000]
    log.clock = lambda: moment[0]
    await log.append([score_entry(some_scores("p1", 5), n) for n in range(2)])
    store.down = True
    async with log.join("tocsin-sink", ["scores", "alerts"]) as rival:
        held = await look(rival, frozenset())
        async with running(Sink(log, store, POLICY)):
            while len(held) != 2 or not store.writes:
                held = await look(rival, held)
            for _ in range(4):  # each step is most of a session
                moment[0] += 6 * 10**9
                await asyncio.sleep(0.2)
                assert await look(rival, held) == held
            store.down = False
            await until(lambda: len(store.taken) > 0)


async def look(member: Membership, held: frozenset[Place]) -> frozenset[Place]:
    poll = await member.poll((), timeout_s=0.1, max_records=1)
    return held.difference(poll.lost).union(poll.gained)
