import pytest
import torch

from tocsin_models.networks import NetworkPolicy, Order, build_network

SMALL = NetworkPolicy(hidden=8, latent=3)


def inputs(rows: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(rows, 12, 4, generator=chance)
    return x, torch.rand(rows, 12, 4, generator=chance) < 0.9


@pytest.mark.parametrize("order", Order)
def test_shapes_are_kept(order: Order) -> None:
    network = build_network(4, NetworkPolicy(8, 3, order))

    with torch.inference_mode():
        assert network.reconstruct(*inputs()).shape == (5, 12, 4)
        assert network.encode(*inputs()).shape == (5, 3)


def test_one_seed_gives_one_network_and_leaves_other_chance_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    first, second, other = (build_network(4, SMALL, seed).state_dict() for seed in (1, 1, 2))

    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["output.weight"], other["output.weight"])


def test_what_stands_in_an_unmeasured_cell_does_not_matter() -> None:
    x, mask = inputs()
    network = build_network(4, SMALL)

    with torch.inference_mode():
        expected = network.reconstruct(x, mask)
        said = network.reconstruct(torch.where(mask, x, torch.nan), mask)

    assert torch.equal(said, expected)


def test_not_measured_is_not_the_same_as_at_the_centre() -> None:
    x, mask = inputs()
    network = build_network(4, SMALL)

    with torch.inference_mode():
        absent = network.encode(torch.zeros_like(x), torch.zeros_like(mask))
        central = network.encode(torch.zeros_like(x), torch.ones_like(mask))

    assert not torch.allclose(absent, central, atol=1e-3)


def test_reversed_order_says_the_newest_step_first() -> None:
    forward = build_network(4, SMALL)
    backward = build_network(4, NetworkPolicy(8, 3, Order.REVERSED))

    with torch.inference_mode():
        said = backward.reconstruct(*inputs())
        assert torch.equal(said, forward.reconstruct(*inputs()).flip(1))


def test_an_impossible_form_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and 4096"):
        NetworkPolicy(hidden=0)
