"""What the contract tests of a `Log` write with, listen with and wait with."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from uuid import uuid4

import pytest

from tocsin.core.records import Batch, Entry, Place, Record
from tocsin.ports import Commit, Log, Membership, Poll, TopicSpec


def values(numbers: Iterable[int]) -> list[bytes]:
    return [b"value %d" % number for number in numbers]


def entries(place: Place, numbers: Iterable[int]) -> list[Entry]:
    return [Entry(place.topic, value, partition=place.partition) for value in values(numbers)]


def whole(batch: Batch) -> Batch:
    """Assert that a batch is what it says it is."""
    columns = (batch.times_ns, batch.keys, batch.values, batch.headers)
    assert {len(column) for column in columns} == {len(batch)}
    assert batch.low == batch.offsets[0]
    assert batch.high > batch.offsets[-1]
    assert list(batch.offsets) == sorted(set(batch.offsets))
    return batch


async def everything(log: Log, place: Place) -> list[Record]:
    low, high = await log.bounds(place)
    batches = [whole(batch) async for batch in log.read(place, low, high)]
    return [batch.record(index) for batch in batches for index in range(len(batch))]


class Listener:
    """A member that begins each gained place at the last commit, and keeps what it was given."""

    def __init__(self, member: Membership) -> None:
        self.member = member
        self.held: set[Place] = set()
        self.heard: list[bytes | None] = []
        self.ends: dict[Place, int] = {}

    async def turn(self, max_records: int = 1_000) -> Poll:
        poll = await self.member.poll(self.held, timeout_s=0.1, max_records=max_records)
        self.held.difference_update(poll.lost)
        for place in poll.gained:
            commit = await self.member.committed(place)
            self.ends[place] = commit.offset if commit else 0
            await self.member.seek(place, self.ends[place])
            self.held.add(place)
        for batch in map(whole, poll.batches):
            assert batch.place in self.held
            assert batch.low >= self.ends[batch.place]
            self.ends[batch.place] = batch.high
            self.heard.extend(batch.values)
        return poll

    async def commit(self) -> None:
        for place in self.held:
            assert await self.member.commit(place, Commit(self.ends[place]))


class LogFixtures:
    patience_s = 30.0

    async def vanish(self, member: Membership) -> None:
        """Let a member die without leaving its group, but so that `commit` can still be tried."""
        raise NotImplementedError

    @pytest.fixture
    def topic(self) -> str:
        return f"topic-{uuid4().hex}"

    @pytest.fixture
    def group(self) -> str:
        return f"group-{uuid4().hex}"

    @pytest.fixture
    async def place(self, log: Log, topic: str) -> Place:
        """The only partition of a topic."""
        await self.create(log, TopicSpec(topic, 1))
        return Place(topic, 0)

    @pytest.fixture
    async def places(self, log: Log, topic: str) -> list[Place]:
        """The four partitions of a topic."""
        await self.create(log, TopicSpec(topic, 4))
        return [Place(topic, partition) for partition in range(4)]

    async def create(self, log: Log, *specs: TopicSpec) -> None:
        findings = await log.declare(specs, create=True)
        assert [finding.state for finding in findings] == ["created"] * len(specs)

    async def listen(self, listeners: Sequence[Listener], done: Callable[[], bool]) -> None:
        async with asyncio.timeout(self.patience_s):
            while not done():
                await asyncio.gather(*(listener.turn() for listener in listeners))

    async def gain(self, member: Membership, place: Place, offset: int = 0) -> None:
        """Poll until a place is the member's, and begin it at ``offset``."""
        async with asyncio.timeout(self.patience_s):
            while place not in (await member.poll((), timeout_s=0.1, max_records=1)).gained:
                pass
        await member.seek(place, offset)

    async def take(self, member: Membership, ready: Iterable[Place], count: int) -> list[Batch]:
        """Poll until ``count`` entries have come; there must not be more."""
        taken: list[Batch] = []
        async with asyncio.timeout(self.patience_s):
            while sum(map(len, taken)) < count:
                poll = await member.poll(set(ready), timeout_s=0.1, max_records=100)
                taken.extend(map(whole, poll.batches))
        assert sum(map(len, taken)) == count
        return taken
