import torch

from tocsin_models.networks import NetworkPolicy, Order, build_network


def test_reversed_order_says_the_newest_step_first() -> None:
    forward = build_network(4, 12, NetworkPolicy(8, 3))
    backward = build_network(4, 12, NetworkPolicy(8, 3, Order.REVERSED))
    x = torch.randn(5, 12, 4, generator=torch.Generator().manual_seed(0))

    with torch.inference_mode():
        joined = forward.join(x, torch.ones_like(x, dtype=torch.bool))
        assert torch.equal(backward.forward(joined), forward.forward(joined).flip(1))


def test_what_was_seen_lasts_because_forget_gates_begin_open() -> None:
    bias = build_network(4, 12, NetworkPolicy(8, 3)).state_dict()["encoder.bias_ih_l0"]

    assert (bias[8:16] > 0.6).all()
    assert (bias[:8].abs() < 0.4).all()
