"""Recorded series, made or read, and models of them that are learned in a moment."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

import skab
from small_plant import run_plant
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.tools.backtest.model import cut_lesson
from tocsin.tools.backtest.series import Series
from tocsin.tools.plan import draw_plan
from tocsin.tools.plant import CHANNELS, Plant
from tocsin.tools.simulate import make_table
from tocsin_models.bundle import Bundle
from tocsin_models.learning import Recipe, train_bundle
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import TrainingPolicy

torch.set_num_threads(1)

BEGAN_NS = 1_767_571_200 * SECOND_NS
QUICK = Recipe(NetworkPolicy(8, 4), TrainingPolicy(epochs=4, batches=12))


def small_series(rows: int = 600, train_rows: int = 400, seed: int = 0) -> Series:
    """Return a small plant's series; ten rows of every hundred behind the training are abnormal."""
    values = run_plant(rows, seed)
    label = (np.arange(rows) >= train_rows) & (np.arange(rows) % 100 >= 90)
    values[label] += (0.05, 5.0, 5000.0)
    time_ns = BEGAN_NS + np.arange(rows) * SECOND_NS
    names = ("flow", "heat", "level")
    return Series(f"plant-{seed}", names, time_ns, values, train_rows, label=label)


@cache
def simulated_pump(rows: int = 1_500) -> Series:
    """Return what a simulated pump measures: jitter, faults, missing cells, two holes."""
    plant = Plant(7, ["pump-1"])
    plan = draw_plan(plant, 7, BEGAN_NS + 800 * SECOND_NS, BEGAN_NS + rows * SECOND_NS, 3)
    chunks = list(make_table(plan, BEGAN_NS, rows))
    time_ns = np.concatenate([chunk.time_ns for chunk in chunks])
    values = np.concatenate([chunk.values for chunk in chunks])
    channels = tuple(channel.name for channel in CHANNELS)
    values[950:1_100, 2] = np.nan
    values[1_340:1_440] *= 3  # nobody could miss it
    kept = np.r_[:880, 892:1_200, 1_300:rows]
    return Series("pump-1", channels, time_ns[kept], values[kept], 700)


@cache
def rig_recording(path: Path) -> Series:
    """Return a recording of the SKAB rig."""
    rows = skab.rows(path)
    return Series(
        path.stem,
        skab.CHANNELS,
        np.array([row.time_ns for row in rows]),
        np.array([[row.values[name] for name in skab.CHANNELS] for row in rows]),
        skab.NORMAL_ROWS,
        label=np.array([row.labelled for row in rows]),
    )


def quick_model(series: Series, profile: Profile, seed: int = 0) -> Bundle:
    """Return a model of the rows to learn from."""
    recipe = replace(QUICK, training=replace(QUICK.training, seed=seed), least_windows=8)
    return train_bundle(cut_lesson(series, profile), recipe)
