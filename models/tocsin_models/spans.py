"""Averages of surprise over several spans at once: short for what is loud, long for what lasts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tocsin_models.arrays import Floats
from tocsin_models.tails import Tail

MOST_WINDOWS = 64
"""The longest span: what it remembers is kept for every asset."""

REACH = 3
"""Spans after which an average forgets: what is cut off weighs e**-6, a quarter of a percent."""


@dataclass(frozen=True, slots=True)
class Span:
    """An exponentially weighted mean of the newest windows' surprises, cut off and so forgetting.

    Where a window is missing, what is usual in normal operation stands in for it: an average
    neither begins with the accident of its first value nor ends with a hole. ``cap`` bounds what
    one window may add, so that a long average gathers what short ones cannot see, and does not
    drag a loud event behind it.
    """

    windows: int  # the span; 1 is the window alone
    cap: float  # nats that one window may add; infinite for short spans
    usual: float  # mean of capped surprises in normal operation
    tail: Tail  # of the average, in normal operation

    def __post_init__(self) -> None:
        if not 1 <= self.windows <= MOST_WINDOWS or not (self.cap > 0 and 0 <= self.usual < np.inf):
            raise ValueError("span: choose 1 to 64 windows, a cap above 0 and a usual surprise")

    @property
    def weights(self) -> Floats:
        """Weights of the newest window and those before it; they sum to 1."""
        return span_weights(self.windows)


@dataclass(frozen=True, slots=True, eq=False)
class Averaging:
    """How a span averages errors that are measured in limits."""

    weights: Floats  # [K] newest first
    cap: float
    usual: float


def span_weights(windows: int) -> Floats:
    """Return an exponentially weighted mean's weights, newest first, cut off and summing to 1."""
    decay = 1 - 2 / (windows + 1)
    raw = decay ** np.arange(REACH * windows if windows > 1 else 1)
    return np.asarray(raw / raw.sum())


def average(surprises: Floats, windows: int, cap: float, usual: float) -> Floats:
    """Return the average at each of ``surprises [n]`` of one run; NaN is a missing window."""
    raised = np.minimum(surprises, cap) - usual
    raised[np.isnan(raised)] = 0.0
    if not len(raised):
        return raised
    return np.asarray(np.convolve(raised, span_weights(windows))[: len(raised)] + usual)


def choose_windows(steps: Sequence[int], stride: int) -> tuple[int, ...]:
    """Return spans in windows for spans in steps, each once, rising."""
    return tuple(sorted({max(1, round(each / stride)) for each in steps}))
