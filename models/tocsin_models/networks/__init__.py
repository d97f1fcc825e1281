"""The networks: autoencoders of one surface, `Autoencoder`, one form a module."""

from tocsin_models.networks.autoencoder import Autoencoder
from tocsin_models.networks.build import build_network, load_network
from tocsin_models.networks.policy import Form, NetworkPolicy, Order, Output

__all__ = [
    "Autoencoder",
    "Form",
    "NetworkPolicy",
    "Order",
    "Output",
    "build_network",
    "load_network",
]
