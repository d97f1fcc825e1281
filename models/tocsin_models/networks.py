"""The networks: every autoencoder of the family has the surface `Autoencoder`.

Inputs are scaled values ``x [B, T, F]`` in f32 and ``mask [B, T, F]`` (true where a value was
measured). What ``x`` holds where the mask is false does not matter, not even NaN.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

import torch
from torch import Tensor, nn


class Order(StrEnum):
    """In which order the decoder says the steps of a window."""

    FORWARD = "forward"
    REVERSED = "reversed"
    """Newest step first, as in Malhotra et al. 2016."""


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """The network's form: ``hidden`` units a layer, ``latent`` numbers a window."""

    hidden: int = 64
    latent: int = 16
    order: Order = Order.FORWARD

    def __post_init__(self) -> None:
        if not (1 <= self.hidden <= 4096 and 1 <= self.latent <= 4096):
            raise ValueError("network: choose hidden and latent between 1 and 4096")


class Autoencoder(Protocol):
    """What every network of the family can do; the rest of it is a `torch.nn.Module`."""

    def encode(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the latent vectors ``[B, Z]``."""
        ...

    def reconstruct(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return what the windows should have been, ``[B, T, F]``, for all cells."""
        ...

    def join(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return what the network sees of the windows: a row's bits depend on that row alone."""
        ...

    def forward(self, joined: Tensor) -> Tensor:
        """Return what `reconstruct` returns, from what `join` returned."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights by name."""
        ...

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> object:
        """Take the weights over."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """Give the weights that training changes."""
        ...

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's own signature
        """Switch to training, or to use."""
        ...

    def to(self, device: torch.device) -> Self:
        """Move the weights to a device."""
        ...


class LstmAutoencoder(nn.Module):
    """The recurrent autoencoder: encoder LSTM, bottleneck, decoder LSTM, one linear read-out.

    The decoder is unconditioned (Srivastava et al. 2015): it sees the latent vector at every step
    and never its own or the true last value, so that all it can say must have come through the
    bottleneck. The mask is an input beside the values: "not measured" is not "at the centre".
    """

    def __init__(self, channels: int, policy: NetworkPolicy) -> None:
        super().__init__()
        self.order = policy.order
        # torch's fused LSTM is three times as fast on a CPU as a loop over steps, even though it
        # multiplies the decoder's constant input anew at every step
        self.encoder = nn.LSTM(2 * channels, policy.hidden, batch_first=True)
        self.bottleneck = nn.Linear(policy.hidden, policy.latent)
        self.decoder = nn.LSTM(policy.latent, policy.hidden, batch_first=True)
        self.output = nn.Linear(policy.hidden, channels)

    def encode(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the latent vectors ``[B, Z]``."""
        return self._encode(self.join(x, mask))

    def reconstruct(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return what the windows should have been, ``[B, T, F]``, for all cells."""
        return self.forward(self.join(x, mask))

    def join(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the values, 0 where not measured, and the mask: ``[B, T, 2F]``."""
        return torch.cat((torch.where(mask, x, 0.0), mask.to(x.dtype)), dim=2)

    def forward(self, joined: Tensor) -> Tensor:
        """Return the reconstruction ``[B, T, F]`` of windows ``[B, T, 2F]``."""
        return self._decode(self._encode(joined), joined.shape[1])

    def _encode(self, joined: Tensor) -> Tensor:
        _, state = _run(self.encoder, joined)
        latent: Tensor = self.bottleneck(state)
        return latent

    def _decode(self, latent: Tensor, length: int) -> Tensor:
        """Return the windows ``[B, length, F]`` that ``latent [B, Z]`` stands for."""
        states, _ = _run(self.decoder, latent[:, None].expand(-1, length, -1))
        said: Tensor = self.output(states)
        return said.flip(1) if self.order is Order.REVERSED else said


def _run(layer: nn.LSTM, steps: Tensor) -> tuple[Tensor, Tensor]:
    """Return a layer's states ``[B, T, hidden]``, from rest on, and the last one ``[B, hidden]``.

    This is ``layer(steps)`` without what `torch.nn.LSTM` does around the one call that counts:
    every operation gives the interpreter up and has to get it back from other threads.
    """
    rest = steps.new_zeros(1, len(steps), layer.hidden_size)
    states, last, _ = torch.lstm(
        steps,
        (rest, rest),
        tuple(layer.all_weights[0]),
        layer.bias,
        layer.num_layers,
        layer.dropout,
        layer.training,
        layer.bidirectional,
        layer.batch_first,
    )
    return states, last[0]


def build_network(channels: int, policy: NetworkPolicy, seed: int = 0) -> Autoencoder:
    """Return an untrained network on the CPU; one seed gives the same weights on any machine.

    Weights are uniform within 1 / sqrt(hidden), with 1 more for the forget gates' bias, so that
    what was seen lasts from the start of a window to its end (Jozefowicz et al. 2015). Torch's
    global random state is left alone.
    """
    with torch.random.fork_rng(devices=[]):
        network = LstmAutoencoder(channels, policy)
    generator = torch.Generator().manual_seed(seed)
    bound = policy.hidden**-0.5
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.uniform_(-bound, bound, generator=generator)
            if name.endswith("bias_ih_l0"):  # gates stand as in, forget, cell, out
                weight[policy.hidden : 2 * policy.hidden] += 1
    return network.train(mode=False)
