import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from draining import a_log, running
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.records import Entry, Place, Record
from tocsin.ports import Unavailable
from tocsin.roles.consumer import (
    GroupPolicy,
    Seat,
    WaitPolicy,
    Waits,
    append_patiently,
    attend,
    dead_letter,
    pause,
)

GROUP = GroupPolicy("g", ("scores",), poll_s=0.02, grace_s=0.1)


@pytest.fixture
async def log() -> AsyncIterator[EmbeddedLog]:
    async with a_log() as log:
        yield log


def test_waits_are_random_below_a_ceiling_that_doubles() -> None:
    rows = [Waits(WaitPolicy(0.5, 60.0), _dice=random.Random(seed)) for seed in range(200)]
    for ceiling_s in (0.5, 1, 2, 4, 8, 16, 32, 60, 60):
        waits_s = [row.next_s(Unavailable("")) for row in rows]
        assert 0 <= min(waits_s) < 0.1 * ceiling_s
        assert 0.9 * ceiling_s < max(waits_s) <= ceiling_s


def test_what_the_server_asked_for_is_the_least_wait() -> None:
    assert Waits(WaitPolicy(0.5, 60.0)).next_s(Unavailable("", 70.0)) == 70


async def test_a_pause_ends_at_once_when_the_role_is_to_stop() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    began_s = time.monotonic()
    await pause(stop, 60)
    assert time.monotonic() - began_s < 5


def test_a_dead_letter_says_where_its_source_stands_and_carries_no_more_than_64_kb() -> None:
    source = Record("scores", 3, 17, b"k", None, (), 0)
    letter = dead_letter("dead-letters", source, b"x" * 100_000, "no block")
    assert (letter.topic, letter.key, letter.value) == ("dead-letters", b"k", b"x" * 65_536)
    assert dict(letter.headers) == {
        "__connect.errors.topic": b"scores",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"17",
        "__connect.errors.exception.message": b"no block",
    }


async def poll_until(seat: Seat, *, ours: int) -> None:
    async with asyncio.timeout(10):
        while len(seat.places) != ours:
            await seat.poll()


async def test_what_was_read_before_a_place_was_lost_is_never_committed(log: EmbeddedLog) -> None:
    stop = asyncio.Event()
    async with log.join("g", ["scores"]) as membership:
        seat = Seat(membership, GROUP, stop)
        await poll_until(seat, ours=2)
        before = set(seat.places)
        async with log.join("g", ["scores"]) as rival:
            await poll_until(Seat(rival, GROUP, stop), ours=1)
            await poll_until(seat, ours=1)
            (lost,) = before - seat.places
            (kept,) = seat.places
            assert not await seat.commit(lost, 5)
            assert await seat.commit(kept, 5)
        # It comes back while work goes on: it is ours then, but not yet read again.
        await seat.during(asyncio.sleep(0.3))
        assert not await seat.commit(lost, 5)
        await poll_until(seat, ours=2)
        assert await seat.commit(lost, 5)


async def test_reading_begins_where_the_group_stood(log: EmbeddedLog) -> None:
    await log.append([Entry("scores", b"%d" % n, partition=0) for n in range(5)])
    place = Place("scores", 0)
    for first in (0, 3):
        async with log.join("g", ["scores"]) as membership:
            seat = Seat(membership, GROUP, asyncio.Event())
            async with asyncio.timeout(10):
                while not (batches := (await seat.poll()).batches):
                    pass
            assert [batch.low for batch in batches] == [first]
            assert await seat.commit(place, 3)


async def test_work_that_fails_for_want_of_the_log_begins_again(log: EmbeddedLog) -> None:
    class Role:
        begun = 0

        async def run(self, stop: asyncio.Event) -> None:
            await attend(log, GROUP, stop, self._work)

        async def _work(self, seat: Seat) -> None:
            self.begun += 1
            if self.begun < 3:
                raise Unavailable("away for a test")
            await seat.stop.wait()

    role = Role()
    async with running(role), asyncio.timeout(10):
        while role.begun < 3:  # noqa: ASYNC110 - the role tells nobody
            await asyncio.sleep(0.01)


async def test_a_bug_in_the_work_is_not_hidden(log: EmbeddedLog) -> None:
    async def work(_: Seat) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await attend(log, GROUP, asyncio.Event(), work)


async def test_an_append_is_repeated_until_it_is_taken_or_the_role_is_to_stop() -> None:
    class Leaky(EmbeddedLog):
        left = 3

        async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
            self.left -= 1
            if self.left > 0:
                raise Unavailable("away for a test")
            return [0] * len(entries)

    stop, entries = asyncio.Event(), [Entry("scores", b"")]
    log = Leaky(None, clock=time.time_ns)
    assert await append_patiently(log, entries, Waits(WaitPolicy(0.01, 0.01)), stop)
    assert log.left == 0
    log.left = 3
    stop.set()
    assert not await append_patiently(log, entries, Waits(WaitPolicy(0.01, 0.01)), stop)
    assert log.left == 2
