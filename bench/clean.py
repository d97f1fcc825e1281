"""Whether the budget for false alarms is kept: ``python bench/clean.py PLANTS [DIR]``, as one JSON.

A simulated plant in which nothing is ever wrong is learned from for a while and watched for twice
as long. The limit is to let an alert open at a share of ``budget`` of the windows: what share it
came to, how many alerts that made, and how many plants kept to the budget.

DIR holds recordings (docs/benchmark.md says in which form). Of the rows of ``tsb-ad-m``, ``asd``
and ``smap-msl`` that are meant to be learned from, and so to be normal, the first part is learned
from and the rest is watched, where there are enough. Of ``tep``, a simulated chemical plant with 52
channels and 500 rows to learn from, those rows are watched that come before a fault begins.

Start it with ``OMP_NUM_THREADS=1``: one core, as in the detector.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import describe_machine

from tocsin.cli.benchmarking import read_csv
from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy
from tocsin.tools.backtest.replay import ROW_BY_ROW
from tocsin.tools.backtest.series import Series
from tocsin.tools.backtest.sets import load_set
from tocsin.tools.plant import Plant
from tocsin_models.calibration import hold
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe

SETS = ("tsb-ad-m", "asd", "smap-msl")
FAULTLESS = "tep"
LEAST_ROWS, LEARNED_SHARE = 782, 0.6  # of the rows to learn from; 751 windows are in so many
LENGTH = 32  # as in the benchmark
LEARNED_ROWS, WATCHED_ROWS = 10_000, 20_000
START_NS = 1_700_000_000 * SECOND_NS
RECIPE = Recipe()


def main(plants: int, folder: Path | None) -> None:
    """Measure so many plants, and the recordings in a folder."""
    settle_threads()
    watched = {"plants": [watch_plant(seed) for seed in range(plants)]}
    if folder:
        for name in SETS:
            series = [entry.series for entry in load_set(folder, name, read_csv)]
            long = [each for each in series if each.train_rows >= LEAST_ROWS]
            watched[name] = [watch_training_rows(each) for each in long]
        plant = [entry.series for entry in load_set(folder, FAULTLESS, read_csv)]
        watched[FAULTLESS] = [watch_until_a_fault(each) for each in plant]
    settings = {
        "plants": plants,
        "learned_rows": LEARNED_ROWS,
        "watched_rows": WATCHED_ROWS,
        "learned_share": LEARNED_SHARE,
        "budget": RECIPE.calibration.budget,
    }
    whole = {name: {**sum_up(found), "series": found} for name, found in watched.items() if found}
    print(json.dumps({"machine": describe_machine(), "settings": settings, **whole}, indent=2))


def watch_plant(seed: int) -> dict[str, float | str]:
    """Return what came of a plant: the share of windows, and alerts, that were false."""
    plant = Plant(seed, ["pump-1"])
    rows = plant.stretch(START_NS, LEARNED_ROWS + WATCHED_ROWS)[0]
    times = START_NS + np.arange(len(rows)) * SECOND_NS
    series = Series(f"plant-{seed}", plant.channels, times, rows, LEARNED_ROWS)
    return watch(series, ReplayPolicy(), seed)


def watch_training_rows(series: Series) -> dict[str, float | str]:
    """Return the same for the rows that a recording is learned from."""
    rows = slice(series.train_rows)
    part = replace(
        series,
        time_ns=series.time_ns[rows],
        values=series.values[rows],
        label=None,
        train_rows=round(LEARNED_SHARE * series.train_rows),
    )
    return watch(part, ReplayPolicy(length=LENGTH), 0)


def watch_until_a_fault(series: Series) -> dict[str, float | str]:
    """Return the same for the rows of a recording that come before its first fault."""
    label = np.zeros(len(series.values)) if series.label is None else series.label
    rows = slice(int(label.argmax()) if label.any() else len(label))
    part = replace(series, time_ns=series.time_ns[rows], values=series.values[rows], label=None)
    return watch(part, ReplayPolicy(), 0)


def watch(series: Series, policy: ReplayPolicy, seed: int) -> dict[str, float | str]:
    """Return the share of windows, and alerts, behind the rows that a series is learned from."""
    outcome = ModelEntrant("default", RECIPE, policy).run(series, seed)
    score, alarm = (each[series.train_rows :] for each in (outcome.score, outcome.alarm))
    held = hold(np.nan_to_num(score), ROW_BY_ROW.open_count, ROW_BY_ROW.open_of)
    found: dict[str, float | str] = {
        "name": series.name,
        "rows": len(score),
        "share": float((held >= 1).mean()),
        "alerts": int((np.diff(alarm.astype(np.int8), prepend=0) > 0).sum()),
        "unknown": float(np.isnan(score).mean()),
    }
    print(json.dumps(found), file=sys.stderr, flush=True)
    return found


def sum_up(found: Sequence[dict[str, float | str]]) -> dict[str, float]:
    """Return what all series come to."""
    shares = np.array([float(each["share"]) for each in found])
    alerts = sum(float(each["alerts"]) for each in found)
    return {
        "count": len(found),
        "share": float(shares.mean()),
        "within_budget": float((shares <= RECIPE.calibration.budget).mean()),
        "alerts_per_1000_rows": 1_000 * alerts / sum(float(each["rows"]) for each in found),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
