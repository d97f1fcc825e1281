"""The two roles of a demo that have to do with models; in a module of its own: it loads torch."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tocsin.adapters.registry import LogRegistry
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.engine import Engine
from tocsin.core.lessons import LessonPolicy
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.ports import Log, Registry
from tocsin.roles.detect import Detector, DetectPolicy
from tocsin.roles.retrain import Retrainer, RetrainPolicy
from tocsin.wiring import Role
from tocsin_models.calibration import CalibrationPolicy
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import Progress, TrainingPolicy


@dataclass(frozen=True, slots=True)
class Schooling:
    """How much is learned, and when; times are the plant's.

    Attributes:
        first_windows: windows that the first model waits for.
        most_windows: windows that are learned from at most.
        every_s: from one model to the next.
        recipe: how.
        poll_s: how often the log is looked at where nothing rings.
        checkpoint_s: how often the detector makes sure of its work, and may change the model.
    """

    first_windows: int
    most_windows: int
    every_s: int
    recipe: Recipe
    poll_s: float
    checkpoint_s: float


THOROUGH = Schooling(
    first_windows=10_000,
    most_windows=20_000,
    every_s=1_500,
    recipe=Recipe(
        NetworkPolicy(hidden=32, latent=4),
        TrainingPolicy(seed=1, epochs=60, patience=15),
        CalibrationPolicy(budget=1e-4),
    ),
    poll_s=0.05,
    checkpoint_s=0.5,
)
BRISK = Schooling(
    first_windows=7_600,
    most_windows=16_000,
    every_s=2_400,
    recipe=Recipe(
        NetworkPolicy(hidden=32, latent=8),
        TrainingPolicy(seed=1, epochs=14, learning_rate=1e-2),
    ),
    poll_s=0.5,
    checkpoint_s=1.0,
)
"""Somebody is waiting: the first model has to be there soon, and refits must not be felt."""


def make_registry(log: Log) -> Registry:
    """Return the models in a log."""
    return LogRegistry(log)


def make_learners(
    log: Log,
    profile: Profile,
    schooling: Schooling,
    progress: Callable[[str, Progress], None] | None = None,
) -> Mapping[str, Role]:
    """Return detector and retrainer; ``progress`` is told of every epoch, by its own thread."""
    settle_threads()
    # Torch makes itself a folder for what it compiles, even if it compiles nothing: not here.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())
    poll_s, checkpoint_s = schooling.poll_s, schooling.checkpoint_s
    detecting = DetectPolicy(poll_s=poll_s, checkpoint_s=checkpoint_s, champion_s=2 * poll_s)
    retraining = RetrainPolicy(
        lessons=LessonPolicy(max_windows=schooling.most_windows),
        challenge=ChallengePolicy(schooling.recipe),
        first_windows=schooling.first_windows,
        every_ns=schooling.every_s * SECOND_NS,
        poll_s=poll_s,
    )
    return {
        "detector": Detector(log, LogRegistry(log), Engine([profile]), detecting),
        "retrainer": Retrainer(log, LogRegistry(log), [profile], retraining, progress),
    }
