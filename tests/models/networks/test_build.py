"""What holds for an untrained network of any form, and for its policy."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from tocsin_models.inference import BATCH_ROWS, Model
from tocsin_models.networks import (
    Autoencoder,
    Form,
    NetworkPolicy,
    Order,
    Output,
    build_network,
    load_network,
)
from tocsin_models.networks.pca import PcaAutoencoder
from tocsin_models.scaling import RobustScaler

forms = pytest.mark.parametrize("form", Form)
drawn = pytest.mark.parametrize("form", [form for form in Form if form is not Form.PCA])
SMALL = NetworkPolicy(hidden=8, latent=3)


def inputs(rows: int = 20, steps: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(rows, steps, 4, generator=chance)
    return x, torch.rand(rows, steps, 4, generator=chance) < 0.9


def build(policy: NetworkPolicy, steps: int = 12) -> Autoencoder:
    """Return a network whose weights are not zero."""
    network = build_network(4, steps, policy)
    if isinstance(network, PcaAutoencoder):
        x, mask = inputs(rows=100, steps=steps)
        network.solve(x, torch.ones_like(mask))
    return network


@pytest.fixture(autouse=True)
def _nothing_is_learned() -> Iterator[None]:
    with torch.no_grad():
        yield


@forms
@pytest.mark.parametrize("steps", [2, 5, 12, 17])
def test_windows_of_any_length_keep_their_shape(form: Form, steps: int) -> None:
    network = build(replace(SMALL, form=form), steps)
    joined = network.join(*inputs(5, steps))

    assert joined.shape == (5, steps, 8)
    assert network.forward(joined).shape == (5, steps, 4)
    assert network.encode(joined).shape == (5, 3)
    said, cost = network.learn(joined)
    assert (said.shape, cost.shape) == ((5, steps, 4), (5,))


@forms
def test_a_reconstruction_is_its_latent_vector_decoded(form: Form) -> None:
    network = build(replace(SMALL, form=form))
    joined = network.join(*inputs())

    assert torch.equal(network.forward(joined), network.decode(network.encode(joined)))
    assert torch.equal(network.learn(joined)[0], network.forward(joined))


@drawn
def test_one_seed_gives_one_network_and_leaves_other_chance_alone(form: Form) -> None:
    policy = replace(SMALL, form=form)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    first, second, other = (build_network(4, 12, policy, seed).state_dict() for seed in (1, 1, 2))

    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["output.weight"], other["output.weight"])


@forms
def test_what_stands_in_an_unmeasured_cell_does_not_matter(form: Form) -> None:
    x, mask = inputs()
    network = build(replace(SMALL, form=form))

    expected = network.forward(network.join(x, mask))
    said = network.forward(network.join(torch.where(mask, x, torch.nan), mask))

    assert torch.equal(said, expected)


@forms
def test_not_measured_is_not_the_same_as_at_the_centre(form: Form) -> None:
    x, mask = inputs()
    network = build(replace(SMALL, form=form))
    shifted = torch.where(mask, x, 0.0) + 1

    absent = network.encode(network.join(shifted, mask))
    present = network.encode(network.join(torch.where(mask, shifted, 0.0), torch.ones_like(mask)))

    assert not torch.allclose(absent, present, atol=1e-3)


@forms
def test_every_channel_has_a_voice_of_its_own(form: Form) -> None:
    network = build(replace(SMALL, form=form))

    said = network.forward(network.join(*inputs())).flatten(0, 1)

    linked = torch.corrcoef(said.T).abs()
    assert (linked[~torch.eye(4, dtype=torch.bool)] < 0.999).all()


@forms
def test_the_last_step_is_kept_from_a_network_that_forecasts_it(form: Form) -> None:
    x, mask = inputs()
    moved = x.clone()
    moved[:, -1] += 5
    network = build(replace(SMALL, form=form, forecast=True))

    said = [network.forward(network.join(each, mask)) for each in (x, moved)]

    assert torch.equal(*said)
    open_network = build(replace(SMALL, form=form))
    seen = [open_network.forward(open_network.join(each, mask)) for each in (x, moved)]
    assert not torch.equal(*seen)


@forms
@pytest.mark.parametrize("threads", [1, 2])
def test_in_batches_of_one_size_a_row_of_full_size_depends_on_itself(
    form: Form, threads: int
) -> None:
    torch.set_num_threads(threads)
    chance = np.random.default_rng(0)
    windows = chance.normal(size=(2 * BATCH_ROWS, 64, 8))
    windows[::3][chance.random(windows[::3].shape) < 0.1] = np.nan
    model = full_size(form)
    whole = model.reconstruct(windows)

    rows = chance.permutation(len(windows))[:150]

    np.testing.assert_array_equal(model.reconstruct(windows[rows]), whole[rows])
    torch.set_num_threads(3 - threads)
    np.testing.assert_array_equal(model.reconstruct(windows), whole)


def full_size(form: Form) -> Model:
    """Return a model of the size that is the default."""
    network = build_network(8, 64, NetworkPolicy(form=form))
    if isinstance(network, PcaAutoencoder):
        chance = torch.Generator().manual_seed(1)
        waves = torch.randn(600, 64, 8, generator=chance).cumsum(dim=1)
        network.solve(waves, torch.ones_like(waves, dtype=torch.bool))
    return Model(network, RobustScaler(np.zeros(8), np.ones(8)), 64)


@forms
def test_weights_go_into_another_network_of_the_form(form: Form) -> None:
    network = build(replace(SMALL, form=form))
    weights = {name: weight.numpy() for name, weight in network.state_dict().items()}

    loaded = load_network(4, 12, replace(SMALL, form=form), weights)

    joined = network.join(*inputs())
    assert torch.equal(loaded.forward(joined), network.forward(joined))


@forms
def test_weights_of_another_form_or_size_are_refused(form: Form) -> None:
    other = build(replace(SMALL, form=form, latent=2)).state_dict()

    with pytest.raises(ValueError, match="must have shapes"):
        load_network(4, 12, replace(SMALL, form=form), {n: w.numpy() for n, w in other.items()})


def test_a_size_out_of_this_world_is_refused_before_memory_is_set_aside() -> None:
    with pytest.raises(ValueError, match="must have shapes"):
        load_network(10**6, 10**6, NetworkPolicy(4096, 4096, form=Form.DENSE), {})


def test_a_sparse_network_gives_up_its_numbers_one_by_one() -> None:
    network = build(replace(SMALL, form=Form.DENSE, latent=10, active=2))
    joined = network.join(*inputs())

    assert ((network.encode(joined) != 0).sum(dim=1) == 2).all()
    said = [network.learn(joined, warmth)[0] for warmth in (0.0, 0.5, 1.0)]
    assert torch.equal(said[2], network.forward(joined))
    dense = replace(network.policy, active=0)
    weights = {name: weight.numpy() for name, weight in network.state_dict().items()}
    assert torch.equal(said[0], load_network(4, 12, dense, weights).forward(joined))
    assert not torch.equal(said[0], said[1])


def test_a_unit_output_stays_within_its_channels_range() -> None:
    network = build(replace(SMALL, form=Form.DENSE, output=Output.UNIT))
    network.low.copy_(torch.tensor([-1.0, 0.0, 5.0, 0.0]))
    network.width.copy_(torch.tensor([2.0, 1.0, 0.5, 9.0]))
    x, mask = inputs()

    said = network.forward(network.join(1000 * x, mask))

    share = network.to_unit(said)
    assert share.min() >= -1e-6
    assert share.max() <= 1 + 1e-6
    assert said[:, :, 2].min() >= 5


@pytest.mark.parametrize(
    "choice",
    [
        {"hidden": 0},
        {"latent": 5_000},
        {"active": 17},
        {"active": -1},
        {"beta": -0.1},
        {"beta": float("nan")},
        {"form": Form.DENSE, "order": Order.REVERSED},
        {"form": Form.PCA, "active": 2},
        {"form": Form.VARIATIONAL, "active": 2},
        {"form": Form.PCA, "output": Output.UNIT},
    ],
)
def test_an_impossible_policy_is_refused(choice: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="network:"):
        NetworkPolicy(**choice)  # type: ignore[arg-type]


def test_a_network_that_does_not_fit_its_windows_is_refused() -> None:
    with pytest.raises(ValueError, match="two steps"):
        build_network(4, 1, NetworkPolicy(forecast=True))
    with pytest.raises(ValueError, match="at most 8"):
        build_network(4, 2, NetworkPolicy(latent=9, form=Form.PCA))
