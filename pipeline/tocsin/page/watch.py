"""Reading along: scores, alerts, deliveries and models, as they come, for the picture."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import structlog

from tocsin.core.blocks import decode_scores, decode_transition
from tocsin.core.records import Batch, Place
from tocsin.page.forms import Model
from tocsin.page.picture import Picture
from tocsin.page.tales import Mark
from tocsin.ports import Log, Registry, Rejected, Unavailable, Version

_log = structlog.get_logger()

_SLICE = 32
"""Entries after which others get a turn."""

_ABREAST = 8
"""Partitions that are read side by side."""

_FIRST_STEP = 16
"""Entries of the first step on the way back; every further one is four times as long."""

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """What is read, and how.

    Attributes:
        scores: topic of score blocks.
        alerts: topic of alert transitions.
        deliveries: compacted topic of one partition: who was told what.
        interval_s: least time between two looks at the log.
        models_s: time between two looks at the registry.
        topics_s: time between two looks at how many partitions there are.
        retry_s: longest wait while the log is away.
        back_entries: how far back in a topic the first look goes at most.
        back_bytes: how much of a topic the first look reads at most, give or take one read.
        models: newest versions of a profile that are looked at.
    """

    scores: str = "scores"
    alerts: str = "alerts"
    deliveries: str = "deliveries"
    interval_s: float = 0.2
    models_s: float = 2.0
    topics_s: float = 30.0
    retry_s: float = 5.0
    back_entries: int = 5_000
    back_bytes: int = 32 * 1024 * 1024
    models: int = 30


@dataclass(frozen=True, slots=True)
class WatchStatistics:
    """What was read since the start."""

    entries: int = 0
    undecodable: int = 0
    failures: int = 0  # looks at which the log could not be read


class Watch:
    """Follows the log outside of any consumer group, from a little way back.

    While the log cannot be read the picture says so, keeps what it has, and goes on from there.

    Args:
        log: an entered log.
        registry: the models in it.
        profiles: names of the profiles whose models are looked at.
        picture: what is filled.
        policy: what is read, and how.
    """

    def __init__(
        self,
        log: Log,
        registry: Registry,
        profiles: Sequence[str],
        picture: Picture,
        policy: WatchPolicy,
    ) -> None:
        self._log = log
        self._registry = registry
        self._profiles = profiles
        self._picture = picture
        self._policy = policy
        self._next: dict[Place, int] = {}
        self._places: dict[str, list[Place]] = {}
        self._facts: dict[str, Facts] = {}  # by version, which names every byte of a bundle
        self._models_due_s = self._topics_due_s = 0.0
        self._statistics = WatchStatistics()
        self._takers: dict[str, Callable[[Batch, int], None]] = {
            policy.alerts: self._take_step,
            policy.deliveries: self._take_mark,
            policy.scores: self._take_scores,
        }

    def statistics(self) -> WatchStatistics:
        """Return what was read so far."""
        return self._statistics

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        failures = 0
        while True:
            began_s = time.monotonic()
            try:
                await self.look()
            except (Unavailable, Rejected) as failure:
                failures += 1
                self._lose(failure, first=failures == 1)
                await asyncio.sleep(min(self._policy.retry_s, 0.25 * 2.0 ** min(failures, 10)))
            else:
                failures = 0
                self._picture.say("")
                took_s = time.monotonic() - began_s
                await asyncio.sleep(max(self._policy.interval_s, took_s))

    async def look(self) -> None:
        """Read what is new: alerts first, so that no asset looks well while its alert is unread.

        Raises:
            Unavailable: if the log cannot be read now; what was read is not read again.
            Rejected: if a topic is not there any more.
        """
        now_s = time.monotonic()
        if now_s >= self._topics_due_s:
            await self._find_places()
            self._topics_due_s = now_s + self._policy.topics_s
        for topic in self._takers:
            places = self._places[topic]
            for some in (places[at : at + _ABREAST] for at in range(0, len(places), _ABREAST)):
                await _together([self._follow(place, len(places)) for place in some])
        if now_s >= self._models_due_s:
            for profile in self._profiles:
                await self._look_at_models(profile)
            self._models_due_s = now_s + self._policy.models_s

    async def _find_places(self) -> None:
        for topic in self._takers:
            count = await self._log.partitions(topic)
            if not count:
                raise Unavailable(f"there is no topic {topic}")
            self._places[topic] = [Place(topic, partition) for partition in range(count)]

    async def _follow(self, place: Place, places: int) -> None:
        first, end = await self._log.bounds(place)
        start = self._next.get(place)
        if start is None:
            for batch in await self._way_back(place, range(first, end), places):
                await self._take(batch)
            self._next[place] = end
            return
        start = first if end < start else max(first, start)  # a topic may be made anew
        async for batch in self._log.read(place, start, end):
            await self._take(batch)
            self._next[place] = batch.high
        self._next[place] = end

    async def _way_back(self, place: Place, span: range, places: int) -> list[Batch]:
        """Return the newest entries of ``span`` as far as the bounds allow, oldest first."""
        found: list[Batch] = []
        first = max(span.start, span.stop - self._policy.back_entries // places)
        low, step, left_bytes = span.stop, _FIRST_STEP, self._policy.back_bytes // places
        while low > first and left_bytes > 0:
            low, high = max(first, low - step), low
            older = [batch async for batch in self._log.read(place, low, high)]
            left_bytes -= sum(len(value or b"") for batch in older for value in batch.values)
            found, step = older + found, 4 * step
        return found

    async def _take(self, batch: Batch) -> None:
        take = self._takers[batch.place.topic]
        for index in range(len(batch)):
            try:
                take(batch, index)
            except ValueError as error:
                self._count(undecodable=1)
                _log.warning(
                    "page_skipped",
                    topic=batch.place.topic,
                    offset=batch.offsets[index],
                    reason=str(error),
                )
            if index % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        self._count(entries=len(batch))

    def _take_scores(self, batch: Batch, index: int) -> None:
        if (value := batch.values[index]) is not None:
            self._picture.take_scores(decode_scores(value).scores, batch.times_ns[index])

    def _take_step(self, batch: Batch, index: int) -> None:
        if (value := batch.values[index]) is not None:
            self._picture.take_step(decode_transition(value))

    def _take_mark(self, batch: Batch, index: int) -> None:
        value = batch.values[index]
        if value is not None:
            alert, _, receiver = (batch.keys[index] or b"").decode(errors="replace").partition("|")
            self._picture.take_mark(alert, receiver, msgspec.json.decode(value, type=Mark))

    async def _look_at_models(self, profile: str) -> None:
        """Ask for versions, and for what one more of them was learned from: that takes longer."""
        versions = await self._registry.versions(profile)
        newest = versions[-self._policy.models :]
        unread = [each for each in reversed(newest) if each.version not in self._facts]
        if unread:
            self._facts[unread[0].version] = await self._read_facts(unread[0])
        unknown: Facts = {}
        self._picture.take_models(
            profile, [Model(each, self._facts.get(each.version, unknown)) for each in newest]
        )

    async def _read_facts(self, version: Version) -> Facts:
        try:
            return (await self._registry.fetch(version.profile, version.version)).facts
        except (KeyError, ValueError) as error:  # it stands in the list all the same
            _log.warning("page_skipped", model=version.version, reason=str(error))
            return {}

    def _lose(self, failure: Exception, *, first: bool) -> None:
        self._picture.say(str(failure))
        self._topics_due_s = 0.0
        self._count(failures=1)
        if first:
            _log.warning("log_unavailable", reader="page", reason=str(failure))

    def _count(self, **more: int) -> None:
        now = {name: getattr(self._statistics, name) + count for name, count in more.items()}
        self._statistics = replace(self._statistics, **now)


async def _together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it, then raise the first error that there was."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
