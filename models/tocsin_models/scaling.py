"""Robust scaling, one centre and one spread a channel, with missing values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from tocsin_models.arrays import Floats, Singles

CLIP = 20.0
"""Scaled values stay within this many spreads, so that a reading of 1e30 cannot overflow."""

NORMAL_QUARTILE = 0.6745
"""How far a quartile of a normal distribution lies from its middle, in standard deviations."""

_TAIL = 0.001  # share of values at either end that may be spikes
_LEAST_SHARE = 1e-3  # of a channel's own size: the smallest movement that can mean something
_MOST_APART = 10.0  # largest magnitude / the median one, of channels that may share one range
_LARGEST = 10.0  # magnitude in a range that values were brought to
_ABSURD = 1e150  # squares of anything larger overflow; such readings teach nothing


class Scale(StrEnum):
    """Whether channels have a spread each, or one in common.

    Where all channels were brought to one range, or are in one unit, how far a channel moves says
    how much it matters: then they share one spread, and one that hardly ever moves is not blown
    up. Channels in units of their own cannot be compared, and have their own. ``auto`` takes
    channels for brought to one range where none is larger than 10, nor than 10 times the median
    one: engineering units seldom are.
    """

    AUTO = "auto"
    OWN = "own"
    SHARED = "shared"


@dataclass(frozen=True, slots=True, eq=False)
class RobustScaler:
    """Turns engineering units into spreads from the centre, channel by channel.

    The centre is the median. The spread is the larger of

    * the quartile distance / 1.349, which is the standard deviation of a normal channel and does
      not see outliers;
    * the standard deviation of the values between the 0.1 % and the 99.9 % quantile, so that a
      channel that rests most of the time and moves now and then is not blown up by its rest;
    * a thousandth of the centre's size, so that the last digit of a steady channel is not.

    A channel that was constant at zero, or never measured, has spread 1. Every term follows the
    channel's own unit: bar or pascal makes no difference, and no channel drowns another because
    its numbers are larger.
    """

    centre: Floats  # [F]
    spread: Floats  # [F] above zero

    def __post_init__(self) -> None:
        if self.centre.ndim != 1 or self.centre.shape != self.spread.shape:
            raise ValueError("scaler: centre and spread must be one number a channel")
        if not (np.isfinite(self.centre).all() and np.isfinite(self.spread).all()):
            raise ValueError("scaler: centre and spread must be finite")
        if not (self.spread > 0).all():
            raise ValueError("scaler: every spread must be above zero")

    @classmethod
    def fit(cls, values: Floats, scale: Scale = Scale.OWN) -> Self:
        """Return the scaler of ``values [..., F]``; NaN counts nothing."""
        columns = values.reshape(-1, values.shape[-1]).astype(np.float64)
        pairs = [_centre_and_spread(columns[:, channel]) for channel in range(columns.shape[1])]
        centre, spread = np.array(pairs, dtype=np.float64).reshape(-1, 2).T.copy()
        if scale is Scale.SHARED or (scale is Scale.AUTO and _is_one_range(columns)):
            spread = np.full_like(spread, _common_spread(columns))
        return cls(centre, spread)

    def scale(self, values: Floats) -> Singles:
        """Return ``values [..., F]`` in spreads from the centre, within +-`CLIP`; NaN stays NaN."""
        with np.errstate(over="ignore"):
            scaled = values - self.centre
            np.divide(scaled, self.spread, out=scaled)
        return np.clip(scaled, -CLIP, CLIP, out=scaled).astype(np.float32)

    def unscale(self, scaled: Singles) -> Floats:
        """Return ``scaled [..., F]`` in engineering units."""
        return np.asarray(scaled.astype(np.float64) * self.spread + self.centre)


def _centre_and_spread(column: Floats) -> tuple[float, float]:
    """Return median and spread of ``column [N]``."""
    usable = column[np.abs(column) < _ABSURD]  # leaves NaN and the infinities out as well
    if not usable.size:
        return 0.0, 1.0
    low, centre, high = (float(q) for q in np.quantile(usable, (0.25, 0.5, 0.75)))
    # the inner neighbours of the tails: one lone spike is left out however few values there are
    first = np.quantile(usable, _TAIL, method="higher")
    last = np.quantile(usable, 1 - _TAIL, method="lower")
    inner = usable[(usable >= first) & (usable <= last)]
    moving = float(inner.std()) if inner.size else 0.0
    spread = max((high - low) / (2 * NORMAL_QUARTILE), moving, _LEAST_SHARE * abs(centre))
    return centre, spread or 1.0


def _is_one_range(columns: Floats) -> bool:
    """Return whether channels ``[N, F]`` look as if they had been brought to one range."""
    sizes = [float(np.abs(each).max()) for each in _moving(columns)]
    most = min(_LARGEST, _MOST_APART * float(np.median(sizes))) if sizes else 0.0
    return len(sizes) > 1 and max(sizes) <= most


def _common_spread(columns: Floats) -> float:
    """Return the root of the mean variance of the channels ``[N, F]`` that move; 1 if none does."""
    variances = [float(each.var()) for each in _moving(columns)]
    return (float(np.sqrt(np.mean(variances))) if variances else 0.0) or 1.0


def _moving(columns: Floats) -> list[Floats]:
    """Return the usable values of each channel of ``[N, F]`` that moves."""
    usable = [each[np.abs(each) < _ABSURD] for each in columns.T]
    return [each for each in usable if each.size and each.min() < each.max()]
