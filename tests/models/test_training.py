import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from tocsin_models.arrays import Singles
from tocsin_models.losses import Loss
from tocsin_models.networks import Form, NetworkPolicy, Output
from tocsin_models.training import (
    Fitted,
    Progress,
    TrainingPolicy,
    choose_device,
    fit,
    repeatable,
)

SMALL = NetworkPolicy(hidden=12, latent=3)
PCA = NetworkPolicy(latent=3, form=Form.PCA)
QUICK = TrainingPolicy(epochs=6, batches=8, device="cpu")


def waves(rows: int, seed: int = 0) -> Singles:
    chance = np.random.default_rng(seed)
    steps = np.arange(12)[None, :, None] + chance.integers(0, 99, rows)[:, None, None]
    signal = np.concatenate([np.sin(steps / 2), np.cos(steps / 2)], axis=2)
    return (signal + 0.05 * chance.standard_normal(signal.shape)).astype(np.float32)


def weights(fitted: Fitted) -> dict[str, torch.Tensor]:
    return fitted.network.state_dict()


def answer(fitted: Fitted, windows: Singles) -> torch.Tensor:
    """Return what a network says of windows in which everything was measured."""
    x = torch.from_numpy(windows)
    with torch.inference_mode():
        joined = fitted.network.join(x, torch.ones_like(x, dtype=torch.bool))
        said: torch.Tensor = fitted.network.forward(joined)
    return said


def test_training_lowers_the_loss() -> None:
    policy = TrainingPolicy(epochs=30, batches=16, device="cpu")

    history = fit(waves(300), waves(60, 1), SMALL, policy).history

    assert history[-1].best_loss < 0.2 * history[0].later_loss


@pytest.mark.parametrize("threads", [1, 2])
def test_one_seed_gives_the_same_weights(threads: int) -> None:
    torch.set_num_threads(threads)

    first, second = (weights(fit(waves(100), waves(40, 1), SMALL, QUICK)) for _ in range(2))
    other = weights(fit(waves(100), waves(40, 1), SMALL, TrainingPolicy(seed=1, epochs=1)))

    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["output.weight"], other["output.weight"])


def test_training_does_not_change_its_windows() -> None:
    older, later = waves(100), waves(40, 1)
    older[3, 4, 1] = np.nan
    copies = older.copy(), later.copy()

    fit(older, later, SMALL, QUICK)

    np.testing.assert_array_equal(older, copies[0])
    np.testing.assert_array_equal(later, copies[1])


def test_missing_cells_are_not_learned_as_zeros() -> None:
    older = waves(300) + 3
    older[np.random.default_rng(0).random(older.shape) < 0.4] = np.nan
    later = waves(60, 1) + 3

    fitted = fit(older, later, SMALL, TrainingPolicy(epochs=30, batches=16, device="cpu"))

    said = answer(fitted, later)
    assert said.mean().item() == pytest.approx(3, abs=0.3)


def test_progress_is_told_after_every_epoch() -> None:
    told: list[Progress] = []

    fitted = fit(waves(100), waves(40, 1), SMALL, QUICK, told.append)

    assert [each.epoch for each in told] == [1, 2, 3, 4, 5, 6]
    assert tuple(told) == fitted.history
    assert min(each.later_loss for each in told) == told[-1].best_loss
    assert told[fitted.best_epoch - 1].later_loss == told[-1].best_loss


def test_training_stops_when_later_windows_get_no_better() -> None:
    noise = np.random.default_rng(0).standard_normal((60, 12, 2)).astype(np.float32)
    policy = TrainingPolicy(epochs=200, batches=8, patience=3, device="cpu")

    fitted = fit(waves(40), noise, SMALL, policy)

    assert len(fitted.history) == fitted.best_epoch + 3 < 200


def broken(rows: int, seed: int) -> Singles:
    """Return waves with one of the two channels far off, up or down."""
    chance, windows = np.random.default_rng(seed), waves(rows, seed)
    channel, size = chance.integers(0, 2, rows), chance.uniform(3, 6, rows)
    windows[np.arange(rows), :, channel] += (chance.choice((-1, 1), rows) * size)[:, None]
    return windows


def mean_error(fitted: Fitted, windows: Singles) -> float:
    return (answer(fitted, windows) - torch.from_numpy(windows)).square().mean().item()


def test_a_tenth_of_abnormal_windows_is_not_learned() -> None:
    older = np.concatenate([waves(360), broken(40, 7)])
    later = np.concatenate([waves(108, 1), broken(12, 8)])

    def stands_out(policy: TrainingPolicy) -> float:
        fitted = fit(older, later, SMALL, replace(policy, epochs=30, batches=20, hide=0))
        return mean_error(fitted, broken(100, 9)) / mean_error(fitted, waves(100, 2))

    usual, credulous = TrainingPolicy(device="cpu"), TrainingPolicy(trim=0, device="cpu")
    assert stands_out(usual) > max(200, 3 * stands_out(credulous))


def test_a_way_of_running_that_is_more_than_a_tenth_is_learned() -> None:
    def other(rows: int, seed: int) -> Singles:
        return np.float32(0.2) * waves(rows, seed) + np.array([2.5, -2.5], np.float32)

    older = np.concatenate([waves(340), other(60, 7)])
    later = np.concatenate([waves(90, 1), other(10, 8)])
    policy = TrainingPolicy(epochs=30, batches=20, hide=0, device="cpu")

    fitted = fit(older, later, SMALL, policy)

    assert mean_error(fitted, other(50, 9)) < 0.2


def test_a_rare_but_normal_window_is_learned() -> None:
    rare = np.full((10, 12, 2), 1.5, np.float32)
    older = np.concatenate([waves(290), rare])
    policy = TrainingPolicy(epochs=40, batches=20, trim=0.1, hide=0, device="cpu")

    fitted = fit(older, waves(60, 1), SMALL, policy)

    assert (answer(fitted, rare) - torch.from_numpy(rare)).square().mean().item() < 0.1


def test_training_that_finds_no_finite_loss_says_what_to_do() -> None:
    policy = TrainingPolicy(epochs=3, learning_rate=1e30, device="cpu")

    with pytest.raises(ValueError, match="smaller learning_rate"):
        fit(waves(100), waves(40, 1), SMALL, policy)


def test_windows_without_a_measured_cell_are_refused() -> None:
    with pytest.raises(ValueError, match="no measured value"):
        fit(np.full((9, 12, 2), np.nan, np.float32), waves(9), SMALL, QUICK)


def test_auto_takes_the_accelerator_if_there_is_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"

    assert choose_device("auto").type == expected
    assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize(
    "policy",
    [
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"clip_norm": -1.0},
        {"trim": 1.0},
        {"noise": -0.1},
        {"noise": float("inf")},
        {"warm_up": 1.1},
    ],
)
def test_an_impossible_policy_is_refused(policy: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="training:"):
        TrainingPolicy(**policy)  # type: ignore[arg-type]


def test_noise_is_put_on_the_input_and_not_on_what_is_to_be_said() -> None:
    def learn(noise: float) -> Fitted:
        policy = TrainingPolicy(epochs=30, batches=16, noise=noise, hide=0, device="cpu")
        return fit(waves(300), waves(60, 1), SMALL, policy)

    quiet, noisy = learn(0), learn(0.8)

    assert not torch.equal(weights(quiet)["output.weight"], weights(noisy)["output.weight"])
    clean = torch.from_numpy(waves(60, 2))
    spoiled = waves(60, 2) + np.float32(0.8) * np.random.default_rng(0).standard_normal(
        clean.shape, dtype=np.float32
    )
    gaps = [(answer(each, spoiled) - clean).square().mean() for each in (quiet, noisy)]
    assert gaps[1] < 0.8 * gaps[0]


def test_half_of_a_forecasting_networks_loss_is_its_forecast() -> None:
    later = waves(60, 1)
    later[:, -1] += 100
    policy = TrainingPolicy(epochs=1, batches=1, trim=0, device="cpu")

    fitted = fit(waves(100), later, replace(SMALL, forecast=True), policy)

    assert fitted.history[0].later_loss == pytest.approx(100**2 * (1 / 12 + 1) / 2, rel=0.1)


def test_what_a_form_is_strict_about_grows_with_the_epochs() -> None:
    strict = NetworkPolicy(hidden=12, latent=3, form=Form.VARIATIONAL, beta=1_000)

    def first_loss(warm_up: float) -> float:
        policy = TrainingPolicy(epochs=10, batches=1, warm_up=warm_up, device="cpu")
        return fit(waves(100), waves(60, 1), strict, policy).history[0].loss

    assert first_loss(warm_up=0) > 5 * first_loss(warm_up=1)


def test_a_variational_network_learns_how_sure_it_can_be() -> None:
    network = NetworkPolicy(hidden=12, latent=3, form=Form.VARIATIONAL)
    policy = TrainingPolicy(epochs=20, batches=16, device="cpu")

    fitted = fit(waves(300), waves(60, 1), network, policy)

    x = torch.from_numpy(waves(60, 2))
    joined = fitted.network.join(x, torch.ones_like(x, dtype=torch.bool))
    with torch.inference_mode():
        mean = fitted.network.encode(joined)
        distance = fitted.network.learn(joined)[1] * 12 * 2 / (2 * network.beta)
    # nothing but what is drawn makes it worth its cost to be narrower than a standard normal
    assert (distance - mean.square().sum(dim=1) / 2).mean() > 1


def test_a_forecast_that_was_not_measured_is_not_judged() -> None:
    older, later = waves(100), waves(60, 1)
    older[:, -1] = later[:, -1] = np.nan

    history = fit(older, later, replace(SMALL, forecast=True), QUICK).history

    assert history == fit(older, later, replace(SMALL, forecast=False), QUICK).history


def test_a_closed_form_leaves_out_windows_that_lie_apart() -> None:
    chance = np.random.default_rng(0)
    apart = 15 * chance.standard_normal((20, 12, 2)).astype(np.float32)
    older, later = np.concatenate([waves(280), apart]), waves(60, 1)

    def loss(trim: float) -> float:
        policy = TrainingPolicy(trim=trim, device="cpu")
        return fit(older, later, PCA, policy).history[-1].best_loss

    assert loss(trim=0.1) < 0.2 * loss(trim=0)


def test_a_closed_form_learns_from_windows_with_gaps() -> None:
    older, later = waves(300), waves(60, 1)
    whole = fit(older, later, PCA, QUICK).history[-1].best_loss
    older[np.random.default_rng(0).random(older.shape) < 0.4] = np.nan

    with_gaps = fit(older, later, PCA, QUICK).history[-1].best_loss

    assert with_gaps < 1.5 * whole


def test_a_channel_that_was_never_measured_has_a_range_all_the_same() -> None:
    older, later = waves(100), waves(40, 1)
    older[:, :, 1] = later[:, :, 1] = np.nan
    unit = replace(SMALL, output=Output.UNIT)

    fitted = fit(older, later, unit, replace(QUICK, loss=Loss.BCE))

    low, width = (weights(fitted)[name] for name in ("low", "width"))
    assert low[0].item() == pytest.approx(-1.3, abs=0.05)
    assert (low[0] + width[0]).item() == pytest.approx(1.3, abs=0.05)
    assert (low[1].item(), width[1].item()) == pytest.approx((-1.2, 2.4))


def test_training_that_goes_on_from_weights_learns_how_far_channels_go_anew() -> None:
    older, later = waves(100), waves(40, 1)
    unit, policy = replace(SMALL, output=Output.UNIT), replace(QUICK, loss=Loss.BCE)
    first = fit(0.1 * older, 0.1 * later, unit, policy)

    start = {name: weight.numpy() for name, weight in weights(first).items()}
    low = weights(fit(older, later, unit, policy, start=start))["low"]

    np.testing.assert_array_equal(low, weights(fit(older, later, unit, policy))["low"])


@pytest.mark.parametrize(("name", "asked"), [("cpu", False), ("cuda", True), ("cuda:1", True)])
def test_what_computes_otherwise_each_time_is_asked_not_to_while_it_learns(
    name: str, *, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # to be as it was afterwards
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")

    with repeatable(torch.device(name)):
        assert torch.are_deterministic_algorithms_enabled() is asked
        assert ("CUBLAS_WORKSPACE_CONFIG" in os.environ) is asked

    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_one_seed_gives_one_result_on_cuda() -> None:
    policy = replace(QUICK, device="cuda")

    one, other = (fit(waves(300), waves(60, 1), SMALL, policy) for _ in range(2))

    assert all(torch.equal(weights(one)[name], weights(other)[name]) for name in weights(one))


def test_training_that_goes_on_from_weights_never_ends_up_worse() -> None:
    older, later = waves(300), waves(60, 1)
    first = fit(older, later, SMALL, TrainingPolicy(epochs=30, batches=16, device="cpu"))
    start = {name: weight.numpy() for name, weight in weights(first).items()}
    useless = TrainingPolicy(seed=5, epochs=1, batches=1, learning_rate=1e-12, device="cpu")

    kept = fit(older, later, SMALL, useless, start=start)
    further = fit(older, later, SMALL, QUICK, start=start)

    assert all(torch.equal(weights(kept)[name], weights(first)[name]) for name in start)
    assert further.history[-1].best_loss <= first.history[-1].best_loss
