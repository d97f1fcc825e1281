"""Which channels may go farther than they went in training."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tocsin_models.arrays import Floats
from tocsin_models.evidence import collect
from tocsin_models.scoring import ScoringPolicy, fit_scorer, look_of
from tocsin_models.senses import Aspect
from tocsin_models.slack import find_slack

ROWS = 400


def noise(rows: int = ROWS, channels: int = 1, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(rows, channels))


def wander(rows: int = ROWS, seed: int = 0) -> Floats:
    """Return one channel that goes up and down once, with next to no noise."""
    slow = np.sin(np.linspace(0, 1.6 * np.pi, rows))[:, None]
    return np.asarray(slow + 0.01 * noise(rows, 1, seed))


def test_a_channel_that_wandered_has_slack_and_a_steady_one_has_none() -> None:
    slack = find_slack(np.hstack([noise(), wander()]))

    assert slack.values[0] == slack.shares[0] == 0
    assert slack.values[1] > 10 * wander().var()
    np.testing.assert_array_equal(slack.weights < 1, [False, True])


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_slack(seed: int) -> None:
    assert (find_slack(noise(ROWS, 6, seed)).values == 0).mean() > 0.9


def test_a_lone_channel_has_none_for_there_is_none_to_trust_more() -> None:
    assert (find_slack(wander()).values == 0).all()
    assert (find_slack(np.hstack([wander(), 2 * wander()])).values < 1).all()


def test_a_channel_that_never_moved_is_not_one_that_wandered() -> None:
    slack = find_slack(np.hstack([noise(), np.full((ROWS, 1), 3.0)]))

    assert (slack.values == 0).all()


def test_a_variance_grows_a_hundred_times_at_most() -> None:
    ramp = np.linspace(-5, 5, ROWS)[:, None]

    slack = find_slack(np.hstack([noise(), ramp]))

    assert slack.values[1] == pytest.approx(99 * ramp.var())
    assert slack.shares[1] == pytest.approx(99)  # of one spread, however far it went


@pytest.mark.parametrize(
    ("levels", "square"),
    [((1, -1), 1 / 5.5), ((1, -1, -1, 1), 3 / 3.5)],  # found in two pieces, and in four
)
def test_slack_grows_as_independent_values_are_fewer(levels: Sequence[int], square: float) -> None:
    flicker = np.tile([1.0, -1.0], 240)
    slow = flicker + np.sqrt(square) * np.repeat(levels, 480 // len(levels))

    slack = find_slack(np.column_stack([flicker, slow]))

    more = 100**0.5 - 1  # of 6.5 values, in the middle between 8, which are enough, and 5
    np.testing.assert_allclose(slack.values, [0, more * (1 + square)])
    np.testing.assert_allclose(slack.shares, [0, more])


def test_many_assets_that_wander_each_by_itself_are_many_values() -> None:
    phases = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    each = np.sin(np.linspace(0, 1.6 * np.pi, ROWS)[:, None] + phases)  # [time, asset]
    interleaved = each.reshape(-1, 1)

    slack = find_slack(np.hstack([noise(len(interleaved)), interleaved]))

    assert slack.values[1] == 0


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_few_rows_are_enough_to_answer(rows: int) -> None:
    slack = find_slack(noise(rows, 3))

    assert np.isfinite(slack.values).all()
    assert np.isfinite(slack.shares).all()


@pytest.mark.parametrize("aspect", [a for a in Aspect if a not in {Aspect.LATENT, Aspect.BULK}])
def test_a_step_of_a_steady_channel_surprises_more_than_one_of_a_wanderer(aspect: Aspect) -> None:
    rows = np.hstack([noise(1_000, 2), wander(1_000) / np.std(wander(1_000))])
    windows = np.lib.stride_tricks.sliding_window_view(rows, 8, axis=0).transpose(0, 2, 1)
    scaled = windows.astype(np.float32)
    policy = ScoringPolicy((aspect,))

    def judge(channel: int) -> float:
        moved = scaled[-200:].copy()
        moved[:, :, channel] += 6
        evidence = collect(moved, 0 * moved, ~np.isnan(moved), 1 + policy.lags)
        return float(np.median(scorer.surprise(evidence).nats))

    evidence = collect(scaled, 0 * scaled, ~np.isnan(scaled), 1 + policy.lags)
    scorer = fit_scorer(evidence, 1, policy)

    assert judge(0) > 2 * judge(2)


def test_the_bulk_is_trusted_to_stay_where_it_was() -> None:
    rows = np.hstack([noise(1_000, 2), wander(1_000) / np.std(wander(1_000))])
    windows = np.lib.stride_tricks.sliding_window_view(rows, 8, axis=0).transpose(0, 2, 1)
    scaled = windows.astype(np.float32)
    policy = ScoringPolicy((Aspect.MOTION, Aspect.BULK))
    evidence = collect(scaled, 0 * scaled, ~np.isnan(scaled), 1 + policy.lags)
    usual = np.arange(len(scaled)) % 50 > 0
    motion, bulk = fit_scorer(replace(evidence, usual=usual), 1, policy).senses

    scaled[:, :, 2] += 6  # the wanderer
    moved = collect(scaled, 0 * scaled, ~np.isnan(scaled), 1 + policy.lags)
    far, farther = (np.median(s.ask(moved, look_of(policy, 1)).distance) for s in (motion, bulk))

    assert farther > 3 * far
