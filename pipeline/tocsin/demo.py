"""The demo: the story, all four roles and a receiver of webhooks, in one process on its own log."""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin.adapters.embedded import EmbeddedLog, EmbeddedStore, LogPolicy
from tocsin.adapters.registry import LogRegistry
from tocsin.adapters.webhook import WebhookNotifier, WebhookPolicy
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.engine import Engine
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.roles.detect import Detector, DetectPolicy
from tocsin.roles.notify import Notify, NotifyPolicy
from tocsin.roles.retrain import Retrainer, RetrainPolicy
from tocsin.roles.sink import Sink, SinkPolicy
from tocsin.settings import TopicSettings
from tocsin.tools.account import give_account, shortcomings
from tocsin.tools.plant import CHANNELS
from tocsin.tools.receiver import Receiver
from tocsin.tools.replay import Pace
from tocsin.tools.story import Stage, Story, StoryPolicy
from tocsin.tools.witness import Witness
from tocsin.wiring import Role, run_together, topic_specs
from tocsin_models.calibration import CalibrationPolicy
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import TrainingPolicy

PROFILE = Profile(
    "pump",
    tuple(channel.name for channel in CHANNELS),
    length=32,
    stride=4,
    lateness_ns=SECOND_NS,
    max_gap_ns=60 * SECOND_NS,
)
_FIRST_WINDOWS = 10_000
_REFIT_NS = 1_500 * SECOND_NS
_POLL_S = 0.05
_PARTITIONS = 4
_RECEIVER = "demo"


@dataclass(frozen=True, slots=True)
class Show:
    """A demo that is running: what can be watched while it does."""

    story: Story
    witness: Witness
    receiver: Receiver
    registry: LogRegistry
    began_s: float

    async def account(self) -> dict[str, Any]:
        """Return what has become of it so far; see `give_account`."""
        await self.witness.look()
        versions = await self.registry.versions(PROFILE.name)
        told = give_account(self.witness, self.story.faults, self.receiver, versions)
        seconds = round(time.monotonic() - self.began_s, 3)
        return {"readings": self.story.chapter.readings, **told, "seconds": seconds}

    def shortcomings(self, account: dict[str, Any]) -> list[str]:
        """Return what it fell short of, in sentences."""
        return shortcomings(account, self.witness, self.story.faults, self.receiver)


@asynccontextmanager
async def staged(policy: StoryPolicy, keep: Path | None = None) -> AsyncIterator[Show]:
    """Set the stage, with all roles working; `Show.story` is then to be played.

    Log and store are in memory, or in the folder ``keep``, which must be there.
    """
    settle_threads()
    began_s = time.monotonic()
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(
            EmbeddedLog(
                keep and keep / "log.sqlite",
                clock=time.time_ns,
                policy=LogPolicy(partitions=_PARTITIONS, retention_ns=None),
            )
        )
        await log.declare(topic_specs(TopicSettings(), _PARTITIONS), create=True)
        store = await stack.enter_async_context(EmbeddedStore(keep and keep / "points.sqlite"))
        receiver = await stack.enter_async_context(Receiver(secret))
        notifier = await stack.enter_async_context(
            WebhookNotifier(WebhookPolicy(_RECEIVER, receiver.url, secret), time.time_ns)
        )
        registry = LogRegistry(log)
        witness = Witness(log, "scores", "alerts")
        stage = Stage(log, registry, receiver, _RECEIVER, "readings", PROFILE.name)
        story = Story(stage, witness, policy, Pace(time.monotonic, asyncio.sleep))
        roles: list[Role] = [
            Detector(log, LogRegistry(log), Engine([PROFILE]), _detecting()),
            Sink(log, store, SinkPolicy(poll_s=_POLL_S)),
            Notify(log, {_RECEIVER: notifier}, NotifyPolicy(poll_s=_POLL_S), time.time_ns),
            Retrainer(log, LogRegistry(log), [PROFILE], _retraining()),
        ]
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(run_together(roles, stop))
            watching = tasks.create_task(witness.watch())
            yield Show(story, witness, receiver, registry, began_s)
            watching.cancel()
            stop.set()
            await working


def _detecting() -> DetectPolicy:
    return DetectPolicy(poll_s=_POLL_S, checkpoint_s=0.5, champion_s=0.1)


def _retraining() -> RetrainPolicy:
    recipe = Recipe(
        NetworkPolicy(hidden=32, latent=4),
        TrainingPolicy(seed=1, epochs=60, patience=15),
        CalibrationPolicy(budget=1e-4),
    )
    return RetrainPolicy(
        challenge=ChallengePolicy(recipe),
        first_windows=_FIRST_WINDOWS,
        every_ns=_REFIT_NS,
        poll_s=_POLL_S,
    )
