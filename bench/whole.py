"""The real detector on the real Kafka, from its first poll to the last score block's safety."""

import asyncio
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import feed

from tocsin.adapters.kafka import KafkaLog, KafkaPolicy
from tocsin.adapters.kafka.membership import KafkaMembership
from tocsin.adapters.registry import LogRegistry
from tocsin.core.engine import Engine
from tocsin.core.records import Entry, Place
from tocsin.ports import Poll, TopicSpec
from tocsin.roles.detect import Detector, DetectPolicy
from tocsin.roles.outputs import Topics

LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Whole:
    """One run of the detector."""

    seconds: float
    windows: Mapping[str, int]  # by status
    transitions: int
    checkpoints: int
    cpu_s: Mapping[str, float]  # by thread


class _Stopwatch:
    """When the detector first asked for entries, and when scores were last acknowledged."""

    def __init__(self) -> None:
        self.began_s: float | None = None
        self.ended_s = 0.0


class TimedLog(KafkaLog):
    """The log that the detector uses, watched."""

    def __init__(self, policy: KafkaPolicy) -> None:
        super().__init__(policy)
        self.watch = _Stopwatch()
        self.scores = ""

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        offsets = await super().append(entries)
        if any(entry.topic == self.scores for entry in entries):
            self.watch.ended_s = time.perf_counter()
        return offsets

    def join(self, group: str, topics: Sequence[str]) -> KafkaMembership:
        membership = _TimedMembership(self._cluster, group, topics)
        membership.watch = self.watch
        return membership


class _TimedMembership(KafkaMembership):
    """The detector's place in its group, watched."""

    watch: _Stopwatch

    async def poll(self, ready: Collection[Place], *, timeout_s: float, max_records: int) -> Poll:
        if ready and self.watch.began_s is None:
            self.watch.began_s = time.perf_counter()
        return await super().poll(ready, timeout_s=timeout_s, max_records=max_records)


async def detect(log: TimedLog, name: str, windows: int) -> Whole:
    """Run a detector of group ``name`` until all windows are scored and safe."""
    topics = _topics(name)
    await log.declare(_specs(topics), create=True)
    log.watch, log.scores = _Stopwatch(), topics.scores
    policy = DetectPolicy(group=name, topics=topics)
    stop, before = asyncio.Event(), cpu_seconds()
    async with LogRegistry(log, feed.MODELS) as registry, asyncio.TaskGroup() as tasks:
        detector = Detector(log, registry, Engine([feed.PROFILE]), policy)
        tasks.create_task(detector.run(stop))
        async with asyncio.timeout(LIMIT_S):
            while sum(detector.statistics().windows.values()) < windows:
                await asyncio.sleep(0.02)
        spent = cpu_seconds()
        stop.set()
    done = detector.statistics()
    return Whole(
        log.watch.ended_s - (log.watch.began_s or 0.0),
        done.windows,
        done.transitions,
        done.checkpoints,
        {name: round(s - before.get(name, 0.0), 3) for name, s in spent.items()},
    )


def open_log(bootstrap: str) -> TimedLog:
    """Return the log that `detect` wants; to be entered."""
    return TimedLog(KafkaPolicy(bootstrap))


def cpu_seconds() -> dict[str, float]:
    """Return the processor time of every Python thread so far."""
    return {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None
    }


def _topics(name: str) -> Topics:
    """Return topics of this run's own, but for what all runs read."""
    return Topics(
        feed.READINGS,
        f"{name}-scores",
        f"{name}-alerts",
        f"{name}-state",
        f"{name}-dead-letters",
        feed.MODELS,
    )


def _specs(topics: Topics) -> list[TopicSpec]:
    return [
        TopicSpec(topics.scores, feed.PARTITIONS),
        TopicSpec(topics.alerts, feed.PARTITIONS),
        TopicSpec(topics.state, feed.PARTITIONS, compacted=True),
        TopicSpec(topics.dead_letters, 1),
    ]
