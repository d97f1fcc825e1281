"""Principal components, in closed form: the linear member of the family."""

import torch
from torch import Tensor

from tocsin_models.networks.autoencoder import Autoencoder
from tocsin_models.networks.policy import NetworkPolicy

_LEAST_RIDGE, _LARGEST_RIDGE = 1e-4, 1e4
_LEAST_SIGNAL = 1e-12
_MOST_EXACT = 1_024  # cells of a window up to which all axes are found, not only those wanted
_SPARE = 16  # axes that are sought beside those wanted, whose last ones come out least exactly
_TURNS = 16


class PcaAutoencoder(Autoencoder):
    """The window as one long row ``[D]``, projected on its principal components (Pearson 1901).

    Of a window with cells missing the latent vector is the one that fits the measured cells best,
    held towards the mean by as much as is missing, and the more so the less a component moves in
    comparison with the noise (after Tipping and Bishop 1999).
    """

    mean: Tensor  # [D]
    components: Tensor  # [Z, D], orthonormal, the liveliest first
    ridge: Tensor  # [Z] variance of the noise / variance of the component

    def __init__(self, channels: int, length: int, policy: NetworkPolicy) -> None:
        super().__init__(channels, length, policy)
        cells = length * channels
        if policy.latent > cells:
            raise ValueError(f"network: choose a latent of at most {cells}, the cells of a window")
        self.register_buffer("mean", torch.zeros(cells))
        self.register_buffer("components", torch.zeros(policy.latent, cells))
        self.register_buffer("ridge", torch.ones(policy.latent))

    def _read(self, joined: Tensor) -> Tensor:
        x, mask = (part.flatten(1) for part in joined.chunk(2, dim=2))  # [B, D]
        gaps = (x - self.mean) * mask
        projected = gaps @ self.components.T  # [B, Z]
        if mask.all():
            return projected
        # a whole window has the same bits beside windows that are not whole
        return torch.where(mask.all(dim=1, keepdim=True), projected, self._fit(gaps, mask))

    def _fit(self, gaps: Tensor, mask: Tensor) -> Tensor:
        """Return the latent vectors ``[B, Z]`` that fit the measured cells of ``gaps [B, D]`` best.

        In f64: little that is there can decide on much that is not, and in f32 two processors
        would not decide alike.
        """
        components, mask = self.components.double(), mask.double()
        pairs = (components[:, None] * components).flatten(0, 1)  # [Z * Z, D]
        grams = (mask @ pairs.T).view(-1, len(components), len(components))
        missing = 1 - mask.mean(dim=1)
        grams = grams + missing[:, None, None] * torch.diag(self.ridge.double())
        fitted: Tensor = torch.linalg.solve_ex(grams, gaps.double() @ components.T)[0]
        return fitted.float()

    def _say(self, latent: Tensor) -> Tensor:
        said = latent @ self.components + self.mean
        return said.view(-1, self.length, self.channels)

    def solve(self, x: Tensor, mask: Tensor) -> None:
        """Take the components of windows ``[N, T, F]`` over, gaps filled as they are known by now.

        Raises:
            ValueError: If there are fewer windows than components.
        """
        rows = torch.where(mask, x, self.forward(self.join(x, mask))).flatten(1)
        count, cells = rows.shape
        kept = self.policy.latent
        if count < kept:
            raise ValueError(f"training: {count} windows have no {kept} principal components")
        self.mean = rows.mean(dim=0)
        apart = rows - self.mean
        variances, self.components = _find_axes(apart, kept)
        rest = apart.double().square().sum() / count - variances.sum()
        noise = rest.clamp(min=0) / max(cells - kept, 1)
        signal = (variances - noise).clamp(min=_LEAST_SIGNAL)
        self.ridge = (noise / signal).clamp(_LEAST_RIDGE, _LARGEST_RIDGE).float()


def _find_axes(rows: Tensor, kept: int) -> tuple[Tensor, Tensor]:
    """Return the largest variances ``[kept]`` and their axes ``[kept, D]``, of centred ``[N, D]``.

    An axis points to where its largest part is positive, so that there is one answer.
    """
    count, cells = rows.shape
    span = None if cells <= _MOST_EXACT else _find_span(rows, min(kept + _SPARE, count, cells))
    inside = rows if span is None else rows @ span  # [N, D], or [N, S] within the span
    variances, columns = torch.linalg.eigh((inside.T @ inside).double() / count)
    axes = columns.T.flip(0)[:kept].float()
    axes = axes if span is None else axes @ span.T
    largest = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True))
    return variances.flip(0)[:kept].clamp(min=0), axes * torch.where(largest < 0, -1.0, 1.0)


def _find_span(rows: Tensor, size: int) -> Tensor:
    """Return orthonormal columns ``[D, size]`` that span where ``rows [N, D]`` move most.

    Subspace iteration from a random start, always the same (Halko et al. 2011): of thousands of
    cells all axes would take minutes, and few are wanted.
    """
    chance = torch.Generator().manual_seed(0)
    span = torch.randn(rows.shape[1], size, generator=chance).to(rows.device)
    for _ in range(_TURNS):
        span = torch.linalg.qr(rows.T @ (rows @ span))[0]
    return span
