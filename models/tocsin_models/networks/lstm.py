"""The recurrent autoencoder, the default of the family."""

import torch
from torch import Tensor, nn

from tocsin_models.networks.autoencoder import Autoencoder
from tocsin_models.networks.policy import NetworkPolicy, Order


class LstmAutoencoder(Autoencoder):
    """Encoder LSTM, bottleneck, decoder LSTM, one linear read-out (Malhotra et al. 2016).

    The decoder is unconditioned (Srivastava et al. 2015): it sees the latent vector at every step
    and never its own or the true last value, so that all it can say must have come through the
    bottleneck.
    """

    def __init__(self, channels: int, length: int, policy: NetworkPolicy) -> None:
        super().__init__(channels, length, policy)
        # torch's fused LSTM is three times as fast on a CPU as a loop over steps, even though it
        # multiplies the decoder's constant input anew at every step
        self.encoder = nn.LSTM(2 * channels, policy.hidden, batch_first=True)
        self.bottleneck = nn.Linear(policy.hidden, policy.latent)
        self.decoder = nn.LSTM(policy.latent, policy.hidden, batch_first=True)
        self.output = nn.Linear(policy.hidden, channels)

    def draw(self, generator: torch.Generator) -> None:
        """Draw weights within 1 / sqrt(hidden), with 1 more for the forget gates' bias.

        So what was seen lasts from the start of a window to its end (Jozefowicz et al. 2015).
        """
        hidden = self.policy.hidden
        with torch.no_grad():
            for name, weight in self.named_parameters():
                weight.uniform_(-(hidden**-0.5), hidden**-0.5, generator=generator)
                if name.endswith("bias_ih_l0"):  # gates stand as in, forget, cell, out
                    weight[hidden : 2 * hidden] += 1

    def _read(self, joined: Tensor) -> Tensor:
        _, state = _run(self.encoder, joined)
        latent: Tensor = self.bottleneck(state)
        return latent

    def _say(self, latent: Tensor) -> Tensor:
        states, _ = _run(self.decoder, latent[:, None].expand(-1, self.length, -1))
        said: Tensor = self.output(states)
        return said.flip(1) if self.policy.order is Order.REVERSED else said


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
