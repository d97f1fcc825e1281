from dataclasses import dataclass

import numpy as np
import pytest

from backtesting import QUICK, small_series
from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy
from tocsin.tools.backtest.run import run_trials
from tocsin.tools.backtest.series import Entrant, Outcome, Series


@dataclass(frozen=True, slots=True)
class Constant:
    """Says its seed of every row, and nothing of a series whose name it does not like."""

    name: str
    refuses: str = ""

    def run(self, series: Series, seed: int) -> Outcome:
        if series.name == self.refuses:
            raise ValueError(f"{series.name}: no")
        rows = len(series.values)
        return Outcome(np.full(rows, float(seed)), np.zeros(rows, np.bool_), 0.0, 0.0)


SERIES = [small_series(200, 150, seed=0), small_series(200, 150, seed=1)]


def test_every_entrant_judges_every_series_with_every_seed() -> None:
    trials = list(run_trials(SERIES, [Constant("a"), Constant("b")], [3, 4]))
    assert [trial.series.name for trial in trials] == ["plant-0", "plant-1"]
    for trial in trials:
        said = {name: [run.score[0] for run in runs] for name, runs in trial.outcomes.items()}
        assert said == {"a": [3, 4], "b": [3, 4]}
        assert trial.refusals == {}


def test_an_entrant_that_cannot_learn_is_left_out_with_its_reason() -> None:
    first, second = run_trials(SERIES, [Constant("a", "plant-0"), Constant("b")], [0])
    assert first.refusals == {"a": "plant-0: no"}
    assert list(first.outcomes) == ["b"]
    assert list(second.outcomes) == ["a", "b"]


def test_what_is_done_is_told_and_never_goes_back() -> None:
    told: list[float] = []
    entrants: list[Entrant] = [
        Constant("a"),
        ModelEntrant("m", QUICK, ReplayPolicy(length=12)),
    ]
    list(run_trials(SERIES, entrants, [0, 1], told.append))
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == pytest.approx(1)
    assert len(set(told)) > 2 * 2 * 2 + 1  # also while a model learns
