"""The story that is told once, with a watchman in place of the roles that detect and learn."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from bundles import REFUSED, tiny_bundle
from tocsin.adapters.registry import LogRegistry
from tocsin.cli.stage import ending
from tocsin.demo import Show
from tocsin.demo.stage import WorldPolicy, open_world
from tocsin.tools.replay import Pace
from tocsin.tools.story import Story, StoryPolicy
from watchman import PROFILE, Watchman

SHORT = StoryPolicy(
    learn_s=120, calm_s=20, fault_s=60, recover_s=120, after_s=20, faulty_channel="vibration"
)


@asynccontextmanager
async def staged(policy: StoryPolicy) -> AsyncIterator[tuple[Watchman, Show]]:
    async with open_world(None, WorldPolicy(partitions=1)) as world, asyncio.TaskGroup() as tasks:
        watchman, registry = Watchman(world.log), LogRegistry(world.log)
        pace = Pace(time.monotonic, asyncio.sleep)
        story = Story(world.stage(registry), world.witness, policy, pace)
        works = (world.notify.run(asyncio.Event()), world.witness.watch(), _watch(watchman))
        working = [tasks.create_task(work) for work in works]
        yield watchman, Show(story, world.witness, world.receiver, registry, time.monotonic())
        for task in working:
            task.cancel()


async def _watch(watchman: Watchman) -> None:
    while True:
        await watchman.look()
        await asyncio.sleep(0.01)


async def test_a_refit_that_is_refused_ends_the_story_as_well_as_one_that_scores() -> None:
    async with staged(SHORT) as (watchman, show):
        first, refit = await watchman.learn(), tiny_bundle(2)
        await show.registry.publish(PROFILE.name, refit, REFUSED, 2)
        await show.story.play()
        account = await show.account()
        assert show.story.chapter.title == "The refit is refused. It has no error."
        assert show.shortcomings(account) == []
    assert account["models"] == [
        {"version": first, "verdict": "promoted", "why": ""},
        {"version": refit.version, "verdict": "refused", "why": "It has no error."},
    ]
    assert account["swaps"] == 1
    console = Console(width=200)
    with console.capture() as shown:
        console.print(ending(account))
    assert f"model {refit.version} was refused: It has no error." in shown.get()


async def test_without_a_refit_that_was_judged_the_story_has_not_ended_well() -> None:
    async with staged(SHORT) as (watchman, show):
        await watchman.learn()
        playing = asyncio.create_task(show.story.play())
        while "refitted" not in show.story.chapter.title:  # noqa: ASYNC110 - it passes by in our time
            await asyncio.sleep(0.01)
        done, _ = await asyncio.wait({playing}, timeout=0.5)
        assert not done
        playing.cancel()
        assert "no refit is scoring" in show.shortcomings(await show.account())
