import torch

from tocsin_models.networks import Autoencoder, Form, NetworkPolicy, build_network

POLICY = NetworkPolicy(hidden=8, latent=3, form=Form.VARIATIONAL, beta=0.5)


def network_and_windows() -> tuple[Autoencoder, torch.Tensor]:
    x = torch.randn(64, 6, 2, generator=torch.Generator().manual_seed(0))
    network = build_network(2, 6, POLICY)
    return network, network.join(x, torch.ones_like(x, dtype=torch.bool))


def test_the_cost_is_the_distance_from_a_standard_normal() -> None:
    network, joined = network_and_windows()

    with torch.inference_mode():
        cost = network.learn(joined)[1]
        state = torch.relu(network.encoder(joined.flatten(1)))  # type: ignore[operator]
        deviation = (network.log_variance(state) / 2).exp()  # type: ignore[operator]
        normal = torch.distributions.Normal(network.encode(joined), deviation)
    standard = torch.distributions.Normal(0.0, 1.0)
    distance = torch.distributions.kl_divergence(normal, standard).sum(dim=1)

    torch.testing.assert_close(cost, 2 * 0.5 * distance / 12)


def test_the_cost_grows_with_warmth() -> None:
    network, joined = network_and_windows()

    with torch.inference_mode():
        costs = [network.learn(joined, warmth)[1].sum().item() for warmth in (0.0, 0.25, 1.0)]

    assert costs[0] == 0
    assert costs[1] * 4 == costs[2] > 0


def test_training_decodes_what_was_drawn_and_use_the_mean() -> None:
    network, joined = network_and_windows()

    with torch.inference_mode():
        mean = network.forward(joined)
        assert torch.equal(network.learn(joined)[0], mean)
        one, same, other = (
            network.learn(joined, 1.0, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)
        )
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)
    assert not torch.allclose(one, mean)
