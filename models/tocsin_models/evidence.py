"""What there is to judge windows by, once a network has said what it expects of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from tocsin_models.arrays import Flags, Floats, Indices, Singles

BRIDGED = 3
"""Steps without a value after which what was measured last no longer stands for a channel."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The newest R steps of N windows, and sums over all their steps.

    An unmeasured cell has the residual that its channel had up to `BRIDGED` steps before, and the
    value that goes with it, so that a short hole is no jump. After that nothing is known any more:
    it has the value that the network expects, and a residual of 0.
    """

    residual: Singles  # [N, R, F] scaled
    level: Singles  # [N, R, F] scaled
    seen: Flags  # [N, R, F]
    sums: Floats  # [N, F] of squared residuals of the whole window
    counts: Floats  # [N, F] measured steps of the whole window
    latent: Floats  # [N, Z]; Z is 0 where nobody asked
    usual: Flags  # [N] whether a window is one of the bulk

    def __len__(self) -> int:
        return len(self.sums)

    def take(self, chosen: Indices | slice) -> "Evidence":
        """Return the evidence of the chosen windows."""
        return Evidence(*(getattr(self, each.name)[chosen] for each in fields(self)))


def collect(
    scaled: Singles,
    expected: Singles,
    mask: Flags,
    recent: int,
    latent: Singles | None = None,
) -> Evidence:
    """Return the evidence in windows ``[N, T, F]`` and what a network expects of them.

    Args:
        scaled: NaN where not measured.
        expected: What the network says.
        mask: Whether a cell was measured.
        recent: Newest steps that are wanted; windows may be shorter.
        latent: Latent vectors ``[N, Z]``, if they are wanted.
    """
    gap = np.where(mask, scaled - expected, np.float32(0))
    last = slice(-min(recent, gap.shape[1]), None)
    residual, level = _carry_on(scaled, expected, mask, last)
    squares = gap.astype(np.float64)
    np.multiply(squares, squares, out=squares)
    every = np.ones(gap.shape[1])  # a product is ten times as fast as a sum over a middle axis
    return Evidence(
        residual,
        level,
        mask[:, last],
        every @ squares,
        every @ mask.astype(np.float64),
        np.empty((len(gap), 0)) if latent is None else latent.astype(np.float64),
        np.ones(len(gap), np.bool_),
    )


def _carry_on(
    scaled: Singles, expected: Singles, mask: Flags, last: slice
) -> tuple[Singles, Singles]:
    """Return residuals and values of the steps ``last``, ``[N, R, F]``, holes bridged."""
    if mask[:, last].all():  # as it is nearly always
        return scaled[:, last] - expected[:, last], scaled[:, last].copy()
    step = np.arange(mask.shape[1])[:, None]
    newest = np.maximum.accumulate(np.where(mask, step, -1 - BRIDGED), axis=1)[:, last]
    known, there = step[last] - newest <= BRIDGED, np.maximum(newest, 0)
    gap = np.take_along_axis(scaled, there, axis=1) - np.take_along_axis(expected, there, axis=1)
    residual = np.where(known, gap, np.float32(0))
    level = np.where(mask[:, last], scaled[:, last], expected[:, last] + residual)
    return residual, level


def join_evidence(parts: Sequence[Evidence]) -> Evidence:
    """Return the evidence of several sets of windows as that of one."""
    names = [each.name for each in fields(Evidence)]
    return Evidence(*(np.concatenate([getattr(each, name) for each in parts]) for name in names))
