"""What the tests of roles share: a log in memory, entries for it, a role that runs a while."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, Self

import numpy as np

from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.blocks import encode_scores, encode_transition
from tocsin.core.records import (
    Entry,
    Notice,
    Place,
    Record,
    Rule,
    Scores,
    Severity,
    State,
    Transition,
)
from tocsin.ports import Log, Rejected, TopicSpec, Unavailable

BEGAN_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
TOPICS = [
    TopicSpec("scores", 2),
    TopicSpec("alerts", 2),
    TopicSpec("dead-letters", 1),
    TopicSpec("deliveries", 1, compacted=True),
    TopicSpec("operations", 1),
]


class Role(Protocol):
    async def run(self, stop: asyncio.Event) -> None: ...


@asynccontextmanager
async def a_log() -> AsyncIterator[EmbeddedLog]:
    async with EmbeddedLog(None, clock=time.time_ns) as log:
        await log.declare(TOPICS, create=True)
        yield log


@asynccontextmanager
async def running(role: Role) -> AsyncIterator[asyncio.Task[None]]:
    """Run ``role``, and let it stop in time at the end unless it was killed before."""
    stop = asyncio.Event()
    task = asyncio.create_task(role.run(stop))
    try:
        yield task
    finally:
        stop.set()
        done, _ = await asyncio.wait({task}, timeout=10)
        if not done:
            await kill(task)
        assert done, "the role did not stop within 10 s"
    if not task.cancelled():
        task.result()


async def kill(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def until(true: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - what it looks at tells nobody
            await asyncio.sleep(0.005)


async def committed(log: Log, group: str, place: Place) -> int:
    """Return what the group has committed; nobody else may be in it."""
    async with log.join(group, [place.topic]) as membership:
        while place not in (await membership.poll((), timeout_s=0.1, max_records=1)).gained:
            pass
        commit = await membership.committed(place)
    return commit.offset if commit else 0


async def whole(log: Log, place: Place) -> list[Record]:
    """Return all entries of a partition."""
    low, high = await log.bounds(place)
    return [
        batch.record(index)
        async for batch in log.read(place, low, high)
        for index in range(len(batch))
    ]


def some_scores(asset: str, rows: int, first: int = 0) -> Scores:
    """Return ``rows`` scored windows of one asset with one channel, from window ``first`` on."""
    one = np.ones((rows, 1), np.float32)
    return Scores(
        profile="pump",
        model="m1",
        channels=("flow",),
        names=(asset,),
        asset=np.zeros(rows, np.int32),
        end_ns=BEGAN_NS + SECOND_NS * np.arange(first, first + rows, dtype=np.int64),
        status=np.zeros(rows, np.uint8),
        score=np.linspace(0.1, 0.9, rows),
        error=np.linspace(0.2, 0.8, rows),
        blame=one,
        expected=one,
        measured=one,
        coverage=one,
    )


def score_entry(scores: Scores, partition: int = 0) -> Entry:
    return Entry("scores", encode_scores(scores, 0, 1), partition=partition)


def step(alert: str, sequence: int, state: State = State.OPEN, asset: str = "p1") -> Transition:
    at_ns = BEGAN_NS + sequence * SECOND_NS
    return Transition(
        id=alert,
        sequence=sequence,
        asset=asset,
        profile="pump",
        rule=Rule.ANOMALY,
        state=state,
        severity=Severity.WARNING,
        began_ns=BEGAN_NS,
        opened_ns=BEGAN_NS,
        at_ns=at_ns,
        resolved_ns=at_ns if state is State.RESOLVED else None,
        score=1.5,
        summary="flow is not as it was",
    )


def alert_entries(steps: Sequence[Transition]) -> list[Entry]:
    return [Entry("alerts", encode_transition(each), each.asset.encode()) for each in steps]


class MemoryNotifier:
    """Keeps what it is told; may be down, gone, busy, or hang."""

    def __init__(self) -> None:
        self.told: list[Transition] = []
        self.tries: list[tuple[float, str]] = []
        self.down = False
        self.gone = False
        self.hangs = False
        self.refuses = ""
        self.retry_after_s: float | None = None

    async def deliver(self, notice: Notice) -> None:
        self.tries.append((time.monotonic(), notice.id))
        if self.hangs:
            await asyncio.sleep(3_600)
        if self.gone:
            raise Rejected("gone for a test")
        if self.down or notice.transitions[0].id == self.refuses:
            raise Unavailable("down for a test", self.retry_after_s)
        self.told += notice.transitions

    async def ping(self) -> str:
        return "memory"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...
