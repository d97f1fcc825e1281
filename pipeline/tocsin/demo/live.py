"""The demo with its page: it begins by itself, and goes on until it is told to stop."""

import asyncio
import contextlib
import importlib
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
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

if TYPE_CHECKING:  # torch comes later
    from tocsin.ports import Registry
    from tocsin_models.training import Progress

_KEPT = WorldPolicy(partitions=1, poll_s=0.5, steps=500)
_BOUNDED = replace(_KEPT, log_bytes=16 * 1024 * 1024)
_POINTS_NS = 3_600 * SECOND_NS  # of the plant's time whose points are kept
_TIDY_S = 30.0
_LOOK_S = 0.1
_OFTEN_S = 3.0  # a fit that says nothing for so long is over
_GOODBYE_S = 1.0


class PartFailed(Exception):  # noqa: N818 - says what no longer works
    """A part of the demo has failed, so it is over; the message says which and why."""


@dataclass(frozen=True, slots=True)
class LivePolicy:
    """How a live demo is opened.

    Attributes:
        story: how it is told.
        port: where the page is; if that one is taken, it goes to another.
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
        pace = Pace(time.monotonic, asyncio.sleep)
        stage = world.stage(cast("Registry", registry))
        story = LiveStory(stage, world.witness, policy.story, pace, study.share)
        page = await _open_page(stack, world, registry, Theatre(story), policy.port)
        async with asyncio.TaskGroup() as tasks:
            working = {
                "the page": page.run(stop),
                "the sink": world.sink.run(stop),
                "the notifier": world.notify.run(stop),
                "learning": _learn(world, registry, study, stop),
            }
            playing = {
                "the story": story.play(),
                "the witness": world.witness.watch(_LOOK_S),
                "tidying up": _tidy(world.store, story, policy),
            }
            works = [tasks.create_task(_part(*each, stop)) for each in working.items()]
            plays = [tasks.create_task(_part(*each, stop)) for each in playing.items()]
            yield LiveShow(page.url, story)
            stop.set()
            await _end(works, plays)


async def _open_page(
    stack: AsyncExitStack, world: World, registry: LateRegistry, plant: Theatre, port: int
) -> Page:
    page = Page(
        world.log,
        cast("Registry", registry),
        [PROFILE],
        PagePolicy(port=port, any_port=True, kind="demo", receivers={RECEIVER: True}),
        time.time_ns,
        plant=plant,
        postmark=world.receiver,
    )
    try:
        return await stack.enter_async_context(page)
    except OSError as error:
        raise CannotListen(f"no port can be had for the page: {error.strerror}") from None


async def _end(works: Sequence[asyncio.Task[None]], plays: Sequence[asyncio.Task[None]]) -> None:
    """End what plays at once, and what works when it is ready to, or a little later."""
    for task in plays:
        task.cancel()
    _, late = await asyncio.wait(works, timeout=_GOODBYE_S)
    for task in late:
        task.cancel()


async def _part(name: str, work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Do a part's work; that it fails or ends by itself is the end of the demo."""
    try:
        await work
    except Exception as error:
        cause = error
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, PartFailed):
            raise cause from error
        raise PartFailed(f"{name} failed: {type(cause).__name__}: {cause}") from error
    if not stop.is_set():
        raise PartFailed(f"{name} ended before it was told to")


async def _learn(world: World, registry: LateRegistry, study: Study, stop: asyncio.Event) -> None:
    """Run the two roles that have to do with models, once torch is there."""
    learners = await _import_aside("tocsin.demo.learners", stop)
    if learners is None:
        return
    registry.opened = learners.make_registry(world.log)
    roles = learners.make_learners(world.log, PROFILE, learners.BRISK, study.take)
    async with asyncio.TaskGroup() as tasks:
        for name, role in roles.items():
            tasks.create_task(_part(f"the {name}", role.run(stop), stop))


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


async def _tidy(store: EmbeddedStore, story: LiveStory, policy: LivePolicy) -> None:
    """Forget old points again and again, unless they are to be kept."""
    while True:
        await asyncio.sleep(_TIDY_S)
        if policy.keep is None:
            await store.trim(story.chapter.now_ns - _POINTS_NS)
