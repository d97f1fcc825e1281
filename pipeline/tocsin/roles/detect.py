"""The detector: readings -> scores, alerts and dead letters, checkpoint by checkpoint.

Three steps run side by side, each in order: entries are decoded and cut into windows in one
thread, windows are scored in another, and outputs are written by the event loop, which therefore
never waits for either. A checkpoint is made where the third step has caught up:

1. every output of entries below the offset is acknowledged by the log;
2. snapshots are acknowledged;
3. offset and note are committed in one write. If that is refused, the partition is not ours.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog

from tocsin.core.checkpoint import Checkpoint
from tocsin.core.engine import Engine, Partition
from tocsin.core.intake import Gathered
from tocsin.core.judgement import Output
from tocsin.core.records import Batch, Entry, Place, Status
from tocsin.ports import Commit, Log, Poll, Registry, Unavailable
from tocsin.roles.outputs import Topics, alert_entries, dead_letters, score_entries, state_entries
from tocsin.roles.restore import Sources, restore

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DetectPolicy:
    """How a detector reads, and how often it makes sure of its work.

    ``lease_s`` is how long a process may have been frozen before it no longer trusts what it
    knows of its partitions; choose it below the group's session timeout.
    """

    group: str = "tocsin-detect"
    topics: Topics = Topics()
    poll_s: float = 0.2
    poll_records: int = 20_000
    checkpoint_s: float = 2.0
    checkpoint_records: int = 100_000
    tick_s: float = 1.0
    champion_s: float = 1.0
    lease_s: float = 9.0
    queue: int = 4


@dataclass(frozen=True, slots=True)
class DetectStatistics:
    """What a detector has done since it was started."""

    positions: Mapping[Place, int]  # next entry to be read, of each partition that is held
    records: int
    windows: Mapping[str, int]  # by status
    transitions: int
    rejects: int
    checkpoints: int
    swaps: int
    takeovers: int  # of partitions, the first ones counted


@dataclass(slots=True, eq=False)
class _Holding:
    """A partition that is ours, and what is under way in it."""

    place: Place
    partition: Partition
    offset: int  # next to be gathered
    scores_end: int
    marked_s: float  # when the last mark was set, monotonic
    heard_s: float  # when the last entry came, monotonic
    ticked_s: float = 0.0
    unmarked: int = 0  # entries gathered since the last mark
    dirty: bool = False  # something was caused by a tick since the last mark
    marking: bool = False  # a mark is under way
    settling: bool = False  # it has been judged: nothing more is, until it is committed


@dataclass(frozen=True, slots=True)
class _Work:
    holding: _Holding
    gathered: Gathered
    batch: Batch | None  # kept only for its rejects


class Detector:
    """Detects in the partitions that its group gives it, until it is told to stop."""

    def __init__(
        self, log_port: Log, registry: Registry, engine: Engine, policy: DetectPolicy | None = None
    ) -> None:
        self._log = log_port
        self._registry = registry
        self._engine = engine
        self._policy = policy or DetectPolicy()
        self._membership = log_port.join(self._policy.group, [self._policy.topics.readings])
        self._holdings: dict[Place, _Holding] = {}
        self._work: asyncio.Queue[_Work] = asyncio.Queue()
        self._outputs: asyncio.Queue[tuple[_Work, Output]] = asyncio.Queue()
        self._decoder = ThreadPoolExecutor(1, "tocsin-decode")
        self._scorer = ThreadPoolExecutor(1, "tocsin-score")
        self._eased = asyncio.Event()  # less lies waiting than a moment ago
        self._awake_s = time.monotonic()
        self._doubted: set[Place] = set()  # ours, unless the next look says otherwise
        self._counts: Counter[str] = Counter()
        self._windows: Counter[str] = Counter()

    def statistics(self) -> DetectStatistics:
        """Return what was done so far."""
        counts = self._counts
        return DetectStatistics(
            {place: holding.offset for place, holding in self._holdings.items()},
            counts["records"],
            dict(self._windows),
            counts["transitions"],
            counts["rejects"],
            counts["checkpoints"],
            counts["swaps"],
            counts["takeovers"],
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Detect until ``stop`` is set; then finish what is under way, commit, and leave.

        Raises:
            Exception: anything but `Unavailable` is a bug; start again from the checkpoint.
        """
        with self._decoder, self._scorer:
            await self._install_champions()
            async with self._membership, asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(step())
                    for step in (
                        self._stay_awake,
                        self._judge_all,
                        self._write_all,
                        self._watch_champions,
                    )
                ]
                while not stop.is_set():
                    await self._look()
                await self._finish()
                for task in background:
                    task.cancel()

    # ------------------------------------------------------------------ the first step

    async def _look(self) -> None:
        roomy = await self._has_room()
        ready: Mapping[Place, _Holding] = dict(self._holdings) if roomy else {}
        poll = await self._poll(ready, self._policy.poll_s if roomy else 0.0)
        if poll is None:
            return
        for place in poll.lost:
            self._holdings.pop(place, None)
        for place in poll.gained:
            await self._take_over(place)
        for place, holding in ready.items():
            if self._holdings.get(place) is not holding:
                continue  # taken over anew meanwhile, from where it was committed
            batches = [batch for batch in poll.batches if batch.place == place]
            for batch in batches:
                await self._gather(holding, batch)
            if not batches:
                await self._attend(holding)

    async def _has_room(self) -> bool:
        """Wait for up to ``poll_s`` until less lies waiting than may; say whether it is so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.poll_s):
                while self._waiting() >= self._policy.queue:
                    self._eased.clear()
                    await self._eased.wait()
        return self._waiting() < self._policy.queue

    def _waiting(self) -> int:
        return self._work.qsize() + self._outputs.qsize()

    async def _poll(self, ready: Collection[Place], timeout_s: float) -> Poll | None:
        try:
            poll = await self._membership.poll(
                ready, timeout_s=timeout_s, max_records=self._policy.poll_records
            )
        except Unavailable as error:
            log.warning("the log cannot be read now", reason=str(error))
            await asyncio.sleep(error.retry_after_s or 1.0)
            return None
        doubted, self._doubted = self._doubted.difference(poll.lost, poll.gained), set()
        return Poll(poll.lost, [*doubted, *poll.gained], poll.batches)

    async def _stay_awake(self) -> None:
        """Notice that the process was frozen, and then let go of everything before it writes.

        Others may have taken the partitions over meanwhile; those that are still ours are taken
        over anew.
        """
        while True:
            await asyncio.sleep(self._policy.lease_s / 10)
            if self._frozen():
                log.warning("frozen for too long, taking partitions over anew")
                self._doubted.update(self._holdings)
                self._holdings.clear()
            self._awake_s = time.monotonic()

    def _frozen(self) -> bool:
        return time.monotonic() - self._awake_s > self._policy.lease_s

    async def _take_over(self, place: Place) -> None:
        topics = self._policy.topics
        sources = Sources(
            self._log, self._membership, self._registry, topics.scores, topics.state, self._decoder
        )
        began_s = time.monotonic()
        restored = await _until_available(lambda: restore(place, self._engine, sources))
        if restored is None:
            return
        now_s = time.monotonic()
        self._holdings[place] = _Holding(
            place, restored.partition, restored.offset, restored.scores_end, now_s, now_s, now_s
        )
        self._counts["takeovers"] += 1
        log.info(
            "partition taken over",
            topic=place.topic,
            partition=place.partition,
            offset=restored.offset,
            seconds=round(now_s - began_s, 3),
        )

    async def _gather(self, holding: _Holding, batch: Batch) -> None:
        now_s = time.monotonic()
        holding.unmarked += len(batch)
        holding.heard_s = now_s if len(batch) else holding.heard_s
        mark = not holding.marking and self._due(holding, now_s)
        parts = await self._in(self._decoder, lambda: holding.partition.gather(batch, mark=mark))
        holding.offset = batch.high
        if mark:
            holding.marking, holding.marked_s, holding.unmarked = True, now_s, 0
            holding.dirty = False
        for part in parts:
            self._work.put_nowait(_Work(holding, part, batch if part.rejects else None))
        self._counts["records"] += len(batch)

    def _due(self, holding: _Holding, now_s: float) -> bool:
        if holding.partition.outdated() or holding.unmarked >= self._policy.checkpoint_records:
            return True
        late = now_s - holding.marked_s >= self._policy.checkpoint_s
        return late and (holding.unmarked > 0 or holding.dirty)

    async def _attend(self, holding: _Holding) -> None:
        """Look after a partition in which nothing came."""
        now_s = time.monotonic()
        if not holding.marking and self._due(holding, now_s):
            await self._gather(holding, _empty(holding))
        elif now_s - holding.ticked_s >= self._policy.tick_s:
            holding.ticked_s = now_s
            quiet_ns = int((now_s - holding.heard_s) * 1e9)
            part = holding.partition.tick(holding.offset, quiet_ns)
            self._work.put_nowait(_Work(holding, part, None))

    async def _finish(self) -> None:
        """Checkpoint everything that is ours, for as long as the log lets us."""
        for holding in self._holdings.values():
            if holding.unmarked or holding.dirty:
                parts = holding.partition.gather(_empty(holding), mark=True)
                self._work.put_nowait(_Work(holding, parts[-1], None))
        try:
            async with asyncio.timeout(5):
                await self._work.join()
                await self._outputs.join()
        except TimeoutError:
            log.warning("stopped before the last checkpoint; the next start repeats a little")

    # ------------------------------------------------------------------ the second step

    async def _judge_all(self) -> None:
        while True:
            work = await self._work.get()
            self._eased.set()
            holding, part = work.holding, work.gathered
            if holding.settling or self._outputs.qsize() >= self._policy.queue:
                await self._outputs.join()
            if self._holdings.get(holding.place) is holding:
                partition = holding.partition
                output = await self._in(self._scorer, lambda: partition.judge(part))  # noqa: B023
                holding.settling = output.checkpoint is not None
                self._outputs.put_nowait((work, output))
            self._work.task_done()

    # ------------------------------------------------------------------ the third step

    async def _write_all(self) -> None:
        while True:
            work, output = await self._outputs.get()
            self._eased.set()
            await self._write(work, output)
            self._outputs.task_done()

    async def _write(self, work: _Work, output: Output) -> None:
        holding, topics = work.holding, self._policy.topics
        partition = holding.place.partition
        scores = score_entries(output, topics.scores, partition)
        entries = [*scores, *alert_entries(output, topics.alerts, partition)]
        if work.batch is not None:
            entries += dead_letters(output.rejects, work.batch, topics.dead_letters)
        offsets = await self._append(holding, entries)
        if offsets is None:
            return
        if scores:
            holding.scores_end = offsets[len(scores) - 1] + 1
        self._count(output)
        if output.transitions and output.low == output.high:
            holding.dirty = True
        if output.checkpoint:
            await self._checkpoint(holding, output.checkpoint)

    async def _checkpoint(self, holding: _Holding, checkpoint: Checkpoint) -> None:
        topics, place = self._policy.topics, holding.place
        snapshots = state_entries(checkpoint.snapshots, topics.state, place.partition)
        if await self._append(holding, snapshots) is None:
            return
        commit = Commit(checkpoint.offset, checkpoint.note.encode())
        if not await _until_available(lambda: self._membership.commit(place, commit)):
            log.info("partition passed on", topic=place.topic, partition=place.partition)
            if self._holdings.get(place) is holding:
                del self._holdings[place]
            return
        self._counts["swaps"] += holding.partition.settle(checkpoint, holding.scores_end)
        holding.marking = False
        self._counts["checkpoints"] += 1

    async def _append(self, holding: _Holding, entries: list[Entry]) -> list[int] | None:
        """Write entries; None if the place was lost before they were taken."""
        while self._holdings.get(holding.place) is holding:
            if self._frozen():
                await asyncio.sleep(self._policy.lease_s / 10)
                continue
            try:
                return list(await self._log.append(entries)) if entries else []
            except Unavailable as error:
                log.warning("the log cannot be written now", reason=str(error))
                await asyncio.sleep(error.retry_after_s or 1.0)
        return None

    def _count(self, output: Output) -> None:
        for scores in output.scores:
            for status in Status:
                number = int((scores.status == status).sum())
                if number:
                    self._windows[status.name.lower()] += number
        self._counts["transitions"] += len(output.transitions)
        self._counts["rejects"] += len(output.rejects)

    # ------------------------------------------------------------------ beside the steps

    async def _watch_champions(self) -> None:
        while True:
            await asyncio.sleep(self._policy.champion_s)
            await self._install_champions()

    async def _install_champions(self) -> None:
        """Fetch what is to score; a partition takes it up at its next checkpoint."""
        for profile in self._engine.profiles:
            try:
                version = await self._registry.champion(profile.name)
                current = self._engine.champions.get(profile.name)
                if version is None or (current and current.version == version):
                    continue
                bundle = await self._registry.fetch(profile.name, version)
                self._engine.install(profile.name, bundle)
                log.info("model ready", profile=profile.name, version=version)
            except (Unavailable, ValueError, KeyError) as error:
                log.warning("no new model", profile=profile.name, reason=str(error))

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


def _empty(holding: _Holding) -> Batch:
    return Batch(holding.place, holding.offset, holding.offset, [], [], [], [], [])


async def _until_available(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until it is not `Unavailable` any more."""
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            log.warning("waiting for the log", reason=str(error))
            await asyncio.sleep(error.retry_after_s or 1.0)
