"""What measuring costs on one core: ``python bench/metrics.py`` prints one JSON object.

It is processor time, so that neighbours do not matter. Start it with ``OPENBLAS_NUM_THREADS=1``,
so that numpy keeps to one core.
"""

import json
import time
from collections.abc import Callable

import numpy as np
from machine import describe_machine

from tocsin_models.arrays import Flags, Floats
from tocsin_models.metrics import (
    MeasurePolicy,
    auc_pr,
    f1_adjusted_area,
    find_runs,
    measure,
    raise_alarms,
    score_affiliation,
    tally_nab,
    vus,
)

ROWS = 24_000
ROUNDS = 9


def main() -> None:
    """Measure every measure on rare long events and on many short ones."""
    results = {
        "40 events of 50 rows": durations(*series(40, 50)),
        "400 events of 5 rows": durations(*series(400, 5)),
    }
    print(json.dumps({"machine": describe_machine(), "rows": ROWS, "cpu_ms": results}, indent=2))


def series(events: int, length: int) -> tuple[Flags, Floats]:
    """Return labels and a score that sees a part of the events."""
    random = np.random.default_rng(1)
    label = np.zeros(ROWS, np.bool_)
    for begin in random.integers(0, ROWS - length, events):
        label[begin : begin + length] = True
    return label, random.normal(size=ROWS) + 1.5 * label


def durations(label: Flags, score: Floats) -> dict[str, float]:
    """Return milliseconds of processor time, the best of some rounds."""
    alarm = raise_alarms(score, 2.5)
    events, alarms = find_runs(label), find_runs(alarm)
    policy = MeasurePolicy(period_s=60, vus_window=100)
    work: dict[str, Callable[[], object]] = {
        "vus, window 100": lambda: vus(label, score, 100),
        "vus, window 300": lambda: vus(label, score, 300),
        "auc_pr": lambda: auc_pr(label, score),
        "affiliation": lambda: score_affiliation(events, alarms, (0, ROWS)),
        "nab": lambda: tally_nab(events, alarm),
        "adjusted, all K": lambda: f1_adjusted_area(label, alarm),
        "measure, window 100": lambda: measure(label, score, alarm, policy),
    }
    return {name: round(1e3 * _best_s(each), 2) for name, each in work.items()}


def _best_s(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


if __name__ == "__main__":
    main()
