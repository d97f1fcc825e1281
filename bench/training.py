"""What learning costs and is worth: ``python bench/training.py [MEMBER ...]``, as one JSON object.

Every member learns 10,000 rows of the simulated plant's 8 channels with the default recipe, some
seeds each. Then faults are put into rows that it has never seen, and it is told how often a window
with a fault has a larger error than one without (the area under the ROC curve). The error is the
window's own, before anything averages it.

Start it with ``OMP_NUM_THREADS=1``: one core, as in the detector. Seconds are of the processor, so
that neighbours do not matter, and of the clock beside them.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from machine import describe_machine
from sklearn.metrics import roc_auc_score

from tocsin.core.profile import SECOND_NS
from tocsin.tools.plant import Plant
from tocsin_models.arrays import Floats
from tocsin_models.faults import Fault, FaultKind, inject
from tocsin_models.identity import check_identity
from tocsin_models.inference import settle_threads
from tocsin_models.learning import TrainingSet, compare_error, train_bundle
from tocsin_models.members import Member, choose_member

ROWS, TEST_ROWS = 10_000, 4_000
LENGTH, STRIDE = 64, 4
SEEDS = (0, 1, 2)
START_NS = 1_700_000_000 * SECOND_NS
KINDS = tuple(kind for kind in FaultKind if kind is not FaultKind.DROPOUT)  # seen without a model
SPREADS, LAG_STEPS, REPEATS = 1.0, 20.0, 3


def main(names: Sequence[str]) -> None:
    """Measure the members called ``names``, or all of them."""
    settle_threads()
    plant = Plant(7, ["pump-1"])
    rows = plant.stretch(START_NS, ROWS + TEST_ROWS)[0]
    learned, unseen = rows[:ROWS], rows[ROWS:]
    results = {}
    for name in names or list(Member):
        found = [measure(Member(name), seed, learned, unseen, plant.channels) for seed in SEEDS]
        results[str(name)] = {key: sum_up([each[key] for each in found]) for key in found[0]}
        print(name, json.dumps(results[str(name)]), file=sys.stderr, flush=True)
    settings = {"rows": ROWS, "length": LENGTH, "stride": STRIDE, "seeds": len(SEEDS)}
    machine = describe_machine()
    print(json.dumps({"machine": machine, "settings": settings, "members": results}, indent=2))


def measure(
    member: Member, seed: int, learned: Floats, unseen: Floats, channels: tuple[str, ...]
) -> dict[str, float]:
    """Return what one member with one seed costs and sees."""
    recipe = choose_member(member)
    recipe = replace(recipe, training=replace(recipe.training, seed=seed))
    ends = np.arange(LENGTH, len(learned) + 1, STRIDE)
    windows, asset = cut(learned, STRIDE), np.zeros(len(ends), np.int64)
    normal = TrainingSet(windows, ends * SECOND_NS, asset, channels, SECOND_NS, STRIDE)
    clock, processor = time.perf_counter(), time.process_time()
    model = train_bundle(normal, recipe)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    calm = cut(unseen, 4 * STRIDE)
    usual = model.errors(calm)
    areas = {
        kind: area(usual, model.errors(broken))
        for kind, broken in break_windows(learned, unseen).items()
    }
    return {
        "cpu_s": processor,
        "clock_s": clock,
        "best_epoch": float(model.facts["best_epoch"]),
        "unseen_error": compare_error(model, calm, model.scaler),
        "noise_lost": check_identity(model, calm).noise,
        "auc": float(np.mean(list(areas.values()))),
        **{f"auc_{kind}": value for kind, value in areas.items()},
    }


def cut(rows: Floats, stride: int) -> Floats:
    """Return windows ``[N, LENGTH, F]`` of ``rows``."""
    ends = range(LENGTH, len(rows) + 1, stride)
    return np.stack([rows[end - LENGTH : end] for end in ends])


def break_windows(learned: Floats, unseen: Floats) -> Mapping[FaultKind, Floats]:
    """Return windows with a fault in one channel from their first step on."""
    chance, spread = np.random.default_rng(0), np.nanstd(learned, axis=0)
    broken: dict[FaultKind, list[Floats]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        size = LAG_STEPS if kind is FaultKind.LAG else SPREADS
        for channel in np.repeat(np.arange(unseen.shape[1]), REPEATS).tolist():
            start = int(chance.integers(LENGTH, len(unseen) - 2 * LENGTH))
            fault = Fault(kind, channel, start, LENGTH, size)
            broken[kind].append(inject(unseen, fault, chance, spread)[start : start + LENGTH])
    return {kind: np.stack(windows) for kind, windows in broken.items()}


def area(usual: Floats, broken: Floats) -> float:
    """Return how often a broken window has a larger error than a usual one."""
    errors = np.concatenate([usual, broken])
    known = np.isfinite(errors)
    label = np.repeat([0, 1], [len(usual), len(broken)])
    return float(roc_auc_score(label[known], errors[known]))


def sum_up(values: Sequence[float]) -> dict[str, float]:
    """Return mean and standard error over seeds."""
    error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0
    return {"mean": round(float(np.mean(values)), 4), "se": round(error, 4)}


if __name__ == "__main__":
    main(sys.argv[1:])
