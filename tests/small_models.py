"""A small model that is learned in a second, for tests that only need some model."""

from functools import cache

import numpy as np

from tocsin.core.profile import Profile
from tocsin_models.bundle import Bundle
from tocsin_models.learning import Recipe, TrainingSet, train_bundle
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import TrainingPolicy


@cache
def small_model(profile: Profile, seed: int = 0) -> Bundle:
    """Return a model of sines with a little noise, one a channel, in the form of ``profile``."""
    chance = np.random.default_rng(seed)
    windows, length = 400, profile.length
    steps = np.arange(windows * profile.stride + length)[:, None]
    phases = np.arange(len(profile.channels))[None, :]
    signal = np.sin(steps / 5 + phases) + 0.1 * chance.normal(size=(len(steps), phases.size))
    starts = np.arange(windows) * profile.stride
    values = np.stack([signal[start : start + length] for start in starts])
    return train_bundle(
        TrainingSet(
            values,
            (starts + length) * profile.period_ns,
            np.zeros(windows, np.int64),
            profile.channels,
            profile.period_ns,
            profile.stride,
        ),
        Recipe(NetworkPolicy(8, 3), TrainingPolicy(seed=seed, epochs=3, batches=8)),
    )
