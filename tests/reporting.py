"""Trials to report on: made-up outcomes, and those of a model that is learned in a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from backtesting import BEGAN_NS, QUICK, small_series
from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.controls import Always, T2Ewma
from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy
from tocsin.tools.backtest.run import run_trials
from tocsin.tools.backtest.series import Outcome, Series
from tocsin.tools.backtest.trial import Trial
from tocsin_models.arrays import Floats
from tocsin_models.metrics import mark_rows

LENGTH = 16


def a_series(rows: int = 100, train_rows: int = 40, **more: Any) -> Series:
    """Return a series of two channels, a row a second, without labels unless told otherwise."""
    values = np.stack([np.sin(np.arange(rows) / 5), np.arange(rows) / rows], axis=1)
    time_ns = BEGAN_NS + np.arange(rows) * SECOND_NS
    series = Series("press", ("flow", "heat"), time_ns, values, train_rows)
    return replace(series, **more)


def labelled(*events: tuple[int, int], rows: int = 100, **more: Any) -> Series:
    """Return such a series in which these rows are abnormal."""
    return a_series(rows, label=mark_rows(np.array(events), rows), **more)


def an_outcome(*alarms: tuple[int, int], rows: int = 100, score: Floats | None = None) -> Outcome:
    """Return what somebody said who rang in these rows; the score is 2 there and 0.5 elsewhere."""
    alarm = mark_rows(np.array(alarms, np.int64), rows)
    said = np.where(alarm, 2.0, 0.5) if score is None else score
    blame = np.tile(np.array([0.75, 0.25], np.float32), (rows, 1))
    return Outcome(said, alarm, fit_s=1.0, judge_s=0.5, blame=blame)


def a_trial(series: Series, **outcomes: Outcome | Sequence[Outcome]) -> Trial:
    """Return a trial; one outcome is one seed."""
    runs: Mapping[str, Sequence[Outcome]] = {
        name: [each] if isinstance(each, Outcome) else each for name, each in outcomes.items()
    }
    return Trial(series, runs)


@cache
def small_trials() -> tuple[Trial, ...]:
    """Return what a small model and two controls said of two series."""
    model = ModelEntrant("default", QUICK, ReplayPolicy(length=LENGTH))
    series = [small_series(seed=seed) for seed in (0, 1)]
    return tuple(run_trials(series, [model, Always(), T2Ewma()], [0]))
