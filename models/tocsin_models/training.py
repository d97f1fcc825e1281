"""Training a network: mask-aware, trimmed, stopped early on later windows, one seed one result."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import cos, inf, isfinite, pi

import numpy as np
import torch
from torch import Tensor, nn

from tocsin_models.arrays import Singles
from tocsin_models.networks import Autoencoder, NetworkPolicy, build_network

_MOST_LATER = 2_048  # windows that early stopping looks at; more would only cost time
_APART = 10.0  # times the median loss: less is hard but normal, and left out would never be learned
_LAST_RATE = 0.05  # of the learning rate, at the last epoch


@dataclass(frozen=True, slots=True)
class TrainingPolicy:
    """How a network is trained.

    An epoch is ``batches`` random batches, however many windows there are, so the time that
    training takes does not grow with them. Of each batch the windows whose loss lies far apart,
    at most the worst ``trim`` share, are left out, because "normal" data seldom are so throughout.
    In half of the windows each channel, and each cell, is hidden from the input, though not from
    the loss, with probability ``hide``: the network learns to do without what is missing, and to
    say what it should have been. ``device`` is ``auto``, or one of torch's names.
    """

    seed: int = 0
    epochs: int = 50
    batches: int = 40
    batch_rows: int = 32
    learning_rate: float = 5e-3
    patience: int = 10
    trim: float = 0.1
    hide: float = 0.05
    clip_norm: float = 1.0
    device: str = "auto"

    def __post_init__(self) -> None:
        if min(self.epochs, self.batches, self.batch_rows, self.patience) < 1:
            raise ValueError("training: epochs, batches, batch_rows, patience must be at least 1")
        if not (self.learning_rate > 0 and self.clip_norm > 0):
            raise ValueError("training: learning_rate and clip_norm must be above zero")
        if not (0 <= self.trim < 1 and 0 <= self.hide < 1):
            raise ValueError("training: trim and hide are shares, at least 0 and below 1")


@dataclass(frozen=True, slots=True)
class Progress:
    """One epoch of training; losses are trimmed means of squared scaled errors."""

    epoch: int  # the first is 1
    epochs: int  # at most so many
    loss: float
    later_loss: float
    best_loss: float  # smallest later loss so far


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained network, on the CPU, and how it got there."""

    network: Autoencoder
    history: tuple[Progress, ...]
    best_epoch: int


def fit(
    older: Singles,
    later: Singles,
    network: NetworkPolicy,
    policy: TrainingPolicy,
    progress: Callable[[Progress], None] | None = None,
    start: Mapping[str, Singles] | None = None,
) -> Fitted:
    """Train a network and return it as it was at its best on the later windows.

    Args:
        older: Scaled windows ``[N, T, F]`` to learn from; NaN cells count nothing.
        later: Scaled windows ``[M, T, F]`` that begin after the older ones end; training stops
            when the loss on them has not fallen for ``patience`` epochs.
        network: The network's form.
        policy: How to train.
        progress: Told after every epoch.
        start: Weights to begin with instead of random ones; if nothing better is found on the
            later windows, they are what is returned.

    Raises:
        ValueError: If a set holds no measured cell, or no loss was ever finite.
    """
    device = choose_device(policy.device)
    trainer = _Trainer(older, network, policy, device)
    seen = _measured(later[:: -(-len(later) // _MOST_LATER) or 1], device)
    history: list[Progress] = []
    best, best_epoch = inf, 0
    if start is not None:
        best = trainer.begin_with(start, seen)
    for epoch in range(1, policy.epochs + 1):
        loss, later_loss = trainer.run_epoch(epoch), trainer.loss_of(*seen)
        if later_loss < best:
            best, best_epoch = later_loss, epoch
            trainer.remember()
        history.append(Progress(epoch, policy.epochs, loss, later_loss, best))
        if progress:
            progress(history[-1])
        if epoch - best_epoch >= policy.patience:
            break
    if not isfinite(best):
        raise ValueError("training: no loss was finite; choose a smaller learning_rate")
    return Fitted(trainer.best(), tuple(history), best_epoch)


def choose_device(name: str) -> torch.device:
    """Return the device called ``name``; ``auto`` is CUDA where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class _Trainer:
    """A network on its way, the windows it learns from, and its best weights so far."""

    def __init__(
        self, older: Singles, network: NetworkPolicy, policy: TrainingPolicy, device: torch.device
    ) -> None:
        self._policy = policy
        self._x, self._mask = _measured(older, device)
        self._network = build_network(older.shape[2], network, policy.seed).to(device)
        self._descent = torch.optim.Adam(self._network.parameters(), lr=policy.learning_rate)
        # chance is drawn on the CPU, so that every device draws the same
        self._chance = torch.Generator().manual_seed(policy.seed)
        self._picks = _pick_batches(len(self._x), policy.batch_rows, self._chance)
        self._best: dict[str, Tensor] = {}

    def begin_with(self, start: Mapping[str, Singles], seen: tuple[Tensor, Tensor]) -> float:
        """Take weights over, keep them, and return their loss on windows ``seen``."""
        weights = {name: torch.from_numpy(weight.copy()) for name, weight in start.items()}
        self._network.load_state_dict(weights)
        self.remember()
        loss = self.loss_of(*seen)
        return loss if isfinite(loss) else inf

    def run_epoch(self, epoch: int) -> float:
        """Take one epoch's steps and return their mean loss."""
        share = 0.5 * (1 + cos(pi * (epoch - 1) / self._policy.epochs))  # a cosine from 1 to 0
        rate = self._policy.learning_rate * (_LAST_RATE + (1 - _LAST_RATE) * share)
        for group in self._descent.param_groups:
            group["lr"] = rate
        self._network.train()
        losses = [self._step(next(self._picks)) for _ in range(self._policy.batches)]
        return float(np.mean(losses))

    def _step(self, picked: Tensor) -> float:
        """Take one step; a step that is not finite is not taken."""
        x, mask = self._x[picked.to(self._x.device)], self._mask[picked.to(self._x.device)]
        said = self._network.reconstruct(x, mask & ~self._hide(x.shape).to(x.device))
        loss = _trimmed_mean(_window_losses(said, x, mask), self._policy.trim)
        self._descent.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), self._policy.clip_norm)
        if torch.isfinite(norm):
            self._descent.step()
        return float(loss.detach())

    def _hide(self, shape: torch.Size) -> Tensor:
        """Return which cells of ``[B, T, F]`` are hidden: some whole channels, some lone cells."""
        channels = torch.rand(shape[0], 1, shape[2], generator=self._chance) < self._policy.hide
        hidden = channels | (torch.rand(shape, generator=self._chance) < self._policy.hide)
        hidden[::2] = False  # a window that is all there is what is judged most: learn that too
        return hidden

    def loss_of(self, x: Tensor, mask: Tensor) -> float:
        """Return the loss on other windows, nothing hidden."""
        self._network.train(mode=False)
        with torch.inference_mode():
            parts = [
                _window_losses(self._network.reconstruct(some, seen), some, seen)
                for some, seen in zip(torch.split(x, 256), torch.split(mask, 256), strict=True)
            ]
            return float(_trimmed_mean(torch.cat(parts), self._policy.trim))

    def remember(self) -> None:
        """Keep the weights as they are now."""
        self._best = {
            name: weight.detach().clone() for name, weight in self._network.state_dict().items()
        }

    def best(self) -> Autoencoder:
        """Return the network, on the CPU, with the weights that were kept last."""
        self._network.load_state_dict(self._best)
        return self._network.train(mode=False).to(torch.device("cpu"))


def _measured(windows: Singles, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return values (0 where not measured) and mask of the windows that have a measured cell."""
    mask = ~np.isnan(windows)
    seen = mask.any(axis=(1, 2))
    if not seen.any():
        raise ValueError("training: a part of the windows holds no measured value; give more")
    x = np.where(mask, windows, np.float32(0))[seen]
    return torch.from_numpy(x).to(device), torch.from_numpy(mask[seen]).to(device)


def _pick_batches(count: int, rows: int, chance: torch.Generator) -> Iterator[Tensor]:
    """Give random batches of indices for ever; each index once before any comes again."""
    rows = min(rows, count)
    while True:
        order = torch.randperm(count, generator=chance)
        for start in range(0, count - rows + 1, rows):
            yield order[start : start + rows]


def _window_losses(said: Tensor, x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error over the measured cells of each window, ``[B]``."""
    squares = torch.where(mask, said - x, 0.0).square()
    return squares.sum(dim=(1, 2)) / mask.sum(dim=(1, 2))


def _trimmed_mean(losses: Tensor, trim: float) -> Tensor:
    """Return the mean of ``losses [B]`` without those that lie apart, at most a ``trim`` share."""
    known = losses.detach()
    largest = known.kthvalue(len(known) - int(trim * len(known))).values
    kept = known <= torch.maximum(largest, _APART * known.median())
    return torch.where(kept, losses, 0.0).sum() / kept.sum()
