from dataclasses import replace

import numpy as np
import pytest

from backtesting import QUICK, small_series
from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy, choose_length, cut_lesson
from tocsin.tools.backtest.replay import profile_of
from tocsin.tools.backtest.series import Entrant, Outcome
from tocsin_models.members import Member, choose_member
from tocsin_models.sizes import choose_sizes

POLICY = ReplayPolicy(length=12)
SERIES = small_series()


def enter(seed: int = 0, policy: ReplayPolicy = POLICY) -> Outcome:
    return ModelEntrant("lstm", QUICK, policy).run(SERIES, seed)


def test_a_model_that_learned_the_first_rows_finds_the_faults_in_the_others() -> None:
    entrant: Entrant = ModelEntrant("lstm", QUICK, POLICY)
    outcome = entrant.run(SERIES, 0)
    assert SERIES.label is not None
    assert outcome.score[SERIES.label].mean() > 3 * outcome.score[450:490].mean()
    assert outcome.alarm[SERIES.label].any()
    assert outcome.steps
    for part in (outcome.blame, outcome.expected):
        assert part is not None
        assert part.shape == SERIES.values.shape


def test_one_seed_is_one_result_and_another_seed_is_another() -> None:
    first, same, other = enter(1), enter(1), enter(2)
    assert first.score.tobytes() == same.score.tobytes()
    assert first.bundle is not None
    assert same.bundle is not None
    assert first.bundle.version == same.bundle.version
    assert first.score.tobytes() != other.score.tobytes()
    assert first.bundle.facts["seed"] == 1


def test_only_the_first_rows_are_learned_from() -> None:
    values = SERIES.values.copy()
    values[SERIES.train_rows :] = 0
    labels = np.ones(len(values), np.bool_)
    blind = ModelEntrant("lstm", QUICK, POLICY).run(
        replace(SERIES, values=values, label=labels), seed=0
    )
    seen = enter()
    assert blind.bundle is not None
    assert seen.bundle is not None
    assert blind.bundle.version == seen.bundle.version


def test_a_length_is_chosen_from_what_is_learned_from() -> None:
    values = SERIES.values.copy()
    values[SERIES.train_rows :] = 7.0
    chosen = choose_sizes(SERIES.values[: SERIES.train_rows]).length
    for series in (SERIES, replace(SERIES, values=values)):
        assert choose_length(series, ReplayPolicy(length=None)) == chosen
    outcome = enter(policy=ReplayPolicy(length=None))
    assert outcome.bundle is not None
    assert outcome.bundle.length == chosen
    assert outcome.bundle.policy == QUICK.network


def test_every_member_of_the_family_can_enter() -> None:
    for member in Member:
        outcome = ModelEntrant(member, choose_member(member, QUICK), POLICY).run(SERIES, 0)
        assert np.isfinite(outcome.score[12:]).all()


def test_times_come_from_the_clock_that_is_given() -> None:
    ticks = iter([10.0, 14.0, 15.5])
    outcome = enter(policy=replace(POLICY, clock=lambda: next(ticks)))
    assert (outcome.fit_s, outcome.judge_s) == (4.0, 1.5)


def test_the_progress_of_the_learning_is_told() -> None:
    told: list[float] = []
    ModelEntrant("lstm", QUICK, POLICY, told.append).run(SERIES, 0)
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] <= 1


def test_where_no_whole_window_is_left_to_learn_from_it_is_said() -> None:
    series = replace(SERIES, train_rows=10)
    with pytest.raises(ValueError, match="plant-0: its first 10 rows hold no whole window of 12"):
        ModelEntrant("lstm", QUICK, POLICY).run(series, 0)


def test_where_there_are_too_few_windows_the_series_is_named() -> None:
    series = replace(SERIES, train_rows=40)
    with pytest.raises(ValueError, match=r"plant-0: training: 2\d windows leave"):
        ModelEntrant("lstm", QUICK, POLICY).run(series, 0)


def test_of_a_long_lesson_windows_are_left_out_evenly() -> None:
    series = small_series(rows=2_100, train_rows=2_000)
    windows = cut_lesson(series, profile_of(series, 12), max_windows=600)
    assert 300 < len(windows.values) <= 600
    ends = (windows.end_ns - series.time_ns[0]) // 10**9
    assert ends.min() < 500
    assert ends.max() > 1_500
