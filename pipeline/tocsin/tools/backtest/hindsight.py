"""Our own models once more, on a recording that is over: marked, as that looks ahead."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tocsin.core.formats.numbers import LARGEST
from tocsin.tools.backtest.series import Outcome, Series
from tocsin.tools.backtest.trial import Trial
from tocsin_models.arrays import Floats, Indices
from tocsin_models.bundle import Bundle
from tocsin_models.hindsight import look_back
from tocsin_models.metrics import raise_alarms

Clock = Callable[[], float]


def in_hindsight(name: str) -> str:
    """Return what an entrant is called where it looks ahead."""
    return f"{name} (hindsight)"


def add_hindsight(trial: Trial, clock: Clock = time.monotonic) -> Trial:
    """Return the trial with what each of our models says in hindsight, behind what it said.

    The models are those that have learned already. One that cannot look back is left out, with its
    reason.
    """
    outcomes: dict[str, Sequence[Outcome]] = {}
    refusals = dict(trial.refusals)
    for name, runs in trial.outcomes.items():
        outcomes[name] = runs
        if not any(run.bundle for run in runs):
            continue
        try:
            outcomes[in_hindsight(name)] = [
                look_back_on(trial.series, run, run.bundle, clock) for run in runs if run.bundle
            ]
        except ValueError as error:
            refusals[in_hindsight(name)] = f"{trial.series.name}: {error}"
    return replace(trial, outcomes=outcomes, refusals=refusals)


def look_back_on(
    series: Series, outcome: Outcome, bundle: Bundle, clock: Clock = time.monotonic
) -> Outcome:
    """Return what the model of ``outcome`` says of all rows once they are all there.

    A row is in alarm where its score reaches 1: a rule that waits for several scores has nothing to
    wait for. Of rows that share a slot only the last has a score.

    Raises:
        ValueError: If the model cannot look back; says what to do.
    """
    began_s = clock()
    place, grid = lay_out(series, bundle.length)
    learned = int(place[series.train_rows]) if series.train_rows < len(place) else len(grid)
    found = look_back(bundle, grid, learned)
    last = np.diff(place, append=place[-1] + 1) > 0  # of its slot
    score = np.where(last, found.score[place], np.nan)
    return Outcome(
        score=score,
        alarm=raise_alarms(score, 1.0),
        fit_s=outcome.fit_s,
        judge_s=clock() - began_s,
        blame=np.where(last[:, None], found.blame[place], np.float32(np.nan)),
        expected=np.where(last[:, None], found.expected[place], np.nan).astype(np.float32),
        looks_ahead=True,
    )


def lay_out(series: Series, length: int) -> tuple[Indices, Floats]:
    """Return where each row lies on the grid in time, and the grid, NaN where nothing was measured.

    A hole is as long as it was, but for those longer than a window, which are cut to ``length``
    slots: no window reaches over them either way. A cell that was measured twice holds the later.
    """
    slot = series.time_ns // series.period_ns
    place: Indices = np.minimum(np.diff(slot, prepend=slot[0]), length + 1).cumsum()
    grid = np.full((int(place[-1]) + 1, len(series.channels)), np.nan)
    row, channel = np.nonzero(np.abs(series.values) <= LARGEST)  # false for NaN
    grid[place[row], channel] = series.values[row, channel]
    return place, grid
