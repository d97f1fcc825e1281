"""The live story, told in a time of its own to a watchman in place of the roles."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tocsin.adapters.embedded import EmbeddedLog
from tocsin.adapters.registry import LogRegistry
from tocsin.core.records import State
from tocsin.ports import TopicSpec
from tocsin.tools.breaking import CHOICES, Broken, Busy
from tocsin.tools.live import LIVE, LiveStory
from tocsin.tools.receiver import Receiver
from tocsin.tools.replay import Pace
from tocsin.tools.story import Phase, Stage
from tocsin.tools.witness import Witness
from tocsin_models.faults import FaultKind
from watchman import PROFILE, Watchman

SECRET = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"  # noqa: S105
SHORT = replace(LIVE, learn_s=120, calm_s=20, fault_s=60)
TOPICS = [TopicSpec("readings", 1), TopicSpec("scores", 1), TopicSpec("alerts", 1)]
MODELS = TopicSpec("models", 1, compacted=True)
SECOND_NS = 10**9


class Theatre:
    """A story, who watches it, and the clock that they share; it stands still between `until`s."""

    def __init__(self, log: EmbeddedLog) -> None:
        self.now_s = 0.0
        self.fit: float | None = None
        self.chapters: list[tuple[Phase, str]] = []
        self.watchman = Watchman(log)
        self.witness = Witness(log, "scores", "alerts", keep=200)
        stage = Stage(log, LogRegistry(log), Receiver(SECRET), "demo", "readings", PROFILE.name)
        pace = Pace(lambda: self.now_s, self._sleep)
        self.story = LiveStory(stage, self.witness, SHORT, pace, lambda: self.fit)
        self.playing = asyncio.create_task(self.story.play())
        self._reached: Callable[[], bool] = lambda: False
        self._going, self._there = asyncio.Event(), asyncio.Event()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Let the story go on until something is so."""
        self._reached = reached
        self._there.clear()
        self._going.set()
        waiting = asyncio.create_task(self._there.wait())
        await asyncio.wait({self.playing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.playing.done():
            self.playing.result()

    async def until_free(self) -> None:
        await self.watchman.learn()
        await self.until(lambda: self.story.chapter.phase is Phase.FREE)

    async def fate(self, broken: Broken) -> Broken:
        await self.until(lambda: broken.settled)
        return broken

    async def _sleep(self, wait_s: float) -> None:
        self.now_s += wait_s
        await self.watchman.look()
        await self.witness.look()
        told = (self.story.chapter.phase, self.story.chapter.title)
        if told not in self.chapters[-1:]:
            self.chapters.append(told)
        if self._reached():
            self._going.clear()
            self._there.set()
        await self._going.wait()


@asynccontextmanager
async def theatre() -> AsyncIterator[Theatre]:
    async with EmbeddedLog(None, clock=lambda: 0) as log:
        await log.declare([*TOPICS, MODELS], create=True)
        shown = Theatre(log)
        try:
            yield shown
        finally:
            shown.playing.cancel()
            await asyncio.gather(shown.playing, return_exceptions=True)


async def test_it_tells_of_a_fault_from_its_first_sign_to_its_end_and_then_leaves_the_stage() -> (
    None
):
    async with theatre() as shown:
        await shown.until_free()
        phases = dict.fromkeys(phase for phase, _ in shown.chapters)
        assert list(phases)[-4:] == [Phase.CALM, Phase.FAULT, Phase.RECOVERY, Phase.FREE]
        titles = [title for phase, title in shown.chapters if phase is Phase.FAULT]
        assert titles[0] == "Something is going wrong: vibration of pump-2."
        assert titles[-1].startswith("Noticed within ")
        (broken,) = shown.story.ledger.entries
        assert (broken.by, broken.named) == ("story", True)
        assert broken.alert is not None
        assert broken.alert.state is State.RESOLVED
        assert broken.delay_s is not None
        assert 0 < broken.delay_s < SHORT.fault_s


async def test_the_plant_keeps_to_the_speed_that_was_chosen() -> None:
    async with theatre() as shown:
        await shown.until_free()
        begin_s, begin_ns = shown.now_s, shown.story.chapter.now_ns
        await shown.until(lambda: shown.now_s >= begin_s + 10)
        passed_s = (shown.story.chapter.now_ns - begin_ns) / SECOND_NS
        assert passed_s == pytest.approx(10 * SHORT.speed, abs=10)


async def test_before_a_model_scores_nothing_can_be_broken() -> None:
    async with theatre() as shown:
        while "learned from the log" not in shown.story.chapter.title:
            with pytest.raises(Busy, match="model is still being learned"):
                shown.story.break_channel("pump-1", "flow", FaultKind.SHIFT)
            await asyncio.sleep(0.01)
        assert not shown.story.ledger.entries
        assert shown.story.chapter.progress is not None
        shown.fit = 0.5
        async with asyncio.timeout(5):
            while shown.story.chapter.progress < 0.5:  # noqa: ASYNC110 - it passes by in our time
                await asyncio.sleep(0.01)


async def test_what_a_visitor_breaks_is_caught_or_missed_as_it_was() -> None:
    async with theatre() as shown:
        await shown.until_free()
        caught = shown.story.break_channel("pump-1", "vibration", FaultKind.SHIFT)
        missed = shown.story.break_channel("pump-3", "flow", FaultKind.SHIFT)
        assert caught.fault.start_ns >= shown.story.chapter.now_ns
        await shown.fate(caught)
        await shown.fate(missed)
        assert caught.alert is not None
        assert (caught.by, caught.named) == ("visitor", True)
        assert missed.over
        assert (missed.alert, missed.named) == (None, None)


async def test_an_asset_can_be_broken_again_once_its_alert_is_over() -> None:
    async with theatre() as shown:
        await shown.until_free()
        broken = shown.story.break_channel("pump-1", "vibration", FaultKind.SHIFT)
        with pytest.raises(Busy, match=r"pump-1 is broken already \(vibration, shift\), for anoth"):
            shown.story.break_channel("pump-1", "flow", FaultKind.NOISE)
        shown.story.break_channel("pump-4", "flow", FaultKind.NOISE)
        await shown.until(lambda: shown.story.chapter.now_ns > broken.fault.end_ns)
        with pytest.raises(Busy, match="The alert about pump-1 is still open"):
            shown.story.break_channel("pump-1", "flow", FaultKind.NOISE)
        await shown.fate(broken)
        shown.story.break_channel("pump-1", "flow", FaultKind.NOISE)


async def test_what_may_still_be_noticed_is_waited_for() -> None:
    async with theatre() as shown:
        await shown.until_free()
        broken = shown.story.break_channel("pump-1", "flow", FaultKind.SHIFT)
        await shown.until(lambda: shown.story.chapter.now_ns > broken.fault.end_ns)
        with pytest.raises(Busy, match="pump-1 has just been mended"):
            shown.story.break_channel("pump-1", "flow", FaultKind.SHIFT)
        await shown.fate(broken)
        shown.story.break_channel("pump-1", "flow", FaultKind.SHIFT)


async def test_the_story_leaves_an_asset_alone_that_a_visitor_has_broken() -> None:
    async with theatre() as shown:
        await shown.watchman.learn()
        await shown.until(lambda: shown.story.chapter.phase is Phase.CALM)
        shown.story.break_channel(SHORT.faulty_asset, "flow", FaultKind.SHIFT)
        await shown.until(lambda: len(shown.story.ledger.entries) > 1)
        visitors, own = shown.story.ledger.entries
        assert (visitors.fault.asset, own.fault.asset) == (SHORT.faulty_asset, "pump-1")


async def test_a_channel_that_the_plant_does_not_have_cannot_be_broken() -> None:
    async with theatre() as shown:
        await shown.until_free()
        with pytest.raises(ValueError, match="channel 'speed'"):
            shown.story.break_channel("pump-1", "speed", FaultKind.SHIFT)
        assert len(shown.story.ledger.entries) == 1


async def test_a_refit_is_told_of_while_it_is_learned_and_when_it_scores() -> None:
    async with theatre() as shown:
        await shown.until_free()
        shown.fit = 0.25
        await shown.until(lambda: shown.story.chapter.progress == 0.25)
        assert "refitted" in shown.story.chapter.title
        shown.fit = None
        await shown.watchman.learn(2)
        await shown.until(lambda: shown.story.chapter.title == "The refitted model scores.")
        await shown.until(lambda: shown.story.chapter.title.startswith("Your turn"))


async def test_nothing_grows_however_much_is_broken() -> None:
    async with theatre() as shown:
        await shown.until_free()
        for _ in range(5):
            broken = shown.story.break_channel("pump-1", "flow", FaultKind.NOISE)
            await shown.fate(broken)
            assert shown.story._plan.episodes == ()
        assert broken.fault.end_ns - broken.fault.start_ns == (
            CHOICES[FaultKind.NOISE].lasts_s * SECOND_NS
        )
