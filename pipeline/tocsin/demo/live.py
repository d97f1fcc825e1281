"""The demo with its page: it begins by itself, and goes on until it is told to stop."""

import asyncio
import contextlib
import importlib
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tocsin.adapters.embedded import EmbeddedStore
from tocsin.core.profile import SECOND_NS
from tocsin.demo.seams import LateRegistry, Theatre
from tocsin.demo.stage import PROFILE, RECEIVER, World, WorldPolicy, open_world
from tocsin.page.page import Page
from tocsin.page.policy import PagePolicy
from tocsin.page.server import CannotListen
from tocsin.tools.live import LIVE, LiveStory
from tocsin.tools.replay import Pace
from tocsin.tools.story import StoryPolicy
from tocsin.wiring import run_together

if TYPE_CHECKING:  # torch comes later
    from tocsin.ports import Registry
    from tocsin_models.training import Progress

_KEPT = WorldPolicy(partitions=1, poll_s=0.5)
_BOUNDED = replace(_KEPT, log_bytes=16 * 1024 * 1024, steps=500)
_POINTS_NS = 3_600 * SECOND_NS  # of the plant's time whose points are kept
_TIDY_S = 30.0
_LOOK_S = 0.1
_OFTEN_S = 3.0
_GOODBYE_S = 1.0


class PartFailed(Exception):  # noqa: N818 - says what no longer works
    """A part of the demo has failed, so it is over; the message says which and why."""


@dataclass(frozen=True, slots=True)
class LivePolicy:
    """How a live demo is opened.

    Attributes:
        story: how it is told.
        port: where the page is, or the next free port if that one is taken.
        keep: folder for log and points, which must be there; None keeps nothing, and forgets
            what is old, so that memory stays as it is however long the demo runs.
    """

    story: StoryPolicy = LIVE
    port: int = 8765
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class LiveShow:
    """A live demo: where its page is, and its story, which plays by itself."""

    url: str
    story: LiveStory


class Study:
    """How far the fit under way has come."""

    def __init__(self) -> None:
        self._share = 0.0
        self._told_s = -inf

    def take(self, _profile: str, progress: "Progress") -> None:
        """Take an epoch; called in the thread that trains."""
        self._share, self._told_s = progress.epoch / progress.epochs, time.monotonic()

    def share(self) -> float | None:
        """Return how much of a fit is done, None if there is none: one that runs says so often."""
        return self._share if time.monotonic() - self._told_s < _OFTEN_S else None


@asynccontextmanager
async def open_live(policy: LivePolicy, stop: asyncio.Event) -> AsyncIterator[LiveShow]:
    """Let the demo run while the block lasts, its page first; set ``stop`` to send visitors away.

    Raises:
        CannotListen: if the page cannot have any address.
        PartFailed: in a group, if a part of it ended before it was told to; cancels the block.
    """
    study, registry = Study(), LateRegistry()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            open_world(policy.keep, _KEPT if policy.keep else _BOUNDED)
        )
        stage = world.stage(cast("Registry", registry))
        pace = Pace(time.monotonic, asyncio.sleep)
        story = LiveStory(stage, world.witness, policy.story, pace, study.share)
        page = _page(world, registry, story, policy.port)
        try:
            await stack.enter_async_context(page)
        except OSError as error:
            raise CannotListen(f"no port can be had for the page: {error.strerror}") from None
        works = {
            "the page": page.run(stop),
            "the sink": world.sink.run(stop),
            "the notifier": world.notify.run(stop),
            "detection or learning": _learn(world, registry, study, stop),
        }
        plays = {"the story": story.play(), "the witness": world.witness.watch(_LOOK_S)}
        if policy.keep is None:
            plays["tidying up"] = _tidy(world.store, story)
        async with asyncio.TaskGroup() as tasks:
            working = [tasks.create_task(_part(*each, stop)) for each in works.items()]
            playing = [tasks.create_task(_part(*each, stop)) for each in plays.items()]
            yield LiveShow(page.url, story)
            stop.set()
            for task in playing:
                task.cancel()
            _, late = await asyncio.wait(working, timeout=_GOODBYE_S)
            for task in late:
                task.cancel()


def _page(world: World, registry: LateRegistry, story: LiveStory, port: int) -> Page:
    return Page(
        world.log,
        cast("Registry", registry),
        [PROFILE],
        PagePolicy(port=port, any_port=True, kind="demo", receivers={RECEIVER: True}),
        time.time_ns,
        plant=Theatre(story),
        postmark=world.receiver,
    )


async def _part(name: str, work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Do a part's work; that it fails or ends by itself is the end of the demo."""
    try:
        await work
    except Exception as error:
        cause = error
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        raise PartFailed(f"{name} failed: {type(cause).__name__}: {cause}") from error
    if not stop.is_set():
        raise PartFailed(f"{name} ended before it was told to")


async def _learn(world: World, registry: LateRegistry, study: Study, stop: asyncio.Event) -> None:
    """Run the two roles that have to do with models, once torch is there."""
    learners = await _import_aside("tocsin.demo.learners", stop)
    if learners is not None:
        registry.opened = learners.make_registry(world.log)
        roles = learners.make_learners(world.log, PROFILE, learners.BRISK, study.take)
        await run_together(roles, stop)


async def _import_aside(name: str, stop: asyncio.Event) -> Any:
    """Import a module in a thread, while others work; None if ``stop`` came first.

    Nobody waits for that thread: an import cannot be broken off.
    """
    loop, found = asyncio.get_running_loop(), asyncio.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            failures.append(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(found.set)

    threading.Thread(target=work, name="tocsin-import", daemon=True).start()
    waits = [asyncio.ensure_future(event.wait()) for event in (found, stop)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if failures:
        raise failures[0]
    return sys.modules[name] if found.is_set() else None


async def _tidy(store: EmbeddedStore, story: LiveStory) -> None:
    """Forget old points again and again."""
    while True:
        await asyncio.sleep(_TIDY_S)
        await store.trim(story.chapter.now_ns - _POINTS_NS)
