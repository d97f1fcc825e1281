"""The demo's story: a plant runs, a model is learned, a fault comes and goes, a refit takes over.

The story only writes readings into the log and watches what comes back: it knows none of the
roles, so what it tells of them is what anybody could see.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tocsin.core.notices import notice_id
from tocsin.ports import Log, Registry
from tocsin.tools.plan import Episode, Plan
from tocsin.tools.plant import SECOND_NS, Plant
from tocsin.tools.receiver import Receiver
from tocsin.tools.replay import Pace, ReplayPolicy, Stamp
from tocsin.tools.simulate import SimulationPolicy, simulate
from tocsin.tools.witness import Witness
from tocsin_models.faults import FaultKind


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
    speed: float = float("inf")
    patience_s: float = 60.0
    faulty_asset: str = "pump-2"
    faulty_channel: str = "bearing_temperature"
    kind: FaultKind = FaultKind.SHIFT
    magnitude: float = 8.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story plays on."""

    log: Log
    registry: Registry
    receiver: Receiver
    receiver_name: str
    topic: str
    profile: str


@dataclass(slots=True)
class Chapter:
    """Where the story stands, for those who watch it."""

    title: str = ""
    now_ns: int = 0
    fault: Episode | None = None
    readings: int = 0


class Story:
    """Plays from beginning to end; `chapter` and the witness tell where it is."""

    def __init__(self, stage: Stage, witness: Witness, policy: StoryPolicy, pace: Pace) -> None:
        self.chapter = Chapter()
        self.faults: list[Episode] = []
        self._stage = stage
        self._witness = witness
        self._policy = policy
        self._pace = pace
        self._plant = Plant(policy.seed, policy.assets)
        self._plan = Plan(self._plant)
        self._at_ns = policy.start_ns

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of the plant."""
        return self._plant.channels

    async def play(self) -> None:
        """Tell the story.

        Raises:
            TimeoutError: if something did not come to pass; the message says what.
        """
        policy = self._policy
        self._begin("The plant runs. Nothing has been learned yet.")
        await self._run(policy.learn_s, fast=True)
        self._begin("A first model is being learned from the log.")
        first = await self._champion_other_than(None)
        await self._run_until(lambda: first in self._witness.models, "the first model to score")
        self._begin("All is well.")
        await self._run(policy.calm_s)
        self._begin(f"{policy.faulty_asset} {policy.faulty_channel}: something is wrong.")
        await self._break()
        self._begin("The fault is gone.")
        await self._run(policy.recover_s)
        await self._until(self._resolved, "the alert to resolve")
        self._begin("The model is refitted on what was judged normal.")
        second = await self._champion_other_than(first)
        await self._run_until(lambda: second in self._witness.models, "the refit to score")
        self._begin("The refit scores.")
        await self._run(policy.after_s)
        await self._until(self._told, "the webhooks to arrive")

    def _begin(self, title: str) -> None:
        self.chapter.title = title

    async def _break(self) -> None:
        policy = self._policy
        end_ns = self._at_ns + policy.fault_s * SECOND_NS
        fault = Episode(
            policy.faulty_asset,
            (policy.faulty_channel,),
            policy.kind,
            self._at_ns,
            end_ns,
            policy.magnitude,
        )
        self.faults.append(fault)
        self.chapter.fault = fault
        self._plan = Plan(self._plant, self.faults)
        await self._run(policy.fault_s)
        self.chapter.fault = None

    async def _run(self, seconds: int, *, fast: bool = False) -> None:
        """Let the plant run for ``seconds`` of its own time."""
        speed = float("inf") if fast else self._policy.speed
        sending = ReplayPolicy(speed=speed, stamp=Stamp.EVENT)
        step_s = 60 if speed == float("inf") else 5
        for at_s in range(0, seconds, step_s):
            rows = min(step_s, seconds - at_s)
            report = await simulate(
                self._stage.log,
                self._stage.topic,
                self._plan,
                SimulationPolicy(self._at_ns, rows, sending),
                self._pace,
            )
            self._at_ns += rows * SECOND_NS
            self.chapter.now_ns = self._at_ns
            self.chapter.readings += report.sent.readings

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

    async def _champion_other_than(self, version: str | None) -> str:
        async with _patience(self._policy.patience_s, "a model to be promoted"):
            while True:
                champion = await self._stage.registry.champion(self._stage.profile)
                if champion not in (None, version):
                    return str(champion)
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
