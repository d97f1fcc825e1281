"""Someone who knows how a pump vibrates, in place of a detector: quick, and no chance about it."""

import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from math import isfinite, nan

import numpy as np

from bundles import ACCEPTED, tiny_bundle
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.adapters.registry import LogRegistry
from tocsin.core.blocks import encode_scores, encode_transition
from tocsin.core.incidents import Incidents
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Entry, Names, Place, Scores, Status
from tocsin.tools.plant import CHANNELS

PROFILE = Profile("pump", tuple(channel.name for channel in CHANNELS), length=32, stride=4)
_STRIDE_NS = PROFILE.stride * SECOND_NS
_VIBRATION = PROFILE.channels.index("vibration")
_FAR = 0.5  # mm/s


@dataclass(slots=True)
class _Window:
    end_ns: int
    distances: list[float]

    @property
    def score(self) -> float:
        measured = [distance for distance in self.distances if isfinite(distance)]
        return sum(measured) / len(measured) / _FAR if measured else nan


class Watchman:
    """Scores how far the vibration is from what the load makes of it, a window every 4 s."""

    def __init__(self, log: EmbeddedLog) -> None:
        self.model = ""
        self._log = log
        self._next = 0
        self._names = Names()
        self._incidents = Incidents(PROFILE, self._names)
        self._open: dict[str, _Window] = {}

    async def learn(self, seed: int = 1) -> str:
        """Publish a model, and score from now on."""
        registry, bundle = LogRegistry(self._log), tiny_bundle(seed)
        await registry.publish(PROFILE.name, bundle, ACCEPTED, seed)
        await registry.promote(PROFILE.name, bundle.version)
        self.model = bundle.version
        return self.model

    async def look(self) -> None:
        """Read what is new, and write what follows from it."""
        place = Place("readings", 0)
        _, end = await self._log.bounds(place)
        closed: dict[str, list[_Window]] = defaultdict(list)
        async for batch in self._log.read(place, self._next, end):
            for value in batch.values:
                self._take(json.loads(value or b"{}"), closed)
        self._next = end
        if closed:
            await self._tell(closed)

    def _take(
        self, reading: dict[str, float | str | None], closed: dict[str, list[_Window]]
    ) -> None:
        asset, time_ns = str(reading["asset"]), int(reading["time"] or 0)
        end_ns = (time_ns // _STRIDE_NS + 1) * _STRIDE_NS
        window = self._open.get(asset)
        if window is None or window.end_ns != end_ns:
            if window is not None:
                closed[asset].append(window)
            window = self._open[asset] = _Window(end_ns, [])
        load, vibration = (reading[name] for name in ("load", "vibration"))
        if load is not None and vibration is not None:
            share = float(load) / 100
            usual = 0.8 + 1.2 * share + 1.1 * share**2
            window.distances.append(abs(float(vibration) - usual))

    async def _tell(self, closed: dict[str, list[_Window]]) -> None:
        windows = list(chain.from_iterable(closed.values()))
        names = [name for name, some in closed.items() for _ in some]
        rows, channels = len(windows), len(PROFILE.channels)
        judged = bool(self.model)
        score = np.array([window.score if judged else nan for window in windows])
        known = np.isfinite(score)
        status = np.where(known, Status.OK, Status.LOW_COVERAGE if judged else Status.NO_MODEL)
        blame = np.where(known[:, None], np.eye(channels)[_VIBRATION], nan).astype(np.float32)
        missing = np.full((rows, channels), nan, np.float32)
        asset = np.array([self._names.intern(name) for name in names], np.int32)
        end_ns = np.array([window.end_ns for window in windows])
        scores = Scores(
            PROFILE.name,
            self.model,
            PROFILE.channels,
            self._names.table,
            asset,
            end_ns,
            status.astype(np.uint8),
            score,
            score,
            blame,
            missing,
            missing,
            np.ones((rows, channels), np.float32),
        )
        steps = self._incidents.judge(scores)
        await self._log.append(
            [
                Entry("scores", encode_scores(scores, 0, 1), partition=0),
                *(Entry("alerts", encode_transition(step), step.asset.encode()) for step in steps),
            ]
        )
