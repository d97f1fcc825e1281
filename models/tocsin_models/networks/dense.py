"""The dense autoencoder, and the variational one, which is a dense one of distributions."""

import torch
from torch import Tensor, nn

from tocsin_models.networks.autoencoder import Autoencoder
from tocsin_models.networks.policy import NetworkPolicy

_WIDEST = 8.0  # logarithm of a variance, up or down: a first step too far must not overflow


class DenseAutoencoder(Autoencoder):
    """The window as one long row, through one hidden layer in and one out (Hinton 2006)."""

    def __init__(self, channels: int, length: int, policy: NetworkPolicy) -> None:
        super().__init__(channels, length, policy)
        cells = length * channels
        self.encoder = nn.Linear(2 * cells, policy.hidden)
        self.bottleneck = nn.Linear(policy.hidden, policy.latent)
        self.decoder = nn.Linear(policy.latent, policy.hidden)
        self.output = nn.Linear(policy.hidden, cells)

    def _read(self, joined: Tensor) -> Tensor:
        latent: Tensor = self.bottleneck(self._gather(joined))
        return latent

    def _gather(self, joined: Tensor) -> Tensor:
        """Return the encoder's hidden units ``[B, hidden]``."""
        return torch.relu(self.encoder(joined.flatten(1)))

    def _say(self, latent: Tensor) -> Tensor:
        said: Tensor = self.output(torch.relu(self.decoder(latent)))
        return said.view(-1, self.length, self.channels)


class VariationalAutoencoder(DenseAutoencoder):
    """A window's latent vector is a normal distribution (Kingma and Welling 2014).

    Training decodes a vector drawn from it, at the cost of its distance from a standard normal, so
    that any standard normal vector decodes to a window like those learned from. In use nothing is
    drawn: a window is reconstructed from the mean (An and Cho 2015).
    """

    def __init__(self, channels: int, length: int, policy: NetworkPolicy) -> None:
        super().__init__(channels, length, policy)
        self.log_variance = nn.Linear(policy.hidden, policy.latent)

    def learn(
        self, joined: Tensor, warmth: float = 1.0, chance: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the windows decoded from drawn vectors, and what their distributions cost."""
        state = self._gather(joined)
        mean = self.bottleneck(state)
        log_variance = self.log_variance(state).clamp(-_WIDEST, _WIDEST)
        latent = mean
        if chance is not None:
            drawn = torch.randn(mean.shape, generator=chance).to(mean.device)
            latent = mean + drawn * torch.exp(log_variance / 2)
        distance = (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1) / 2
        # the mean squared error of a window, with variance beta, is 2 beta / cells times its part
        # of the negative log-likelihood; the distance is the other part
        share = 2 * self.policy.beta / (self.length * self.channels)
        return self.decode(latent), warmth * share * distance
