"""The two roles of a demo that have to do with models; in a module of its own: it loads torch."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tocsin.adapters.registry import LogRegistry
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.engine import Engine
from tocsin.core.lessons import LessonPolicy
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.ports import Log, Registry
from tocsin.roles.consumer import pause
from tocsin.roles.detect import Detector, DetectPolicy
from tocsin.roles.retrain import Retrainer, RetrainPolicy, RetrainStatistics
from tocsin.wiring import Role
from tocsin_models.calibration import CalibrationPolicy
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import Progress, TrainingPolicy

_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Schooling:
    """How much is learned, and when; times are the plant's.

    Attributes:
        first_windows: windows that the first model waits for.
        most_windows: windows that are learned from at most.
        every_s: from one model to the next.
        later_s: the same, once there was a refit.
        recipe: how.
        poll_s: how often the log is looked at where nothing rings.
        checkpoint_s: how often the detector makes sure of its work, and may change the model.
    """

    first_windows: int
    most_windows: int
    every_s: int
    later_s: int
    recipe: Recipe
    poll_s: float
    checkpoint_s: float


THOROUGH = Schooling(
    first_windows=10_000,
    most_windows=20_000,
    every_s=1_500,
    later_s=1_500,
    recipe=Recipe(
        NetworkPolicy(hidden=32, latent=4),
        TrainingPolicy(seed=1, epochs=60, patience=15),
        calibration=CalibrationPolicy(budget=1e-4),
    ),
    poll_s=0.05,
    checkpoint_s=0.5,
)
BRISK = Schooling(
    first_windows=7_600,
    most_windows=16_000,
    every_s=2_400,
    later_s=12_000,
    recipe=Recipe(
        NetworkPolicy(hidden=32, latent=8),
        TrainingPolicy(seed=1, epochs=14, learning_rate=1e-2),
    ),
    poll_s=0.5,
    checkpoint_s=1.0,
)
"""Somebody is waiting: the first model has to be there soon, and so has a refit to be seen.

After that refits are rare. What visitors break and nobody notices is taken for normal and learned,
and every refit makes the model a little blinder for it.
"""


class Tutor:
    """A retrainer until it has refitted once, and then another, which begins as after a restart."""

    def __init__(self, first: Role, then: Role) -> None:
        self._first, self._then = first, then
        self._now = first

    def statistics(self) -> Any:
        """Return what the one that is at work has done."""
        return self._now.statistics()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``."""
        enough = asyncio.Event()
        looking = asyncio.create_task(self._look(stop, enough))
        try:
            await self._first.run(enough)
        finally:
            looking.cancel()
        self._now = self._then
        await self._then.run(stop)

    async def _look(self, stop: asyncio.Event, enough: asyncio.Event) -> None:
        """Set ``enough`` after the first refit, or when ``stop`` is set."""
        while not stop.is_set():
            done: RetrainStatistics = self._first.statistics()
            if done.promoted + done.refused > 1:
                break
            await pause(stop, _LOOK_S)
        enough.set()


def make_registry(log: Log) -> Registry:
    """Return the models in a log."""
    return LogRegistry(log)


def make_learners(
    log: Log,
    profile: Profile,
    schooling: Schooling,
    progress: Callable[[str, Progress], None] | None = None,
) -> Mapping[str, Role]:
    """Return detector and retrainer.

    ``progress`` is told of every epoch, by the thread that trains.
    """
    settle_threads()
    # Torch makes itself a folder for what it compiles, even if it compiles nothing: not here.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())
    poll_s, checkpoint_s = schooling.poll_s, schooling.checkpoint_s
    detecting = DetectPolicy(poll_s=poll_s, checkpoint_s=checkpoint_s, champion_s=2 * poll_s)
    hurried = RetrainPolicy(
        lessons=LessonPolicy(max_windows=schooling.most_windows),
        challenge=ChallengePolicy(schooling.recipe),
        first_windows=schooling.first_windows,
        every_ns=schooling.every_s * SECOND_NS,
        poll_s=poll_s,
    )
    patient = replace(hurried, every_ns=schooling.later_s * SECOND_NS)
    first, then = (
        Retrainer(log, LogRegistry(log), [profile], policy, progress)
        for policy in (hurried, patient)
    )
    return {
        "detector": Detector(log, LogRegistry(log), Engine([profile]), detecting),
        "retrainer": first if hurried == patient else Tutor(first, then),
    }
