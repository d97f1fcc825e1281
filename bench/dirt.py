"""What faults in the training rows cost: ``python bench/dirt.py DIR [SEEDS]``, as one JSON.

DIR holds the recordings of ``smd`` (docs/benchmark.md says in which form). A tenth of the rows that
a machine is learned from is overwritten by its own labelled faults, whole ones at random places:
what training then takes for normal is exactly what is to be found. The AUC-PR of the rows behind
them is measured for training as it was and so spoilt, by the default recipe and by one that sifts.

Start it with ``OMP_NUM_THREADS=1``: one core, as in the detector.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import describe_machine

from tocsin.cli.benchmarking import read_csv
from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy
from tocsin.tools.backtest.series import Series
from tocsin.tools.backtest.sets import load_set
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe
from tocsin_models.metrics import auc_pr, find_runs
from tocsin_models.scoring import ScoringPolicy

SHARE = 0.1
RECIPES: Mapping[str, Recipe] = {
    "default": Recipe(),
    "sifted": Recipe(scoring=ScoringPolicy(sifted=True)),
}
POLICY = ReplayPolicy(length=32)  # as in the benchmark


def main(folder: Path, seeds: int) -> None:
    """Measure all machines with so many seeds."""
    settle_threads()
    found = []
    for entry in load_set(folder, "smd", read_csv):
        for seed in range(seeds):
            found.append(compare(entry.series, seed))
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    settings = {"share": SHARE, "seeds": seeds, "machines": len(found) // max(seeds, 1)}
    said = {"machine": describe_machine(), "settings": settings, "auc_pr": sum_up(found)}
    print(json.dumps({**said, "runs": found}, indent=2))


def compare(series: Series, seed: int) -> dict[str, float | str]:
    """Return the AUC-PR of every recipe on a machine, from clean rows and from spoilt ones."""
    training = {"clean": series, "dirty": spoil(series, seed)}
    measured = {
        f"{name}_{kind}": judge(rows, recipe, seed)
        for name, recipe in RECIPES.items()
        for kind, rows in training.items()
    }
    return {"series": series.name, "seed": seed, **measured}


def spoil(series: Series, seed: int) -> Series:
    """Return the series with a share of the rows to learn from overwritten by later faults."""
    chance, rows = np.random.default_rng(seed), series.train_rows
    label = series.label if series.label is not None else np.zeros(len(series.values), np.bool_)
    faults = [run for run in find_runs(label) if run[0] >= rows]
    values, spoilt = series.values.copy(), np.zeros(rows, np.bool_)
    while (wanted := round(SHARE * rows) - int(spoilt.sum())) > 0:
        begin, end = faults[chance.integers(len(faults))]
        count = min(int(end - begin), wanted)
        at = int(chance.integers(rows - count))
        values[at : at + count] = series.values[begin : begin + count]
        spoilt[at : at + count] = True
    return replace(series, values=values)


def judge(series: Series, recipe: Recipe, seed: int) -> float:
    """Return the AUC-PR of the rows behind those that were learned from."""
    outcome = ModelEntrant("default", recipe, POLICY).run(series, seed)
    label = series.label if series.label is not None else np.zeros(len(outcome.score), np.bool_)
    return auc_pr(label[series.train_rows :], outcome.score[series.train_rows :])


def sum_up(found: Sequence[Mapping[str, float | str]]) -> dict[str, float]:
    """Return the means over machines and seeds."""
    names = [f"{name}_{kind}" for name in RECIPES for kind in ("clean", "dirty")]
    return {name: float(np.mean([float(each[name]) for each in found])) for name in names}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
