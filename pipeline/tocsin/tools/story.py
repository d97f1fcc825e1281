"""The demo's story: a plant runs, a model is learned, a fault comes and goes, a refit is judged.

The story only writes readings into the log and watches what comes back: it knows none of the
roles, so what it tells of them is what anybody could see.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from tocsin.core.notices import notice_id
from tocsin.ports import Log, Registry, Version
from tocsin.tools.plan import Episode, Plan
from tocsin.tools.plant import SECOND_NS, Plant, PlantPolicy
from tocsin.tools.receiver import Receiver
from tocsin.tools.replay import Pace, ReplayPolicy, Stamp
from tocsin.tools.simulate import SimulationPolicy, simulate
from tocsin.tools.witness import Witness
from tocsin_models.faults import FaultKind

_BEAT_S = 0.25  # of our time: the plant is sent in pieces as long as this


@dataclass(frozen=True, slots=True)
class StoryPolicy:
    """How long each chapter is, in seconds of the plant's time, and how fast it is told.

    ``speed`` is the plant's time against ours, once a model scores; the chapters before and
    between are as fast as the machine.
    """

    seed: int = 7
    assets: tuple[str, ...] = ("pump-1", "pump-2", "pump-3", "pump-4")
    start_ns: int = 1_767_571_200 * SECOND_NS  # Monday 2026-01-05 00:00 UTC
    learn_s: int = 10_800
    calm_s: int = 600
    fault_s: int = 300
    recover_s: int = 900
    after_s: int = 600
    speed: float = inf
    patience_s: float = 60.0
    faulty_asset: str = "pump-2"
    faulty_channel: str = "bearing_temperature"
    kind: FaultKind = FaultKind.SHIFT
    magnitude: float = 8.0
    plant: PlantPolicy = field(default_factory=PlantPolicy)


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story plays on."""

    log: Log
    registry: Registry
    receiver: Receiver
    receiver_name: str
    topic: str
    profile: str


class Phase(StrEnum):
    """What a chapter is about."""

    LEARNING = "learning"
    CALM = "calm"
    FAULT = "fault"
    RECOVERY = "recovery"
    FREE = "free"
    """The plant runs, and whatever goes wrong is the visitors' doing."""


@dataclass(slots=True)
class Chapter:
    """Where the story stands, for those who watch it.

    Attributes:
        title: one sentence.
        phase: what it is about.
        progress: 0 to 1 where something is awaited whose end is known.
        now_ns: the plant's time.
        readings: how many were sent since the story began.
    """

    title: str = ""
    phase: Phase = Phase.LEARNING
    progress: float | None = None
    now_ns: int = 0
    readings: int = 0


class Story:
    """Plays from beginning to end; `chapter` and the witness tell where it is.

    Attributes:
        chapter: where it stands.
        faults: what it broke.
    """

    def __init__(self, stage: Stage, witness: Witness, policy: StoryPolicy, pace: Pace) -> None:
        self.chapter = Chapter()
        self.faults: list[Episode] = []
        self._stage = stage
        self._witness = witness
        self._policy = policy
        self._pace = pace
        self._plant = Plant(policy.seed, policy.assets, policy=policy.plant)
        self._plan = Plan(self._plant)
        self._at_ns = policy.start_ns
        self._due_s = 0.0

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of the plant."""
        return self._plant.channels

    @property
    def _beat_s(self) -> int:
        """The plant's time in a beat of ours."""
        return max(1, round(min(60.0, self._policy.speed * _BEAT_S)))

    async def play(self) -> None:
        """Tell the story.

        Raises:
            TimeoutError: if something did not come to pass; the message says what.
        """
        policy = self._policy
        self._begin("The plant runs. Nothing has been learned yet.", Phase.LEARNING)
        await self._run(policy.learn_s, fast=True)
        self._begin("A first model is being learned from the log.", Phase.LEARNING)
        first = await self._first_champion()
        await self._run_until(lambda: first in self._witness.models, "the first model to score")
        self._begin("All is well.", Phase.CALM)
        await self._run(policy.calm_s)
        where = f"{policy.faulty_asset} {policy.faulty_channel}"
        self._begin(f"{where}: something is wrong.", Phase.FAULT)
        self._break()
        await self._run(policy.fault_s)
        self._begin("The fault is gone.", Phase.RECOVERY)
        await self._run(policy.recover_s)
        await self._until(self._resolved, "the alert to resolve")
        self._begin("The model is refitted on what was judged normal.", Phase.FREE)
        await self._tell_of(await self._refit_of(first))
        await self._run(policy.after_s)
        await self._until(self._told, "the webhooks to arrive")

    async def _tell_of(self, refit: Version) -> None:
        """Tell what the gate made of a refit; a refusal is as good an end as any."""
        if not refit.verdict.promoted:
            self._begin(f"The refit is refused. {refit.verdict.failing}", Phase.FREE)
            return
        await self._run_until(lambda: refit.version in self._witness.models, "the refit to score")
        self._begin("The refit scores.", Phase.FREE)

    def _begin(self, title: str, phase: Phase, progress: float | None = None) -> None:
        chapter = self.chapter
        chapter.title, chapter.phase, chapter.progress = title, phase, progress

    def _break(self) -> None:
        policy, start_ns = self._policy, self._at_ns
        end_ns = start_ns + policy.fault_s * SECOND_NS
        channels = (policy.faulty_channel,)
        fault = Episode(
            policy.faulty_asset, channels, policy.kind, start_ns, end_ns, policy.magnitude
        )
        self.faults.append(fault)
        self._plan.add(fault)

    async def _run(self, seconds: int, *, fast: bool = False) -> None:
        """Let the plant run for ``seconds`` of its own time, at most a minute of it at once."""
        speed = inf if fast else self._policy.speed
        most_s = 60 if speed == inf else self._beat_s
        for at_s in range(0, seconds, most_s):
            piece_s = min(most_s, seconds - at_s)
            await self._send(piece_s)
            await self._keep_time(piece_s / speed)

    async def _send(self, rows: int) -> None:
        """Send the plant's next ``rows`` seconds; what is broken meanwhile begins after them."""
        start_ns = self._at_ns
        self._at_ns += rows * SECOND_NS
        report = await simulate(
            self._stage.log,
            self._stage.topic,
            self._plan,
            SimulationPolicy(start_ns, rows, ReplayPolicy(stamp=Stamp.EVENT)),
            self._pace,
        )
        self.chapter.now_ns = self._at_ns
        self.chapter.readings += report.sent.readings

    async def _keep_time(self, piece_s: float) -> None:
        """Wait until a piece has lasted as long as it should; what comes late is not caught up."""
        now_s = self._pace.now_s()
        self._due_s = max(self._due_s + piece_s, now_s)
        if self._due_s > now_s:
            await self._pace.sleep(self._due_s - now_s)

    async def _run_until(self, reached: Callable[[], bool], what: str) -> None:
        """Let the plant run, in small steps, until something is seen in the log."""
        async with _patience(self._policy.patience_s, what):
            while not reached():
                await self._run(20)
                await asyncio.sleep(0.05)

    async def _until(self, reached: Callable[[], bool], what: str) -> None:
        async with _patience(self._policy.patience_s, what):
            while not reached():  # noqa: ASYNC110 - what is waited for stands in the log
                await asyncio.sleep(0.05)

    async def _first_champion(self) -> str:
        async with _patience(self._policy.patience_s, "a model to be promoted"):
            while True:
                champion = await self._stage.registry.champion(self._stage.profile)
                if champion:
                    return champion
                await asyncio.sleep(0.1)

    async def _refit_of(self, first: str) -> Version:
        """Return the newest model that came after the first, promoted or refused."""
        async with _patience(self._policy.patience_s, "a refit to be judged"):
            while True:
                *_, newest = await self._stage.registry.versions(self._stage.profile)
                if newest.version != first:
                    return newest
                await asyncio.sleep(0.1)

    def _resolved(self) -> bool:
        alerts = self._witness.alerts()
        return bool(alerts) and all(alert.resolved_ns is not None for alert in alerts)

    def _told(self) -> bool:
        accepted = {delivery.id for delivery in self._stage.receiver.accepted}
        ids = [notice_id(self._stage.receiver_name, alert) for alert in self._witness.alerts()]
        return accepted.issuperset(ids)


@asynccontextmanager
async def _patience(limit_s: float, what: str) -> AsyncIterator[None]:
    """Limit the time of a block by an error that says what was waited for."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError:
        raise TimeoutError(f"waited {limit_s:.0f} s for {what}") from None
