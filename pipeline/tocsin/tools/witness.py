"""Watches the log from outside: every score and every alert, each counted once."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from tocsin.core.blocks import decode_scores, decode_transition
from tocsin.core.records import Place, Scores, State, Status, Transition
from tocsin.ports import Log

_TRACE = 60


@dataclass(slots=True)
class Trace:
    """The newest of one asset; ``end_ns`` is the end of its newest window."""

    end_ns: int = -1
    status: str = "warming_up"
    score: float | None = None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_TRACE))


class Witness:
    """Trails the topics of scores and alerts while `watch` runs.

    Args:
        log: an entered log.
        scores: its topic of scores.
        alerts: its topic of alerts.
        keep: how many steps of alerts, and how many versions, are kept; None keeps all.

    Attributes:
        statuses: windows by status; a window that stands in the log twice counts once.
        models: versions that have scored, in the order in which they began to.
        transitions: steps of alerts by id and sequence.
        assets: the newest of every asset.
    """

    def __init__(self, log: Log, scores: str, alerts: str, keep: int | None = None) -> None:
        self.statuses: Counter[str] = Counter()
        self.models: list[str] = []
        self.transitions: dict[tuple[str, int], Transition] = {}
        self.assets: dict[str, Trace] = {}
        self._log = log
        self._scores, self._alerts = scores, alerts
        self._keep = keep
        self._next: dict[Place, int] = {}

    async def watch(self, interval_s: float = 0.05) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(interval_s)

    async def look(self) -> None:
        """Read what is new."""
        for topic in (self._scores, self._alerts):
            for partition in range(await self._log.partitions(topic)):
                await self._trail(Place(topic, partition))

    def alerts(self) -> list[Transition]:
        """Return the newest step of every alert, oldest alert first."""
        newest: dict[str, Transition] = {}
        for step in sorted(self.transitions.values(), key=lambda step: step.sequence):
            newest[step.id] = step
        return sorted(newest.values(), key=lambda step: (step.began_ns, step.asset))

    def open_alerts(self) -> list[Transition]:
        """Return the newest step of every alert that is open."""
        return [step for step in self.alerts() if step.state is State.OPEN]

    async def _trail(self, place: Place) -> None:
        _, end = await self._log.bounds(place)
        start = self._next.get(place, 0)
        if start >= end:
            return
        async for batch in self._log.read(place, start, end):
            for value in batch.values:
                if value is not None:
                    self._take(place.topic, value)
        self._next[place] = end

    def _take(self, topic: str, value: bytes) -> None:
        if topic == self._scores:
            self._take_scores(decode_scores(value).scores)
        else:
            step = decode_transition(value)
            self.transitions[step.id, step.sequence] = step
            if self._keep is not None and len(self.transitions) > self._keep:
                del self.transitions[next(iter(self.transitions))]

    def _take_scores(self, scores: Scores) -> None:
        """Count the rows that are newer than what is known of their asset."""
        for index, name in enumerate(scores.names):
            trace = self.assets.get(name) or Trace()
            rows = np.flatnonzero((scores.asset == index) & (scores.end_ns > trace.end_ns))
            if not len(rows):
                continue
            self.statuses.update(Status(code).name.lower() for code in scores.status[rows].tolist())
            if scores.model and scores.model not in self.models:
                self.models.append(scores.model)
                if self._keep is not None:
                    del self.models[: -self._keep]
            self.assets[name] = trace
            _trace(trace, scores, int(rows[-1]))


def _trace(trace: Trace, scores: Scores, row: int) -> None:
    trace.end_ns = int(scores.end_ns[row])
    trace.status = Status(int(scores.status[row])).name.lower()
    trace.score = float(scores.score[row]) if scores.status[row] == Status.OK else None
    if trace.score is not None:
        trace.recent.append(trace.score)
