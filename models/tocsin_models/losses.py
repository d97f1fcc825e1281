"""What a reconstruction costs in training: over measured cells, and without what lies apart."""

from enum import StrEnum

import torch
from torch import Tensor

_APART = 10.0  # times the median loss: less is hard but normal, and left out would never be learned
_SURE = 1e-6  # no share is said to be nearer than this to 0 or 1, where a logarithm ends


class Loss(StrEnum):
    """What a cell costs that is reconstructed amiss."""

    MSE = "mse"
    """The squared error: what is said is a mean."""
    MAE = "mae"
    """The absolute error: what is said is a median, which a few wild readings do not move."""
    BCE = "bce"
    """The binary cross-entropy of shares in [0, 1], above that of the best answer."""


def window_losses(said: Tensor, x: Tensor, mask: Tensor, loss: Loss = Loss.MSE) -> Tensor:
    """Return the mean over the measured cells of each window ``[B, T, F]``, 0 if it has none."""
    if loss is Loss.BCE:
        costs = torch.where(mask, _cross_entropies(said, x), 0.0)
    else:
        gaps = torch.where(mask, said - x, 0.0)
        costs = gaps.abs() if loss is Loss.MAE else gaps.square()
    return costs.sum(dim=(1, 2)) / mask.sum(dim=(1, 2)).clamp(min=1)


def _cross_entropies(said: Tensor, x: Tensor) -> Tensor:
    """Return how far the shares ``said`` are from shares ``x``, which are cut to [0, 1]."""
    said, x = said.clamp(_SURE, 1 - _SURE), x.clamp(0, 1)
    best = torch.special.xlogy(x, x) + torch.special.xlogy(1 - x, 1 - x)
    worse: Tensor = best - x * said.log() - (1 - x) * (-said).log1p()
    return worse


def find_kept(losses: Tensor, trim: float) -> Tensor:
    """Return which of ``losses [B]`` do not lie apart; at most a ``trim`` share of them do."""
    known = losses.detach()
    largest = known.kthvalue(len(known) - int(trim * len(known))).values
    return known <= torch.maximum(largest, _APART * known.median())


def trimmed_mean(losses: Tensor, trim: float) -> Tensor:
    """Return the mean of ``losses [B]`` without those that lie apart."""
    kept = find_kept(losses, trim)
    return torch.where(kept, losses, 0.0).sum() / kept.sum()
