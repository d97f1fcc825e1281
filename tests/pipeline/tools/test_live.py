"""The live story, told in a time of its own to a watchman in place of the roles."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tocsin.adapters.embedded import EmbeddedLog, LogPolicy
from tocsin.adapters.registry import LogRegistry
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
SECOND_NS = 10**9


class Theatre:
    """A story, who watches it, and the clock that they share."""

    def __init__(self, log: EmbeddedLog) -> None:
        self.now_s = 0.0
        self.fit: float | None = None
        self.phases: list[Phase] = []
        self.watchman = Watchman(log)
        self.witness = Witness(log, "scores", "alerts", keep=200)
        stage = Stage(log, LogRegistry(log), Receiver(SECRET), "demo", "readings", PROFILE.name)
        pace = Pace(lambda: self.now_s, self._sleep)
        self.story = LiveStory(stage, self.witness, SHORT, pace, lambda: self.fit)
        self._awaited: list[tuple[Callable[[], bool], asyncio.Event]] = []

    async def until(self, reached: Callable[[], bool]) -> None:
        """Let the story go on until something is so; it then stands still."""
        bell = asyncio.Event()
        self._awaited.append((reached, bell))
        self._go.set()
        await bell.wait()

    _go = asyncio.Event()
