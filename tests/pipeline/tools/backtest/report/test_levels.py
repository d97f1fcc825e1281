"""Trying other limits gives what the alert machine itself would have given."""

from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest

from alert_oracle import PROFILE, Seen, names_of, scores_of
from tocsin.core.incidents import Incidents
from tocsin.core.profile import AlertPolicy
from tocsin.core.records import State, Status
from tocsin.tools.backtest.report.levels import (
    UNKNOWN,
    Grid,
    Rule,
    find_levels,
    find_rule,
    make_grid,
    ring,
    write_levels,
)
from tocsin_models.arrays import Flags, Floats, Indices
from tocsin_models.metrics import raise_alarms

POLICIES = [
    AlertPolicy(),
    AlertPolicy(open_count=1, open_of=1, calm_count=1, calm_score=1.0),
    AlertPolicy(open_count=2, open_of=7, calm_count=3, calm_score=0.5),
]


def wander(rows: int, seed: int) -> Floats:
    """Return scores that cross the limit now and then, some of them unknown."""
    chance = np.random.default_rng(seed)
    score = np.exp(0.5 * np.sin(np.arange(rows) / 9) + 0.6 * chance.standard_normal(rows))
    score[chance.random(rows) < 0.1] = np.nan
    return score


def take_leave(rows: int, seed: int) -> Indices:
    """Return slots of rows with some holes between them."""
    chance = np.random.default_rng(seed)
    return np.cumsum(chance.choice([1, 1, 1, 1, 2, 9], rows))


def ring_for_real(score: Floats, slots: Indices, alerts: AlertPolicy, limit: float) -> Flags:
    """Return when the product's own machine has an alert open, if all scores are over ``limit``."""
    profile = replace(PROFILE, alerts=alerts, stride=1)
    names = names_of("pump")
    ends = slots * profile.period_ns
    windows = [
        Seen("pump", int(end), value, status=Status.ERROR if np.isnan(value) else Status.OK)
        for end, value in zip(ends, score / limit, strict=True)
    ]
    alarm = np.zeros(len(score), np.bool_)
    for step in Incidents(profile, names).judge(scores_of(windows, names, profile=profile)):
        if step.sequence == 1:
            alarm[ends >= step.at_ns] = True
        if step.state is State.RESOLVED:
            alarm[ends >= step.at_ns] = False
    return alarm


@pytest.mark.parametrize("alerts", POLICIES)
@pytest.mark.parametrize("seed", range(4))
def test_a_limit_of_the_grid_rings_as_the_alert_machine_would(
    alerts: AlertPolicy, seed: int
) -> None:
    score, slots, grid = wander(400, seed), take_leave(400, seed), make_grid(alerts)
    levels = find_levels(score, grid)
    places = range(grid.rule.calm_steps, len(grid.limits), 11)
    rang = [ring(levels, slots, place, grid.rule) for place in places]
    real = [ring_for_real(score, slots, alerts, grid.limits[place]) for place in places]
    assert np.array_equal(rang, real)
    assert 0 < np.mean(rang) < 1


@pytest.mark.parametrize("alerts", POLICIES)
def test_the_shipped_limit_and_its_calm_bound_are_on_the_grid(alerts: AlertPolicy) -> None:
    grid = make_grid(alerts)
    assert grid.limits[grid.shipped] == 1.0
    assert grid.limits[grid.shipped - grid.rule.calm_steps] == alerts.calm_score
    assert (np.diff(grid.limits) > 0).all()
    assert len(grid.limits) < UNKNOWN
    assert grid.limits[grid.rule.calm_steps] < 0.2
    assert grid.limits[-1] > 5


def test_a_score_at_a_limit_has_reached_it_and_one_below_has_not() -> None:
    grid = make_grid(AlertPolicy())
    just = np.array([1.0, np.nextafter(1.0, 0), np.inf, np.nan, 0.0])
    levels = find_levels(just, grid)
    assert levels.tolist() == [grid.shipped + 1, grid.shipped, len(grid.limits), UNKNOWN, 0]


def test_levels_are_written_a_byte_each() -> None:
    assert list(b64decode(write_levels(np.array([0, 7, UNKNOWN])))) == [0, 7, UNKNOWN]


def rule_of(score: Floats, alarm: Flags, grid: Grid) -> tuple[Rule, int]:
    return find_rule(find_levels(score, grid), np.arange(len(score)), alarm, grid)


def test_the_rule_of_an_outcome_is_found_from_its_alarms() -> None:
    score, grid = wander(300, 5), make_grid(AlertPolicy())
    rows = np.arange(300)
    by_machine = ring_for_real(score, rows + 1, AlertPolicy(), 1.0)
    assert rule_of(score, by_machine, grid) == (grid.rule, 0)
    assert rule_of(np.nan_to_num(score), raise_alarms(score, 1.0), grid) == (Rule(), 0)


def test_alarms_that_no_rule_makes_are_counted() -> None:
    score, grid = wander(300, 5), make_grid(AlertPolicy())
    alarm = raise_alarms(np.nan_to_num(score), 1.0)
    alarm[:7] = ~alarm[:7]
    assert rule_of(np.nan_to_num(score), alarm, grid) == (Rule(), 7)


def test_nothing_rings_without_a_score() -> None:
    grid = make_grid(AlertPolicy())
    levels = find_levels(np.full(50, np.nan), grid)
    assert not ring(levels, np.arange(50), grid.shipped, grid.rule).any()
