"""Whether a model squeezes windows or only copies them: to a copier everything is normal.

Impossible windows tell. A model that knows how a machine runs cannot say them again.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tocsin_models.arrays import Floats
from tocsin_models.scaling import RobustScaler

LEAST_LOST = 0.5
"""Share of white noise that must be lost, or a model is said to copy.

Noise has nothing that could be squeezed: of D cells, Z latent numbers can bring back a share of
Z / D on average, if they do nothing else. A bottleneck worth its name is a quarter of a window's
cells or less, and loses three quarters. One that loses less than half lets most of any fault
through.
"""

_MOST_WINDOWS = 512
_STILL = 1e-9  # variance, in spreads, of windows that do not move


class Surface(Protocol):
    """What of a model is needed here; a `Bundle` has it, and so has a bare `Model`."""

    @property
    def scaler(self) -> RobustScaler:
        """Spreads of the channels."""
        ...

    def reconstruct(self, values: Floats) -> Floats:
        """Return what windows ``[B, T, F]`` should have been."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Which share of their variance windows lose: 0 says that all comes back, 1 that nothing does.

    ``shuffled`` near ``normal`` says that the order of steps means nothing to the model, and
    ``swapped`` near ``normal`` that the links between channels mean nothing to it. Both may be
    right: channels may be steady, or have nothing in common. ``noise`` alone decides.
    """

    normal: float
    shuffled: float  # each channel's steps in an order of their own
    swapped: float  # each channel from another window
    noise: float  # white noise, as wide as each channel

    @property
    def ratio(self) -> float:
        """How much worse noise comes back than normal windows do: near 1 it makes no difference."""
        return self.noise / max(self.normal, np.finfo(np.float64).tiny)

    @property
    def copies(self) -> bool:
        """Whether the model brings back what cannot be: it would miss faults."""
        return self.noise < LEAST_LOST

    @property
    def sentence(self) -> str:
        """What a person should know of it."""
        kept = f"{max(0.0, 1 - self.noise):.0%} of white noise comes back"
        if self.copies:
            return f"{kept}: the model copies what it sees; choose a smaller latent."
        return f"{kept}: the model knows what is normal, and cannot say what is not."


def check_identity(model: Surface, values: Floats, seed: int = 0) -> Identity:
    """Ask a model for windows that cannot be, made of normal ones ``[N, T, F]``.

    At most 512 of them are taken. Cells that were not measured stay so. One seed gives the same
    numbers.

    Raises:
        ValueError: If there are fewer than two windows, or none in which anything moves.
    """
    if values.ndim != 3 or len(values) < 2:
        raise ValueError("identity: give two or more windows [N, T, F]")
    some = values[:: -(-len(values) // _MOST_WINDOWS)]
    chance = np.random.default_rng(seed)
    if np.isnan(some).all():
        raise ValueError("identity: nothing was measured in these windows; give others")
    scaler = model.scaler  # which keeps a reading of 1e30 from being all there is
    mean, deviation = _centre_and_spread(scaler.scale(some).astype(np.float64))
    centre = scaler.centre + scaler.spread * mean
    noise = centre + scaler.spread * deviation * chance.standard_normal(some.shape)
    return Identity(
        normal=_lost(model, some, centre),
        shuffled=_lost(model, chance.permuted(some, axis=1), centre),
        swapped=_lost(model, _swap(some, chance), centre),
        noise=_lost(model, np.where(np.isnan(some), np.nan, noise), centre),
    )


def _centre_and_spread(windows: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each channel of ``[N, T, F]``, 0 where unmeasured."""
    seen = ~np.isnan(windows)
    count = np.maximum(seen.sum(axis=(0, 1)), 1)
    centre = np.where(seen, windows, 0).sum(axis=(0, 1)) / count
    apart = np.where(seen, windows - centre, 0)
    return centre, np.sqrt((apart**2).sum(axis=(0, 1)) / count)


def _swap(windows: Floats, chance: np.random.Generator) -> Floats:
    """Return windows whose channels come from different ones."""
    order = np.stack([chance.permutation(len(windows)) for _ in range(windows.shape[2])], axis=1)
    return np.take_along_axis(windows, order[:, None], axis=0)


def _lost(model: Surface, windows: Floats, centre: Floats) -> float:
    """Return the squared error of windows as a share of their squares around ``centre [F]``."""
    scale = model.scaler.scale
    scaled = scale(windows).astype(np.float64)
    gaps = scaled - scale(model.reconstruct(windows))
    moved = float(np.nanmean((scaled - scale(centre[None])) ** 2))
    if not moved > _STILL:
        raise ValueError("identity: nothing moves in these windows; give others")
    return float(np.nanmean(gaps**2)) / moved
