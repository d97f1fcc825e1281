"""Training a network: mask-aware, trimmed, stopped early on later windows, one seed one result."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import cos, inf, isfinite, pi

import numpy as np
import torch
from torch import Tensor, nn

from tocsin_models.arrays import Singles
from tocsin_models.losses import Loss, find_kept, trimmed_mean, window_losses
from tocsin_models.networks import Autoencoder, Form, NetworkPolicy, Output, build_network
from tocsin_models.networks.pca import PcaAutoencoder

_MOST_LATER = 2_048  # windows that early stopping looks at; more would only cost time
_HIDDEN_IN = 8  # of so many windows, cells of one are hidden
_RANGES = ("low", "width")  # of channels, where answers are shares of them
_RISE = 0.1  # of all steps, over which the learning rate rises
_PART_ROWS = 256  # windows that are looked at together where nothing is learned
_ROUNDS = 3  # of a closed form, that fills gaps and leaves windows out by what it knew before
_MOST_SOLVED = 16_384  # windows that a closed form is found from; overlapping ones say little more


@dataclass(frozen=True, slots=True)
class TrainingPolicy:
    """How a network is trained.

    An epoch is ``batches`` random batches, however many windows there are, so the time that
    training takes does not grow with them. Of each batch the windows whose loss lies far apart,
    at most the worst ``trim`` share, are left out, because "normal" data seldom are so throughout.
    In every eighth window each channel, and each cell, is hidden from the input, though not from
    the loss, with probability ``hide``: the network learns to do without what is missing, and to
    say what it should have been. To half of the windows normal noise of ``noise`` spreads is added,
    which it learns to take away (Vincent et al. 2008). What a form is strict about beside its loss,
    such as sparseness, grows over the first ``warm_up`` share of the epochs. ``device`` is
    ``auto``, or one of torch's names.

    A PCA has a closed form: of all these it only heeds ``trim``.
    """

    seed: int = 0
    epochs: int = 30
    batches: int = 40
    batch_rows: int = 32
    learning_rate: float = 5e-3
    patience: int = 25
    trim: float = 0.1
    hide: float = 0.05
    clip_norm: float = 1.0
    device: str = "auto"
    loss: Loss = Loss.MSE
    noise: float = 0.0
    warm_up: float = 0.2

    def __post_init__(self) -> None:
        if min(self.epochs, self.batches, self.batch_rows, self.patience) < 1:
            raise ValueError("training: epochs, batches, batch_rows, patience must be at least 1")
        if not (self.learning_rate > 0 and self.clip_norm > 0):
            raise ValueError("training: learning_rate and clip_norm must be above zero")
        if not (0 <= self.trim < 1 and 0 <= self.hide < 1):
            raise ValueError("training: trim and hide are shares, at least 0 and below 1")
        if not (0 <= self.noise < inf and 0 <= self.warm_up <= 1):
            raise ValueError("training: noise is finite and from 0 up, warm_up a share")


@dataclass(frozen=True, slots=True)
class Progress:
    """One epoch of training; losses are trimmed means over windows, of squared scaled errors.

    Where another loss is learned by, it is that one's, with what the form costs beside it.
    """

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


def check_pair(network: NetworkPolicy, policy: TrainingPolicy) -> None:
    """Raise `ValueError`, with what to do, where a network cannot be trained in this way."""
    if policy.loss is Loss.BCE and network.output is not Output.UNIT:
        raise ValueError("training: bce is for values in [0, 1]; choose the network's output unit")
    if network.form is Form.PCA and (policy.loss is not Loss.MSE or policy.noise):
        raise ValueError("training: a pca knows no noise and no loss but mse; leave them out")


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
        ValueError: If the two policies contradict each other, a set holds no measured cell, or no
            loss was ever finite.
    """
    check_pair(network, policy)
    device = choose_device(policy.device)
    with repeatable(device):
        learner: _Learner = (_Solver if network.form is Form.PCA else _Trainer)(
            older, network, policy, device
        )
        seen = _measured(later[:: -(-len(later) // _MOST_LATER) or 1], device)
        return _teach(learner, seen, progress, start)


def _teach(
    learner: "_Learner",
    seen: tuple[Tensor, Tensor],
    progress: Callable[[Progress], None] | None,
    start: Mapping[str, Singles] | None,
) -> Fitted:
    """Let a network learn for as long as it gets better at the windows ``seen``."""
    history: list[Progress] = []
    best, best_epoch = inf, 0
    if start is not None:
        best = learner.begin_with(start, seen)
    for epoch in range(1, learner.epochs + 1):
        loss, later_loss = learner.run_epoch(epoch), learner.loss_of(*seen)
        if later_loss < best:
            best, best_epoch = later_loss, epoch
            learner.remember()
        history.append(Progress(epoch, learner.epochs, loss, later_loss, best))
        if progress:
            progress(history[-1])
        if epoch - best_epoch >= learner.patience:
            break
    if not isfinite(best):
        raise ValueError("training: no loss was finite; choose a smaller learning_rate")
    return Fitted(learner.best(), tuple(history), best_epoch)


def choose_device(name: str) -> torch.device:
    """Return the device called ``name``; ``auto`` is CUDA where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Have CUDA compute alike each time, as CPUs do anyway: one seed, one result on one machine.

    cuBLAS wants to be told before its first use, so where it is in use already by then, the
    variable is up to whoever started the program.
    """
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:2")
    before = torch.are_deterministic_algorithms_enabled()
    loud = not torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before, warn_only=not loud)


class _Learner(ABC):
    """A network on its way, the windows it learns from, and its best weights so far."""

    def __init__(
        self, older: Singles, network: NetworkPolicy, policy: TrainingPolicy, device: torch.device
    ) -> None:
        self._policy = policy
        self.epochs, self.patience = policy.epochs, policy.patience
        self._x, self._mask = _measured(older, device)
        _, length, channels = older.shape
        self._network = build_network(channels, length, network, policy.seed).to(device)
        self._best: dict[str, Tensor] = {}

    @abstractmethod
    def run_epoch(self, epoch: int) -> float:
        """Learn for one epoch and return the loss on what is learned from."""

    def begin_with(self, start: Mapping[str, Singles], seen: tuple[Tensor, Tensor]) -> float:
        """Take weights over, keep them, and return their loss on windows ``seen``.

        How far channels go is known better by now, and stays as it was found here.
        """
        weights = {name: torch.from_numpy(weight.copy()) for name, weight in start.items()}
        here = self._network.state_dict()
        self._network.load_state_dict(weights | {n: here[n] for n in _RANGES if n in here})
        self.remember()
        loss = self.loss_of(*seen)
        return loss if isfinite(loss) else inf

    def loss_of(self, x: Tensor, mask: Tensor) -> float:
        """Return the loss on windows, nothing hidden."""
        return float(trimmed_mean(self._weigh(x, mask), self._policy.trim))

    def _weigh(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the losses ``[B]`` of windows, nothing hidden."""
        self._network.train(mode=False)
        parts = zip(torch.split(x, _PART_ROWS), torch.split(mask, _PART_ROWS), strict=True)
        with torch.inference_mode():
            return torch.cat(
                [self._losses(*self._learn(some, seen), some, seen) for some, seen in parts]
            )

    def _learn(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self._network.learn(self._network.join(x, mask))

    def _losses(self, said: Tensor, cost: Tensor, x: Tensor, mask: Tensor) -> Tensor:
        """Return what each window costs, ``[B]``; a forecast counts as much as all the rest."""
        loss = self._policy.loss
        if loss is Loss.BCE:
            said, x = self._network.to_unit(said), self._network.to_unit(x)
        losses = window_losses(said, x, mask, loss) + cost
        if not self._network.policy.forecast:
            return losses
        last = window_losses(said[:, -1:], x[:, -1:], mask[:, -1:], loss)
        return torch.where(mask[:, -1].any(dim=1), (losses + last) / 2, losses)

    def remember(self) -> None:
        """Keep the weights as they are now."""
        self._best = {
            name: weight.detach().clone() for name, weight in self._network.state_dict().items()
        }

    def best(self) -> Autoencoder:
        """Return the network, on the CPU, with the weights that were kept last."""
        self._network.load_state_dict(self._best)
        return self._network.train(mode=False).to(torch.device("cpu"))


class _Trainer(_Learner):
    """Learns step by step."""

    def __init__(
        self, older: Singles, network: NetworkPolicy, policy: TrainingPolicy, device: torch.device
    ) -> None:
        super().__init__(older, network, policy, device)
        if network.output is Output.UNIT:
            low, width = _find_ranges(older)
            self._network.low.copy_(low)
            self._network.width.copy_(width)
        self._descent = torch.optim.Adam(self._network.parameters(), lr=policy.learning_rate)
        # chance is drawn on the CPU, so that every device draws the same
        self._chance = torch.Generator().manual_seed(policy.seed)
        self._picks = _pick_batches(len(self._x), policy.batch_rows, self._chance)
        self._warmth = 1.0

    def run_epoch(self, epoch: int) -> float:
        """Take one epoch's steps and return their mean loss."""
        policy = self._policy
        self._warmth = min(1.0, epoch / max(1.0, policy.warm_up * policy.epochs))
        self._network.train()
        losses = []
        for batch in range(epoch * policy.batches - policy.batches, epoch * policy.batches):
            share = _share_rate((batch + 0.5) / (policy.epochs * policy.batches))
            for group in self._descent.param_groups:
                group["lr"] = policy.learning_rate * share
            losses.append(self._step(next(self._picks)))
        return float(np.mean(losses))

    def _step(self, picked: Tensor) -> float:
        """Take one step; a step that is not finite is not taken."""
        x, mask = self._x[picked.to(self._x.device)], self._mask[picked.to(self._x.device)]
        joined = self._network.join(*self._spoil(x, mask))
        said, cost = self._network.learn(joined, self._warmth, self._chance)
        loss = trimmed_mean(self._losses(said, cost, x, mask), self._policy.trim)
        self._descent.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), self._policy.clip_norm)
        if torch.isfinite(norm):
            self._descent.step()
        return float(loss.detach())

    def _spoil(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return windows ``[B, T, F]`` with cells hidden in some, and noise added in every other.

        A window that is all there is what is judged most. A network that has learned too well to
        make up what is hidden makes up what is abnormal too.
        """
        hide, noise = self._policy.hide, self._policy.noise
        channels = torch.rand(len(x), 1, x.shape[2], generator=self._chance) < hide
        hidden = channels | (torch.rand(x.shape, generator=self._chance) < hide)
        hidden[torch.arange(len(x)) % _HIDDEN_IN != 1] = False
        if noise:
            added = noise * torch.randn(x.shape, generator=self._chance)
            added[::2] = 0
            x = x + added.to(x.device)
        return x, mask & ~hidden.to(x.device)


class _Solver(_Learner):
    """Finds principal components anew in each of a few rounds.

    By what the last round knew, missing cells are filled, and windows that lie apart are left out.
    """

    _network: PcaAutoencoder

    def __init__(
        self, older: Singles, network: NetworkPolicy, policy: TrainingPolicy, device: torch.device
    ) -> None:
        some = older[:: -(-len(older) // _MOST_SOLVED) or 1]
        super().__init__(some, network, policy, device)
        self.epochs, self.patience = _ROUNDS, 1
        total, count = self._x.sum(dim=0), self._mask.sum(dim=0)
        self._network.mean = (total / count.clamp(min=1)).flatten()

    def run_epoch(self, epoch: int) -> float:
        """Solve, and return the loss."""
        del epoch
        kept = find_kept(self._weigh(self._x, self._mask), self._policy.trim)
        with torch.no_grad():
            self._network.solve(self._x[kept], self._mask[kept])
        return self.loss_of(self._x, self._mask)


def _share_rate(moment: float) -> float:
    """Return the share of the learning rate at a moment of the training, 0 its start and 1 its end.

    It rises in a line, because first steps of full size throw a recurrent network far off, and
    falls as a cosine to nothing, because only small steps find the bottom.
    """
    if moment < _RISE:
        return moment / _RISE
    return 0.5 * (1 + cos(pi * (moment - _RISE) / (1 - _RISE)))


def _find_ranges(windows: Singles) -> tuple[Tensor, Tensor]:
    """Return where each channel of ``[N, T, F]`` begins and how wide it is, ``[F]``.

    A tenth is left free on either side, because a sigmoid never quite reaches its ends.
    """
    ranges = []
    for column in np.moveaxis(windows, 2, 0):
        measured = column[~np.isnan(column)]
        low, high = np.quantile(measured, (0.001, 0.999)) if measured.size else (-1.0, 1.0)
        half = max(0.6 * (high - low), 0.5)  # a channel that never moved may move by half a spread
        ranges.append(((low + high) / 2 - half, 2 * half))
    low, width = torch.tensor(ranges, dtype=torch.float32).T
    return low, width


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
