import numpy as np
import pytest
import torch

from tocsin_models.arrays import Singles
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import Fitted, Progress, TrainingPolicy, choose_device, fit

SMALL = NetworkPolicy(hidden=12, latent=3)
QUICK = TrainingPolicy(epochs=6, batches=8, device="cpu")


def waves(rows: int, seed: int = 0) -> Singles:
    chance = np.random.default_rng(seed)
    steps = np.arange(12)[None, :, None] + chance.integers(0, 99, rows)[:, None, None]
    signal = np.concatenate([np.sin(steps / 2), np.cos(steps / 2)], axis=2)
    return (signal + 0.05 * chance.standard_normal(signal.shape)).astype(np.float32)


def weights(fitted: Fitted) -> dict[str, torch.Tensor]:
    return fitted.network.state_dict()


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

    with torch.inference_mode():
        x = torch.from_numpy(later)
        said = fitted.network.reconstruct(x, torch.ones_like(x, dtype=torch.bool))
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


def test_a_few_windows_that_lie_far_apart_are_not_learned() -> None:
    later = waves(60, 1)
    older = np.concatenate([waves(280), np.full((20, 12, 2), 15, np.float32)])

    def loss(trim: float) -> float:
        policy = TrainingPolicy(epochs=15, batches=16, trim=trim, hide=0, device="cpu")
        return fit(older, later, SMALL, policy).history[-1].best_loss

    assert loss(trim=0.2) < 0.7 * loss(trim=0)


def test_a_rare_but_normal_window_is_learned() -> None:
    rare = np.full((10, 12, 2), 1.5, np.float32)
    older = np.concatenate([waves(290), rare])
    policy = TrainingPolicy(epochs=40, batches=20, trim=0.1, hide=0, device="cpu")

    fitted = fit(older, waves(60, 1), SMALL, policy)

    with torch.inference_mode():
        x = torch.from_numpy(rare)
        said = fitted.network.reconstruct(x, torch.ones_like(x, dtype=torch.bool))
    assert (said - x).square().mean().item() < 0.1


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
    "policy", [{"epochs": 0}, {"learning_rate": 0.0}, {"clip_norm": -1.0}, {"trim": 1.0}]
)
def test_an_impossible_policy_is_refused(policy: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="training:"):
        TrainingPolicy(**policy)  # type: ignore[arg-type]


def test_training_that_goes_on_from_weights_never_ends_up_worse() -> None:
    older, later = waves(300), waves(60, 1)
    first = fit(older, later, SMALL, TrainingPolicy(epochs=30, batches=16, device="cpu"))
    start = {name: weight.numpy() for name, weight in weights(first).items()}
    useless = TrainingPolicy(seed=5, epochs=1, batches=1, learning_rate=1e-12, device="cpu")

    kept = fit(older, later, SMALL, useless, start=start)
    further = fit(older, later, SMALL, QUICK, start=start)

    assert all(torch.equal(weights(kept)[name], weights(first)[name]) for name in start)
    assert further.history[-1].best_loss <= first.history[-1].best_loss
