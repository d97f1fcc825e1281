from dataclasses import replace

import numpy as np
import pytest
import torch

from small_plant import LENGTH, RECIPE, SECOND_NS, run_plant, training_set
from tocsin.core.challenge import ChallengePolicy, challenge, hold_out
from tocsin.core.profile import AlertPolicy
from tocsin_models.bundle import pack
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import Progress, TrainingPolicy

torch.set_num_threads(1)
POLICY = ChallengePolicy(replace(RECIPE, training=TrainingPolicy(epochs=12, batches=12)))
UNTRAINED = ChallengePolicy(  # of another form, so that it cannot go on from the champion
    replace(
        RECIPE,
        network=NetworkPolicy(4, 2),
        training=TrainingPolicy(epochs=1, batches=1, learning_rate=1e-9),
    )
)


def test_no_step_is_both_learned_from_and_held_out() -> None:
    windows = training_set(run_plant(1_000))
    left, held_out = hold_out(windows, 0.1)
    held = np.isin(windows.values[:, 0, 0], held_out[:, 0, 0])
    assert held.sum() == len(held_out) == round(0.1 * len(windows.values))
    assert windows.end_ns[held].min() - LENGTH * SECOND_NS >= left.end_ns.max()
    assert len(left.values) + len(held_out) > len(windows.values) - LENGTH


@pytest.mark.parametrize("rows", [0, LENGTH, LENGTH + 6])
def test_too_few_windows_cannot_be_held_out(rows: int) -> None:
    windows = training_set(run_plant(1_000))
    few = max(0, rows - LENGTH + 1)
    some = replace(
        windows,
        values=windows.values[:few],
        end_ns=windows.end_ns[:few],
        group=windows.group[:few],
    )
    with pytest.raises(ValueError, match="record for longer"):
        hold_out(some, 0.1)


def test_a_first_model_is_promoted_and_tells_what_it_was_told() -> None:
    seen: list[Progress] = []
    windows = training_set(run_plant(1_200))
    found = challenge(windows, None, POLICY, {"source": "plant.csv"}, seen.append)
    assert found.verdict.promoted
    assert found.bundle.facts["source"] == "plant.csv"
    assert int(found.bundle.facts["last_end_ns"]) < windows.end_ns.max() - LENGTH * SECOND_NS
    assert len(seen) == found.bundle.facts["epochs"]


def test_the_same_windows_give_the_same_bundle_and_verdict() -> None:
    windows = training_set(run_plant(600))
    one, other = (challenge(windows, None, UNTRAINED, {}) for _ in range(2))
    assert pack(one.bundle) == pack(other.bundle)
    assert one.verdict == other.verdict


def test_a_challenger_that_learned_nothing_is_refused_beside_one_that_did() -> None:
    windows = training_set(run_plant(1_200))
    champion = challenge(windows, None, POLICY, {}).bundle
    refused = challenge(windows, champion, UNTRAINED, {}).verdict
    assert not refused.promoted
    assert [check.name for check in refused.checks if not check.passed] == ["champion"]
    lucky = challenge(windows, challenge(windows, None, UNTRAINED, {}).bundle, POLICY, {})
    assert lucky.verdict.promoted


def test_what_progress_raises_ends_the_training() -> None:
    def enough(progress: Progress) -> None:
        raise InterruptedError(progress.epoch)

    with pytest.raises(InterruptedError, match="1"):
        challenge(training_set(run_plant(600)), None, POLICY, {}, enough)


def test_windows_of_nothing_but_gaps_teach_nothing() -> None:
    windows = training_set(run_plant(600))
    blank = replace(windows, values=np.full_like(windows.values, np.nan))
    with pytest.raises(ValueError, match="training"):
        challenge(blank, None, ChallengePolicy(replace(RECIPE, network=NetworkPolicy(4, 2))), {})


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_holdout_must_leave_something_on_both_sides(share: float) -> None:
    with pytest.raises(ValueError, match="holdout"):
        ChallengePolicy(holdout=share)


def test_limits_are_found_for_the_alerts_of_the_profile() -> None:
    policy = ChallengePolicy().for_alerts(AlertPolicy(open_count=2, open_of=7))

    assert policy.recipe.calibration.open_count == 2
    assert policy.recipe.calibration.open_of == 7
    assert policy.recipe.network == ChallengePolicy().recipe.network
