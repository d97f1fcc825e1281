"""The convolutional autoencoder."""

from torch import Tensor, nn
from torch.nn.functional import pad

from tocsin_models.networks.autoencoder import Autoencoder
from tocsin_models.networks.policy import NetworkPolicy

_SHRINK = 4  # two layers, each of stride 2
_LAYER = (4, 2, 1)  # kernel, stride, padding: what comes out is half as long, or twice


class ConvAutoencoder(Autoencoder):
    """Convolutions over time: two that halve a window, a bottleneck, two that double it again.

    Each layer sees all channels and the last gives every channel a filter of its own: with one
    filter for all of them, it could only say of each channel what it says of the others. A window
    whose length is no multiple of 4 gets steps at its front in which nothing was measured.
    """

    def __init__(self, channels: int, length: int, policy: NetworkPolicy) -> None:
        super().__init__(channels, length, policy)
        hidden = policy.hidden
        self.front = -length % _SHRINK
        short = (length + self.front) // _SHRINK
        self.encoder = nn.Sequential(
            nn.Conv1d(2 * channels, hidden, *_LAYER),
            nn.ReLU(),
            nn.Conv1d(hidden, hidden, *_LAYER),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.bottleneck = nn.Linear(hidden * short, policy.latent)
        self.decoder = nn.Sequential(
            nn.Linear(policy.latent, hidden * short),
            nn.ReLU(),
            nn.Unflatten(1, (hidden, short)),
            nn.ConvTranspose1d(hidden, hidden, *_LAYER),
            nn.ReLU(),
        )
        self.output = nn.ConvTranspose1d(hidden, channels, *_LAYER)

    def _read(self, joined: Tensor) -> Tensor:
        steps = pad(joined.transpose(1, 2), (self.front, 0))  # [B, 2F, T], time last
        latent: Tensor = self.bottleneck(self.encoder(steps))
        return latent

    def _say(self, latent: Tensor) -> Tensor:
        said: Tensor = self.output(self.decoder(latent))
        return said[:, :, self.front :].transpose(1, 2)
