import numpy as np
import pytest

from family import MEMBERS, model
from small_plant import LENGTH, cut_windows, run_plant
from tocsin_models.arrays import Floats
from tocsin_models.identity import LEAST_LOST, check_identity
from tocsin_models.inference import Model
from tocsin_models.networks import Form, NetworkPolicy, load_network
from tocsin_models.scaling import RobustScaler
from tocsin_models.training import TrainingPolicy, fit

WINDOWS = cut_windows(run_plant(1_200)).values
CELLS = LENGTH * 3


def learn(network: NetworkPolicy, values: Floats = WINDOWS) -> Model:
    scaler = RobustScaler.fit(values)
    scaled = scaler.scale(values)
    fitted = fit(scaled[:-100], scaled[-100:], network, TrainingPolicy(device="cpu"))
    return Model(fitted.network, scaler, values.shape[1])


def copier() -> Model:
    """Return a linear network with as many latent numbers as a window has cells."""
    return learn(NetworkPolicy(latent=CELLS, form=Form.PCA))


def test_a_network_without_a_bottleneck_is_told_to_copy() -> None:
    found = check_identity(copier(), WINDOWS)

    assert found.copies
    assert found.noise < 0.01
    assert "copies what it sees; choose a smaller latent" in found.sentence


@pytest.mark.parametrize("name", MEMBERS)
def test_a_healthy_member_does_not_copy(name: str) -> None:
    found = check_identity(model(name), WINDOWS)

    assert not found.copies
    assert found.noise > 0.75
    assert found.normal < 0.1
    assert found.ratio > 10
    assert "the model knows what is normal" in found.sentence


@pytest.mark.parametrize("name", MEMBERS)
def test_a_healthy_member_knows_order_and_links(name: str) -> None:
    found = check_identity(model(name), WINDOWS)

    assert found.shuffled > 5 * found.normal
    assert found.swapped > 3 * found.normal


def test_where_every_step_is_alike_their_order_means_nothing() -> None:
    steady = np.repeat(WINDOWS[:, :1], LENGTH, axis=1)

    found = check_identity(model("pca"), steady)

    assert found.shuffled == found.normal


def test_the_bound_lies_where_half_of_the_noise_comes_back() -> None:
    shares = [0.25, 0.75]

    found = [
        check_identity(learn(NetworkPolicy(latent=int(s * CELLS), form=Form.PCA)), WINDOWS)
        for s in shares
    ]

    assert [each.copies for each in found] == [False, True]
    for each, share in zip(found, shares, strict=True):
        assert each.noise == pytest.approx(1 - share, abs=0.15)
    assert LEAST_LOST == 0.5


def test_data_that_are_mostly_noise_make_no_copier() -> None:
    values = WINDOWS + 3 * WINDOWS.std(axis=(0, 1)) * np.random.default_rng(0).normal(
        size=WINDOWS.shape
    )

    found = check_identity(learn(NetworkPolicy(latent=4, form=Form.PCA), values), values)

    assert not found.copies
    assert found.ratio < 1.5  # windows come back badly, but so they must


def test_missing_cells_count_nothing() -> None:
    gaps = WINDOWS.copy()
    gaps[np.random.default_rng(0).random(gaps.shape) < 0.1] = np.nan
    gaps[:, :, 2] = np.nan

    assert not check_identity(model("pca"), gaps).copies


def test_one_seed_gives_the_same_numbers_and_leaves_windows_alone() -> None:
    before = WINDOWS.copy()

    first, second, other = (check_identity(model("pca"), WINDOWS, seed) for seed in (0, 0, 1))

    assert first == second != other
    np.testing.assert_array_equal(WINDOWS, before)


@pytest.mark.parametrize("values", [WINDOWS[:1], WINDOWS[0], np.zeros((9, LENGTH, 3))])
def test_windows_that_say_nothing_are_refused(values: Floats) -> None:
    with pytest.raises(ValueError, match="identity: "):
        check_identity(model("pca"), values)


def test_a_bare_network_can_be_asked_as_well_as_a_bundle() -> None:
    bundle = model("dense")
    network = load_network(3, LENGTH, bundle.policy, bundle.weights)

    bare = check_identity(Model(network, bundle.scaler, LENGTH), WINDOWS)

    assert bare == check_identity(bundle, WINDOWS)
