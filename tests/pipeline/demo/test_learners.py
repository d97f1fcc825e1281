import asyncio
from typing import Any

from tocsin.demo.learners import Tutor
from tocsin.roles.retrain import RetrainStatistics


class Pupil:
    """Says that it has done so many fits, and works until it is told to stop."""

    def __init__(self, fits: int) -> None:
        self.fits = fits
        self.began, self.ended = asyncio.Event(), asyncio.Event()

    def statistics(self) -> Any:
        return RetrainStatistics(0, 0, {}, self.fits, 0, 0, {})

    async def run(self, stop: asyncio.Event) -> None:
        self.began.set()
        await stop.wait()
        self.ended.set()


async def test_a_tutor_works_fast_until_the_first_refit_and_slowly_from_then_on() -> None:
    first, then, stop = Pupil(1), Pupil(0), asyncio.Event()
    tutor = Tutor(first, then)
    working = asyncio.create_task(tutor.run(stop))
    await first.began.wait()
    await asyncio.sleep(0.6)  # longer than it takes to look at it
    assert not first.ended.is_set()
    assert tutor.statistics().promoted == 1
    first.fits = 2
    async with asyncio.timeout(5):
        await then.began.wait()
    assert first.ended.is_set()
    assert tutor.statistics().promoted == 0
    stop.set()
    await working
    assert then.ended.is_set()


async def test_a_tutor_that_is_told_to_stop_early_ends() -> None:
    first, then, stop = Pupil(0), Pupil(0), asyncio.Event()
    working = asyncio.create_task(Tutor(first, then).run(stop))
    await first.began.wait()
    stop.set()
    async with asyncio.timeout(5):
        await working
    assert first.ended.is_set()
