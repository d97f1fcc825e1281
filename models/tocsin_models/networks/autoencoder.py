"""What every autoencoder of the family can do, and what all of them do alike."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from tocsin_models.networks.policy import NetworkPolicy, Output


class Autoencoder(nn.Module, ABC):
    """A network for windows of ``length`` steps (``T``) and ``channels`` (``F``).

    Inputs are scaled values ``x [B, T, F]`` in f32 and ``mask [B, T, F]`` (true where a value was
    measured), joined to ``[B, T, 2F]``. What ``x`` holds where the mask is false does not matter,
    not even NaN. A member is two functions, from joined windows to latent vectors and back.
    """

    low: Tensor
    width: Tensor

    def __init__(self, channels: int, length: int, policy: NetworkPolicy) -> None:
        super().__init__()
        self.channels, self.length, self.policy = channels, length, policy
        if policy.output is Output.UNIT:
            self.register_buffer("low", torch.full((channels,), -0.5))
            self.register_buffer("width", torch.ones(channels))

    @abstractmethod
    def _read(self, joined: Tensor) -> Tensor:
        """Return the latent vectors ``[B, Z]`` of joined windows, before any is made sparse."""

    @abstractmethod
    def _say(self, latent: Tensor) -> Tensor:
        """Return ``[B, T, F]`` for latent vectors, before they are brought into a range."""

    def draw(self, generator: torch.Generator) -> None:
        """Draw each layer's weights and biases uniformly within 1 / sqrt(inputs of one unit)."""
        bound = 1.0
        with torch.no_grad():
            for weight in self.parameters():  # a layer's bias comes after its weight
                bound = weight[0].numel() ** -0.5 if weight.dim() > 1 else bound
                weight.uniform_(-bound, bound, generator=generator)

    def join(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return what the network sees, ``[B, T, 2F]``: values, 0 where not measured, and mask.

        "Not measured" is not "at the centre", so the mask is an input beside the values.
        """
        if self.policy.forecast:
            mask = torch.cat((mask[:, :-1], torch.zeros_like(mask[:, -1:])), dim=1)
        return torch.cat((torch.where(mask, x, 0.0), mask.to(x.dtype)), dim=2)

    def encode(self, joined: Tensor) -> Tensor:
        """Return the latent vectors ``[B, Z]``."""
        return _keep_largest(self._read(joined), self.policy.active)

    def decode(self, latent: Tensor) -> Tensor:
        """Return the windows ``[B, T, F]`` that latent vectors ``[B, Z]`` stand for."""
        said = self._say(latent)
        if self.policy.output is Output.UNIT:
            return self.low + self.width * torch.sigmoid(said)
        return said

    def forward(self, joined: Tensor) -> Tensor:
        """Return what the windows should have been, ``[B, T, F]``, for all cells."""
        return self.decode(self.encode(joined))

    def learn(
        self, joined: Tensor, warmth: float = 1.0, chance: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return what `forward` returns, as training needs it, and a cost ``[B]`` beside its loss.

        Args:
            joined: Windows ``[B, T, 2F]``.
            warmth: From 0 to 1, how much of its strictness training has reached by now.
            chance: Decides what is left to chance; without it, nothing is.
        """
        del chance
        spare = self.policy.latent - self.policy.active if self.policy.active else 0
        # one by one more numbers are left out, so that each has had its turn to learn something
        active = self.policy.latent - round(warmth * spare) if spare else 0
        return self.decode(_keep_largest(self._read(joined), active)), joined.new_zeros(len(joined))

    def to_unit(self, values: Tensor) -> Tensor:
        """Return ``values [B, T, F]`` as shares of their channels' ranges; needs output unit."""
        return (values - self.low) / self.width


def _keep_largest(latent: Tensor, count: int) -> Tensor:
    """Return ``latent [B, Z]``, all but the ``count`` largest of a row set to 0; 0 keeps all."""
    if not count:
        return latent
    size = latent.abs()
    least = size.topk(count, dim=1).values[:, -1:]
    return torch.where(size >= least, latent, 0.0)
