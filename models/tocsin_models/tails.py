"""How rare a number is among normal ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin_models.arrays import Floats

_SHARES = (1.0, 0.5, 0.25, 0.1)  # of normal numbers that lie above each knot
_SURPRISES = -np.log(_SHARES)
_LEAST_STEP = 1e-300  # between knots: with less the slope between them overflows
_LEAST_SCALE = 1e-6  # of the last knot: what never varied is not infinitely sure of itself
_TINY = 1e-6  # of a distance: what is less is no movement


@dataclass(frozen=True, slots=True)
class Tail:
    """The distribution of a number whose large values are the abnormal ones.

    Its body is known by four quantiles, and above the last of them it falls exponentially.
    """

    knots: tuple[float, ...]  # rising; of normal numbers 100, 50, 25 and 10 % lie above
    scale: float  # mean excess over the last knot, above zero

    def __post_init__(self) -> None:
        numbers = (*self.knots, self.scale)
        if len(self.knots) != len(_SHARES) or not np.isfinite(numbers).all():
            raise ValueError("tail: give four knots and a scale, all finite")
        if not (self.scale > 0 and all(np.diff(self.knots) > 0)):
            raise ValueError("tail: knots must rise, and the scale be above zero")

    @property
    def median(self) -> float:
        """What half of the normal numbers reach."""
        return self.knots[1]

    def surprise(self, numbers: Floats) -> Floats:
        """Return -log of the share of normal numbers that are as large, in nats; NaN stays NaN.

        That is 0 for the smallest, 2.3 for one that a tenth reaches, and from there on the excess
        in scales is added: a surprise of 6.9 means one in a thousand.
        """
        body = np.interp(numbers, self.knots, _SURPRISES)
        return np.asarray(body + np.maximum(numbers - self.knots[-1], 0) / self.scale)

    def widened(self, times: float) -> "Tail":
        """Return the distribution of numbers that are so many times as large."""
        return Tail(_rising([knot * times for knot in self.knots]), self.scale * times)


def fit_tail(numbers: Floats) -> Tail:
    """Return the distribution of normal ``numbers [n]``; NaN are left out.

    Raises:
        ValueError: If there is none.
    """
    known = numbers[~np.isnan(numbers)]
    if not known.size:
        raise ValueError("tail: there is no normal number to learn from; give more windows")
    knots = _rising([float(np.quantile(known, 1 - share)) for share in _SHARES])
    excesses = known[known > knots[-1]] - knots[-1]
    mean = float(excesses.mean()) if excesses.size else 0.0
    return Tail(knots, max(mean, _LEAST_SCALE * abs(knots[-1]), _TINY))


def _rising(knots: Sequence[float]) -> tuple[float, ...]:
    """Return knots of which each lies above the one before: ties would be a step."""
    risen = [knots[0]]
    for knot in knots[1:]:
        last = risen[-1]
        risen.append(max(knot, float(np.nextafter(last, np.inf)), last + _LEAST_STEP))
    return tuple(risen)


def load_tail(content: dict[str, Any]) -> Tail:
    """Return the tail whose fields these are."""
    return Tail(tuple(content["knots"]), content["scale"])
