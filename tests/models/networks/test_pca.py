import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from tocsin_models.arrays import Flags, Singles
from tocsin_models.networks import Form, NetworkPolicy
from tocsin_models.networks.pca import PcaAutoencoder

KEPT = 4


def windows(rows: int = 300, steps: int = 10, seed: int = 0) -> Singles:
    """Return windows ``[rows, steps, 3]`` that four hidden numbers make, and a little noise."""
    chance = np.random.default_rng(seed)
    plan = np.random.default_rng(99).normal(size=(KEPT, steps * 3)) * [[4], [3], [2], [1]]
    made = chance.normal(size=(rows, KEPT)) @ plan + 0.1 * chance.normal(size=(rows, steps * 3))
    return np.asarray(made + 2, dtype=np.float32).reshape(rows, steps, 3)


def solve(values: Singles, latent: int = KEPT) -> PcaAutoencoder:
    policy = NetworkPolicy(latent=latent, form=Form.PCA)
    network = PcaAutoencoder(3, values.shape[1], policy)
    network.mean = torch.from_numpy(values.reshape(len(values), -1).mean(axis=0))
    network.solve(torch.from_numpy(values), torch.ones(values.shape, dtype=torch.bool))
    return network


def answer(network: PcaAutoencoder, values: Singles, mask: Flags | None = None) -> Singles:
    seen = np.ones(values.shape, dtype=np.bool_) if mask is None else mask
    joined = network.join(torch.from_numpy(values), torch.from_numpy(seen))
    with torch.inference_mode():
        said: Singles = network.forward(joined).numpy()
    return said


@pytest.mark.parametrize(("rows", "steps"), [(300, 10), (20, 10), (300, 400)])
def test_whole_windows_are_reconstructed_as_by_another_hand(rows: int, steps: int) -> None:
    learned, judged = windows(rows, steps), windows(50, steps, seed=1)
    other = PCA(KEPT, svd_solver="full").fit(learned.reshape(rows, -1))

    said = answer(solve(learned), judged)

    flat = judged.reshape(50, -1)
    expected = other.inverse_transform(other.transform(flat)).reshape(judged.shape)
    np.testing.assert_allclose(said, expected, atol=2e-3 * np.abs(expected).max())


def test_components_are_orthonormal_and_point_one_way() -> None:
    components = solve(windows()).components

    torch.testing.assert_close(components @ components.T, torch.eye(KEPT), atol=1e-5, rtol=0)
    assert (components.gather(1, components.abs().argmax(dim=1, keepdim=True)) > 0).all()


def test_what_is_missing_follows_from_what_is_there() -> None:
    learned, judged = solve(windows()), windows(50, seed=1)
    mask = np.random.default_rng(0).random(judged.shape) > 0.5

    said = answer(learned, np.where(mask, judged, np.float32(-77)), mask)

    assert np.abs(said - judged)[~mask].max() < 0.8
    assert judged.std() > 4


def test_a_window_of_which_nothing_is_known_is_the_mean() -> None:
    learned, judged = solve(windows()), windows(2, seed=1)

    said = answer(learned, judged, np.zeros(judged.shape, dtype=np.bool_))

    np.testing.assert_allclose(said[0].ravel(), learned.mean.numpy(), atol=1e-5)


def test_fewer_windows_than_components_are_refused() -> None:
    with pytest.raises(ValueError, match="3 windows have no 4 principal components"):
        solve(windows(3))


def test_windows_that_never_move_are_reconstructed_all_the_same() -> None:
    still = np.full((30, 10, 3), 2, np.float32)

    np.testing.assert_allclose(answer(solve(still), still), still, atol=1e-5)
    hidden = np.zeros(still.shape, dtype=np.bool_)
    assert np.isfinite(answer(solve(still), still, hidden)).all()
