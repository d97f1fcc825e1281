"""What can be chosen about a network."""

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """How a network is built."""

    LSTM = "lstm"
    DENSE = "dense"
    CONV = "conv"
    VARIATIONAL = "variational"
    PCA = "pca"


class Order(StrEnum):
    """In which order the decoder of an LSTM says the steps of a window."""

    FORWARD = "forward"
    REVERSED = "reversed"
    """Newest step first, as in Malhotra et al. 2016."""


class Output(StrEnum):
    """What a network can say."""

    FREE = "free"
    """Any number."""
    UNIT = "unit"
    """Nothing outside of what a channel did in training: 0 to 1 of that range, by a sigmoid."""


_SPARSE = (Form.LSTM, Form.DENSE, Form.CONV)


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """A network's form and size.

    Attributes:
        hidden: Units a layer; the PCA has none.
        latent: Numbers that a window is squeezed into.
        order: For the LSTM: which step its decoder says first.
        form: How the network is built.
        active: Of the ``latent`` numbers only so many, the largest, are kept, and the others are
            zero (k-sparse, Makhzani and Frey 2014); 0 keeps them all.
        forecast: Whether a window's last step is kept from the encoder, so that what the decoder
            says of it is a forecast from the steps before (as in AER, Wong et al. 2022).
        output: What the network can say.
        beta: For the variational one: weight of the latent's distance from a standard normal. With
            squared errors it is the variance that a cell is taken to have around what is said.
    """

    hidden: int = 64
    latent: int = 16
    order: Order = Order.FORWARD
    form: Form = Form.LSTM
    active: int = 0
    forecast: bool = False
    output: Output = Output.FREE
    beta: float = 0.1

    def __post_init__(self) -> None:
        if not (1 <= self.hidden <= 4096 and 1 <= self.latent <= 4096):
            raise ValueError("network: choose hidden and latent between 1 and 4096")
        if not 0 <= self.active <= self.latent:
            raise ValueError("network: choose active from 1 to latent, or 0 to keep all")
        if not 0 <= self.beta < float("inf"):
            raise ValueError("network: beta must be finite and not negative")
        if self.order is Order.REVERSED and self.form is not Form.LSTM:
            raise ValueError(f"network: only an lstm has an order, and this one is {self.form}")
        if self.active and self.form not in _SPARSE:
            raise ValueError(f"network: {self.form} cannot be sparse; choose {', '.join(_SPARSE)}")
        if self.output is Output.UNIT and self.form is Form.PCA:
            raise ValueError("network: a pca has no sigmoid; choose output free, or another form")
