"""Using a trained network: fixed batches in, the same bits out whatever the company.

A matrix product may round a row otherwise when the batch has another shape, so every forward pass
has `BATCH_ROWS` rows and short ones are padded. Within one shape a row's result depends on that
row alone, and not on its place or on the number of threads.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tocsin_models.arrays import Flags, Floats, Singles
from tocsin_models.networks import Autoencoder
from tocsin_models.residuals import Residuals, squared_errors, sum_residuals
from tocsin_models.scaling import RobustScaler

BATCH_ROWS = 64
"""Windows in a forward pass, always."""


def use_one_thread() -> None:
    """Let torch use one thread in this process, for training and for use.

    These networks are small: a second thread gains nothing on a free machine, and on a busy one
    waiting for it makes everything many times slower.
    """
    torch.set_num_threads(1)


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """One forward pass; all arrays are `BATCH_ROWS` long, the first ``rows`` of them are real."""

    part: slice  # where the real rows stand in what was asked
    rows: int
    scaled: Singles  # [BATCH_ROWS, T, F] NaN where not measured
    mask: Flags  # [BATCH_ROWS, T, F] true where measured
    expected: Singles  # [BATCH_ROWS, T, F] scaled


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained network together with its scaler, for windows of ``length`` steps."""

    network: Autoencoder
    scaler: RobustScaler
    length: int

    def passes(self, values: Floats) -> Iterator[Pass]:
        """Run windows ``[B, T, F]`` in engineering units through the network, batch by batch."""
        for part, scaled, mask in self._batches(values):
            with torch.inference_mode():
                said = self.network.reconstruct(torch.from_numpy(scaled), torch.from_numpy(mask))
            yield Pass(part, part.stop - part.start, scaled, mask, said.numpy())

    def residuals(self, values: Floats) -> Residuals:
        """Return the summed squared errors of windows ``[B, T, F]``."""
        shape = (len(values), values.shape[2])
        sums, counts = np.empty(shape), np.empty(shape)
        for each in self.passes(values):
            found = sum_residuals(each.scaled, each.expected, each.mask)
            sums[each.part] = found.sums[: each.rows]
            counts[each.part] = found.counts[: each.rows]
        return Residuals(sums, counts)

    def cell_residuals(self, values: Floats) -> Floats:
        """Return the squared scaled error of each cell, ``[B, T, F]``, 0 where not measured."""
        squares = np.empty(values.shape)
        for each in self.passes(values):
            found = squared_errors(each.scaled, each.expected, each.mask)
            squares[each.part] = found[: each.rows]
        return squares

    def reconstruct(self, values: Floats) -> Floats:
        """Return what windows ``[B, T, F]`` should have been, in engineering units."""
        whole = np.empty(values.shape)
        for each in self.passes(values):
            whole[each.part] = self.scaler.unscale(each.expected[: each.rows])
        return whole

    def encode(self, values: Floats) -> Singles:
        """Return the latent vectors ``[B, Z]`` of windows ``[B, T, F]``."""
        found = []
        for part, scaled, mask in self._batches(values):
            with torch.inference_mode():
                latent = self.network.encode(torch.from_numpy(scaled), torch.from_numpy(mask))
            found.append(latent.numpy()[: part.stop - part.start])
        return np.concatenate(found) if found else np.empty((0, 0), dtype=np.float32)

    def _batches(self, values: Floats) -> Iterator[tuple[slice, Singles, Flags]]:
        """Cut ``[B, T, F]`` into scaled batches, the last one padded with unmeasured rows."""
        shape = (self.length, len(self.scaler.centre))
        if values.shape[1:] != shape:
            raise ValueError(f"windows must be [B, {shape[0]}, {shape[1]}], not {values.shape}")
        for start in range(0, len(values), BATCH_ROWS):
            part = slice(start, min(start + BATCH_ROWS, len(values)))
            batch = np.full((BATCH_ROWS, *shape), np.nan)
            batch[: part.stop - start] = values[part]
            yield part, self.scaler.scale(batch), ~np.isnan(batch)
