"""What tests of a running detector share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from simulation import Input, rows
from tocsin.adapters.registry import LogRegistry
from tocsin.core.blocks import decode_scores, decode_transition
from tocsin.core.engine import Engine
from tocsin.core.profile import Profile
from tocsin.core.records import Entry, Place, Scores, Transition, Verdict
from tocsin.ports import Log, TopicSpec
from tocsin.roles.detect import Detector, DetectPolicy
from tocsin.roles.outputs import Topics
from tocsin_models.bundle import Bundle


def specs(topics: Topics, partitions: int = 1) -> list[TopicSpec]:
    return [
        TopicSpec(topics.readings, partitions),
        TopicSpec(topics.scores, partitions),
        TopicSpec(topics.alerts, partitions),
        TopicSpec(topics.dead_letters, 1),
        TopicSpec(topics.state, partitions, compacted=True),
        TopicSpec(topics.models, 1, compacted=True),
        TopicSpec(topics.deliveries, 1, compacted=True),
        TopicSpec(topics.operations, 1),
    ]


async def publish(log: Log, profile: str, bundle: Bundle, topic: str = "models") -> None:
    async with LogRegistry(log, topic) as registry:
        await registry.publish(profile, bundle, Verdict(promoted=True, checks=()), 0)
        await registry.promote(profile, bundle.version)


async def send(log: Log, entries: Sequence[Input], topic: str = "readings") -> None:
    for at in range(0, len(entries), 500):
        await log.append(
            [
                Entry(topic, entry.value, partition=0, time_ns=entry.time_ns)
                for entry in entries[at : at + 500]
            ]
        )


async def values(log: Log, topic: str, partitions: int = 1) -> list[bytes]:
    found = []
    for partition in range(partitions):
        place = Place(topic, partition)
        start, stop = await log.bounds(place)
        async for batch in log.read(place, start, stop):
            found += [value for value in batch.values if value is not None]
    return found


async def score_rows(
    log: Log, topic: str = "scores", partitions: int = 1
) -> tuple[dict[tuple[str, int], bytes], list[tuple[str, int]]]:
    """Return the bytes of every score row, and the keys under which two different ones stand."""
    found: dict[tuple[str, int], bytes] = {}
    conflicts = []
    for value in await values(log, topic, partitions):
        for key, content in rows(decode_scores(value).scores):
            if found.setdefault(key, content) != content:
                conflicts.append(key)
    return found, conflicts


async def all_scores(log: Log, topic: str = "scores") -> list[Scores]:
    return [decode_scores(value).scores for value in await values(log, topic)]


async def steps(log: Log, topic: str = "alerts") -> dict[tuple[str, int], Transition]:
    said = [decode_transition(value) for value in await values(log, topic)]
    return {(step.id, step.sequence): step for step in said}


@asynccontextmanager
async def detecting(
    log: Log, profiles: Sequence[Profile], policy: DetectPolicy
) -> AsyncIterator[Detector]:
    """Run a detector for as long as the block lasts, then let it end as it should."""
    stop = asyncio.Event()
    async with LogRegistry(log, policy.topics.models) as registry:
        detector = Detector(log, registry, Engine(profiles), policy)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(detector.run(stop))
            try:
                yield detector
            finally:
                stop.set()


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is a counter
            await asyncio.sleep(0.02)
