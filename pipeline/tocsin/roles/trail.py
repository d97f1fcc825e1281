"""Reading along: readings, scores and alerts, as they come, become what can be learned from."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from tocsin.core.blocks import decode_scores, decode_transition
from tocsin.core.engine import Engine
from tocsin.core.intake import Intake
from tocsin.core.lessons import Lessons
from tocsin.core.records import Batch, Place
from tocsin.ports import Log
from tocsin.roles.outputs import Topics

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TrailStatistics:
    """What was read since the start."""

    records: int = 0
    undecodable: int = 0


class Trail:
    """Follows the log outside of any consumer group, from the first entry that is left.

    Readings are cut into the very windows that a detector sees. What a log still holds is read
    again at every start, in pieces: memory holds the lanes, one piece and the lessons.

    Args:
        log: an entered log.
        engine: profiles, names and decoder.
        topics: where readings, scores and alerts are.
        lessons: what is filled, one per profile of the engine, in its order.

    Attributes:
        now_ns: the newest time that the log itself gave to a reading.
    """

    def __init__(
        self, log: Log, engine: Engine, topics: Topics, lessons: Mapping[str, Lessons]
    ) -> None:
        self.now_ns = 0
        self._log = log
        self._engine = engine
        self._topics = topics
        self._lessons = lessons
        self._intakes: dict[int, Intake] = {}
        self._next: dict[Place, int] = {}
        self._records = 0
        self._undecodable = 0

    def statistics(self) -> TrailStatistics:
        """Return what was read so far."""
        return TrailStatistics(self._records, self._undecodable)

    async def follow(self, stop: asyncio.Event) -> None:
        """Read up to the end as it is now, or until ``stop``.

        Readings come first and alerts last, so that no window is taken for normal because its
        alert was not read yet.

        Raises:
            Unavailable: if the log cannot be read now; what was read is not read again.
        """
        topics = self._topics
        await self._follow(topics.readings, self._take_readings, stop)
        await self._follow(topics.scores, self._take_scores, stop)
        await self._follow(topics.alerts, self._take_alerts, stop)

    async def _follow(self, topic: str, take: Callable[[Batch], None], stop: asyncio.Event) -> None:
        for partition in range(await self._log.partitions(topic)):
            place = Place(topic, partition)
            first, end = await self._log.bounds(place)
            start = max(first, self._next.get(place, 0))
            async for batch in self._log.read(place, start, end):
                await asyncio.to_thread(take, batch)
                self._next[place] = batch.high
                if stop.is_set():
                    return
            self._next[place] = end

    def _take_readings(self, batch: Batch) -> None:
        engine, partition = self._engine, batch.place.partition
        intake = self._intakes.get(partition)
        if intake is None:
            intake = Intake(engine.profiles, engine.columns, engine.names)
            self._intakes[partition] = intake
        readings = engine.decoder.decode(batch).readings
        gathered = intake.gather(readings, (), batch.low, batch.high)
        for profile, share in zip(engine.profiles, gathered.shares, strict=True):
            self._lessons[profile.name].take(share.windows)
        self.now_ns = max(self.now_ns, gathered.now_ns)
        self._records += len(batch)

    def _take_scores(self, batch: Batch) -> None:
        for value in batch.values:
            try:
                scores = decode_scores(value or b"").scores
            except ValueError as error:
                self._skip(batch.place, str(error))
            else:
                if scores.profile in self._lessons:
                    self._lessons[scores.profile].mark(scores)

    def _take_alerts(self, batch: Batch) -> None:
        for value in batch.values:
            try:
                step = decode_transition(value or b"")
            except ValueError as error:
                self._skip(batch.place, str(error))
            else:
                if step.profile in self._lessons:
                    self._lessons[step.profile].note(step)

    def _skip(self, place: Place, reason: str) -> None:
        self._undecodable += 1
        _log.warning("skipped what cannot be read", topic=place.topic, reason=reason)
