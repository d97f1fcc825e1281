"""What the roles that drain the log share: a seat in a consumer group, waits, dead letters."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from tocsin.core.records import Entry, Place, Record
from tocsin.ports import Commit, Log, Membership, Poll, Unavailable

_log = structlog.get_logger()
_Result = TypeVar("_Result")

_LETTER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """How a role sits in its consumer group.

    Attributes:
        group: its name.
        topics: what the group reads.
        poll_s: how long a look at the log waits for something new, and how often the group is
            looked at while work keeps the role from reading.
        records: entries of one partition that one look returns at most.
        grace_s: how long work may go on once the role is to stop.
    """

    group: str
    topics: tuple[str, ...]
    poll_s: float = 0.5
    records: int = 64
    grace_s: float = 2.0


@dataclass(frozen=True, slots=True)
class WaitPolicy:
    """Waits between tries: random below a ceiling that doubles from the first to the longest."""

    first_s: float = 0.5
    longest_s: float = 60.0


@dataclass(slots=True)
class Waits:
    """The growing waits of one row of failures, with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    policy: WaitPolicy
    tries: int = 0
    _dice: random.Random = field(default_factory=random.Random, repr=False)

    def next_s(self, failure: Unavailable) -> float:
        """Return how long to wait now; what the server asked for is the least."""
        ceiling_s = min(self.policy.longest_s, self.policy.first_s * 2.0 ** min(self.tries, 32))
        self.tries += 1
        return max(self._dice.uniform(0, ceiling_s), failure.retry_after_s or 0.0)


async def pause(stop: asyncio.Event, wait_s: float) -> None:
    """Wait ``wait_s`` seconds, or until ``stop``."""
    try:
        async with asyncio.timeout(wait_s):
            await stop.wait()
    except TimeoutError:
        return


class Seat:
    """A role's place in its consumer group.

    A gained partition is read from its last commit, or from its first entry. Commits go only to
    partitions that have been ours without interruption since the last `poll`, so what was read
    before a partition was lost can never be committed after it came back.

    Attributes:
        places: the partitions that are ours and being read.
        stop: set when the role is to end.
    """

    def __init__(self, membership: Membership, policy: GroupPolicy, stop: asyncio.Event) -> None:
        self.places: set[Place] = set()
        self.stop = stop
        self._membership = membership
        self._policy = policy
        self._gained: set[Place] = set()
        self._committed: dict[Place, int] = {}

    @property
    def positions(self) -> Mapping[Place, int]:
        """The next entry to be committed of each partition that is being read."""
        return {place: self._committed[place] for place in self.places}

    async def poll(self) -> Poll:
        """Begin with what was gained, and return what can be read and what was lost."""
        for place in sorted(self._gained, key=lambda each: (each.topic, each.partition)):
            commit = await self._membership.committed(place)
            offset = commit.offset if commit else 0
            await self._membership.seek(place, offset)
            self._gained.discard(place)
            self.places.add(place)
            self._committed[place] = offset
        return await self._look(self.places, self._policy.poll_s)

    async def commit(self, place: Place, offset: int) -> bool:
        """Commit; False if the place is no longer ours."""
        if place not in self.places:
            return False
        if self._committed[place] == offset:
            return True
        if not await self._membership.commit(place, Commit(offset)):
            self.places.discard(place)
            return False
        self._committed[place] = offset
        return True

    async def during(self, work: Coroutine[Any, Any, _Result]) -> _Result | None:
        """Do ``work`` while keeping the seat; None if it was not done in time after ``stop``."""
        task = asyncio.create_task(work)
        try:
            while not task.done() and not self.stop.is_set():
                await asyncio.wait({task}, timeout=self._policy.poll_s)
                if not task.done():
                    await self._look((), 0.0)
            await asyncio.wait({task}, timeout=self._policy.grace_s)
            return task.result() if task.done() else None
        finally:
            await cancel(task)

    async def _look(self, ready: Collection[Place], timeout_s: float) -> Poll:
        poll = await self._membership.poll(
            ready, timeout_s=timeout_s, max_records=self._policy.records
        )
        self.places.difference_update(poll.lost)
        self._gained.difference_update(poll.lost)
        self._gained.update(poll.gained)
        return poll


async def attend(
    log: Log, policy: GroupPolicy, stop: asyncio.Event, work: Callable[[Seat], Awaitable[None]]
) -> None:
    """Take a seat and do ``work`` there until ``stop``; take a new one whenever the log was gone.

    ``work`` may raise `Unavailable` and then begins again from what was committed.
    """
    waits = Waits(WaitPolicy())
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            async with log.join(policy.group, policy.topics) as membership:
                await work(Seat(membership, policy, stop))
        except Unavailable as failure:
            if time.monotonic() - began_s > waits.policy.longest_s:
                waits.tries = 0
            wait_s = waits.next_s(failure)
            _log.warning(
                "log_unavailable", group=policy.group, reason=str(failure), wait_s=round(wait_s, 3)
            )
            await pause(stop, wait_s)


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel what still runs and wait until it has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def append_patiently(
    log: Log, entries: list[Entry], waits: Waits, stop: asyncio.Event
) -> bool:
    """Write ``entries`` into the log however long it takes; False if ``stop`` came first."""
    while entries:
        try:
            await log.append(entries)
            break
        except Unavailable as failure:
            wait_s = waits.next_s(failure)
            _log.warning("log_unavailable", reason=str(failure), wait_s=round(wait_s, 3))
            await pause(stop, wait_s)
            if stop.is_set():
                return False
    return True


def dead_letter(topic: str, source: Record, value: bytes, reason: str) -> Entry:
    """Return the entry that says what of ``source`` could not be used, and why.

    Headers are named as Kafka Connect names them. ``value`` is what could not be used; of more than
    64 kB only the beginning travels, the whole stands where the headers say.
    """
    headers = (
        ("__connect.errors.topic", source.topic.encode()),
        ("__connect.errors.partition", str(source.partition).encode()),
        ("__connect.errors.offset", str(source.offset).encode()),
        ("__connect.errors.exception.message", reason.encode()),
    )
    return Entry(topic, value[:_LETTER_BYTES], source.key, headers=headers)
