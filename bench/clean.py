"""Whether the budget for false alarms is kept: ``python bench/clean.py [PLANTS]``, as one JSON.

A simulated plant in which nothing is ever wrong is learned from for a while and watched for twice
as long. The limit is to let an alert open at a share of ``budget`` of the windows: what share it
came to, how many alerts that made, and how many plants kept to the budget.

Start it with ``OMP_NUM_THREADS=1``: one core, as in the detector.
"""

import json
import sys
from collections.abc import Sequence

import numpy as np
from machine import describe_machine

from tocsin.core.profile import SECOND_NS, AlertPolicy
from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy
from tocsin.tools.backtest.series import Series
from tocsin.tools.plant import Plant
from tocsin_models.calibration import hold
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe

PLANTS = 20
LEARNED_ROWS, WATCHED_ROWS = 10_000, 20_000
START_NS = 1_700_000_000 * SECOND_NS
ALERTS, RECIPE = AlertPolicy(), Recipe()


def main(plants: int) -> None:
    """Measure so many plants."""
    settle_threads()
    found = []
    for seed in range(plants):
        found.append(watch(seed))
        print(seed, json.dumps(found[-1]), file=sys.stderr, flush=True)
    settings = {
        "plants": plants,
        "learned_rows": LEARNED_ROWS,
        "watched_rows": WATCHED_ROWS,
        "budget": RECIPE.calibration.budget,
    }
    print(
        json.dumps(
            {"machine": describe_machine(), "settings": settings, **sum_up(found), "plants": found},
            indent=2,
        )
    )


def watch(seed: int) -> dict[str, float]:
    """Return what came of a plant: the share of windows, and alerts, that were false."""
    plant = Plant(seed, ["pump-1"])
    rows = plant.stretch(START_NS, LEARNED_ROWS + WATCHED_ROWS)[0]
    times = START_NS + np.arange(len(rows)) * SECOND_NS
    series = Series("pump-1", plant.channels, times, rows, LEARNED_ROWS)
    outcome = ModelEntrant("default", RECIPE, ReplayPolicy(alerts=ALERTS)).run(series, seed)
    score, alarm = outcome.score[LEARNED_ROWS:], outcome.alarm[LEARNED_ROWS:]
    held = hold(np.nan_to_num(score), ALERTS.open_count, ALERTS.open_of)
    return {
        "share": float((held >= 1).mean()),
        "alerts": int((np.diff(alarm.astype(np.int8), prepend=0) > 0).sum()),
        "unknown": float(np.isnan(score).mean()),
    }


def sum_up(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return what all plants come to."""
    shares = np.array([each["share"] for each in found])
    return {
        "share": float(shares.mean()),
        "within_budget": float((shares <= RECIPE.calibration.budget).mean()),
        "alerts_per_day": float(np.mean([e["alerts"] for e in found]) / WATCHED_ROWS * 86_400),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PLANTS)
