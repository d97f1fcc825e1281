"""From a policy to a network, untrained or with weights."""

from collections.abc import Mapping

import torch

from tocsin_models.arrays import Singles
from tocsin_models.networks.autoencoder import Autoencoder
from tocsin_models.networks.conv import ConvAutoencoder
from tocsin_models.networks.dense import DenseAutoencoder, VariationalAutoencoder
from tocsin_models.networks.lstm import LstmAutoencoder
from tocsin_models.networks.pca import PcaAutoencoder
from tocsin_models.networks.policy import Form, NetworkPolicy

_MEMBERS: Mapping[Form, type[Autoencoder]] = {
    Form.LSTM: LstmAutoencoder,
    Form.DENSE: DenseAutoencoder,
    Form.CONV: ConvAutoencoder,
    Form.VARIATIONAL: VariationalAutoencoder,
    Form.PCA: PcaAutoencoder,
}


def build_network(channels: int, length: int, policy: NetworkPolicy, seed: int = 0) -> Autoencoder:
    """Return an untrained network on the CPU; one seed gives the same weights on any machine.

    Torch's global random state is left alone.

    Raises:
        ValueError: If no such network can be built for windows of this size.
    """
    with torch.random.fork_rng(devices=[]):
        network = _make(channels, length, policy)
    network.draw(torch.Generator().manual_seed(seed))
    return network.train(mode=False)


def load_network(
    channels: int, length: int, policy: NetworkPolicy, weights: Mapping[str, Singles]
) -> Autoencoder:
    """Return a network with ``weights`` in it, on the CPU.

    Raises:
        ValueError: If the weights are not this network's, or one is not a finite f32.
    """
    with torch.device("meta"):  # shapes alone: nothing is set aside that the weights do not fill
        network = _make(channels, length, policy)
    wanted = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    given = {name: weight.shape for name, weight in weights.items()}
    if wanted != given:
        raise ValueError(f"network: weights must have shapes {wanted}, not {given}")
    if not all(w.dtype == "f4" and torch.from_numpy(w).isfinite().all() for w in weights.values()):
        raise ValueError("network: a weight is not a finite f32")
    copies = {name: torch.tensor(weight) for name, weight in weights.items()}
    network.load_state_dict(copies, assign=True)
    return network.train(mode=False)


def _make(channels: int, length: int, policy: NetworkPolicy) -> Autoencoder:
    if policy.forecast and length < 2:
        raise ValueError("network: a forecast needs windows of two steps or more")
    return _MEMBERS[policy.form](channels, length, policy)
