"""What a demo plays on, and the story that is told from beginning to end."""

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
from tocsin.adapters.webhook import WebhookNotifier, WebhookPolicy
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.ports import Registry
from tocsin.roles.notify import Notify, NotifyPolicy
from tocsin.roles.sink import Sink, SinkPolicy
from tocsin.settings import TopicSettings
from tocsin.tools.account import give_account, shortcomings
from tocsin.tools.plant import CHANNELS
from tocsin.tools.receiver import Receiver
from tocsin.tools.replay import Pace
from tocsin.tools.story import Stage, Story, StoryPolicy
from tocsin.tools.witness import Witness
from tocsin.wiring import Role, run_together, topic_specs

PROFILE = Profile(
    "pump",
    tuple(channel.name for channel in CHANNELS),
    length=32,
    stride=4,
    lateness_ns=SECOND_NS,
    max_gap_ns=60 * SECOND_NS,
)
RECEIVER = "demo"
_GRACE_S = 0.5


@dataclass(frozen=True, slots=True)
class WorldPolicy:
    """How a world is laid out, and what is kept of what passes in it.

    Attributes:
        partitions: of the topics that have several.
        poll_s: how long a look at the log waits for something new.
        log_bytes: of each partition that are kept; None keeps all.
        steps: steps of alerts, and webhooks, that are kept; None keeps all.
    """

    partitions: int = 4
    poll_s: float = 0.05
    log_bytes: int | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class World:
    """The outside of a demo, with the two roles that need no model."""

    log: EmbeddedLog
    store: EmbeddedStore
    receiver: Receiver
    witness: Witness
    sink: Role
    notify: Role

    def stage(self, registry: Registry) -> Stage:
        """Return what a story sees of it."""
        return Stage(self.log, registry, self.receiver, RECEIVER, "readings", PROFILE.name)


@asynccontextmanager
async def open_world(keep: Path | None, policy: WorldPolicy) -> AsyncIterator[World]:
    """Open log, store and receiver: in memory, or in the folder ``keep``, which must be there."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    kept = LogPolicy(
        partitions=policy.partitions, retention_ns=None, retention_bytes=policy.log_bytes
    )
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(
            EmbeddedLog(keep and keep / "log.sqlite", clock=time.time_ns, policy=kept)
        )
        await log.declare(topic_specs(TopicSettings(), policy.partitions), create=True)
        store = await stack.enter_async_context(EmbeddedStore(keep and keep / "points.sqlite"))
        receiver = await stack.enter_async_context(Receiver(secret, keep=policy.steps))
        notifier = await stack.enter_async_context(
            WebhookNotifier(WebhookPolicy(RECEIVER, receiver.url, secret), time.time_ns)
        )
        telling = NotifyPolicy(poll_s=policy.poll_s, grace_s=_GRACE_S)
        yield World(
            log,
            store,
            receiver,
            Witness(log, "scores", "alerts", keep=policy.steps),
            Sink(log, store, SinkPolicy(poll_s=policy.poll_s)),
            Notify(log, {RECEIVER: notifier}, telling, time.time_ns),
        )


@dataclass(frozen=True, slots=True)
class Show:
    """A story that can be played: what can be watched while it is."""

    story: Story
    witness: Witness
    receiver: Receiver
    registry: Registry
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
    from tocsin.demo.learners import THOROUGH, make_learners, make_registry  # noqa: PLC0415 - torch

    began_s, stop = time.monotonic(), asyncio.Event()
    async with open_world(keep, WorldPolicy()) as world:
        registry = make_registry(world.log)
        pace = Pace(time.monotonic, asyncio.sleep)
        story = Story(world.stage(registry), world.witness, policy, pace)
        learners = make_learners(world.log, PROFILE, THOROUGH)
        roles = [world.sink, world.notify, *learners.values()]
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(run_together(roles, stop))
            watching = tasks.create_task(world.witness.watch())
            yield Show(story, world.witness, world.receiver, registry, began_s)
            watching.cancel()
            stop.set()
            await working
