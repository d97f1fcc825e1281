"""A small plant of three linked channels in very different units, and how to learn it quickly."""

from dataclasses import dataclass

import numpy as np

from tocsin_models.arrays import Floats, Indices
from tocsin_models.learning import Recipe, TrainingSet
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import TrainingPolicy

LENGTH, STRIDE, SECOND_NS = 16, 2, 1_000_000_000
RECIPE = Recipe(NetworkPolicy(hidden=16, latent=4), TrainingPolicy(epochs=40, batches=16))


def run_plant(rows: int, seed: int = 0) -> Floats:
    """Return ``[rows, 3]`` in engineering units."""
    chance = np.random.default_rng(seed)
    steps = np.arange(rows)[:, None]
    waves = np.hstack([np.sin(steps / 4), np.cos(steps / 4), np.sin(steps / 4 + 1)])
    noise = 0.05 * chance.standard_normal((rows, 3))
    return np.asarray((waves + noise) * (0.01, 1.0, 1000.0) + (5.0, 0.0, -300.0))


@dataclass(frozen=True, slots=True)
class Cut:
    """Windows and the row at which each ends, exclusive."""

    values: Floats  # [B, LENGTH, 3]
    ends: Indices  # [B]


def cut_windows(rows: Floats) -> Cut:
    """Return the windows of ``rows [N, 3]``."""
    ends = np.arange(LENGTH, len(rows) + 1, STRIDE)
    return Cut(np.stack([rows[end - LENGTH : end] for end in ends]), ends)


def training_set(rows: Floats, group: int = 0) -> TrainingSet:
    """Return the windows of one asset's ``rows [N, 3]``, one row a second."""
    cut = cut_windows(rows)
    groups, names = np.full(len(cut.ends), group), ("flow", "heat", "level")
    return TrainingSet(cut.values, cut.ends * SECOND_NS, groups, names, SECOND_NS, STRIDE)
