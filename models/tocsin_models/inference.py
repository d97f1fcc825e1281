"""Using a trained network: fixed batches in, the same bits out whatever the company.

A matrix product may round a row otherwise when the batch has another shape, so every forward pass
has `BATCH_ROWS` rows and short ones are padded. Within one shape a row's result depends on that
row alone, and not on its place or on the number of threads.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from tocsin_models.arrays import Flags, Floats, Singles
from tocsin_models.evidence import Evidence, collect, join_evidence
from tocsin_models.networks import Autoencoder
from tocsin_models.residuals import Residuals, squared_errors, sum_residuals
from tocsin_models.scaling import RobustScaler

BATCH_ROWS = 128
"""Windows in a forward pass, always."""

_PART_ROWS = 8 * BATCH_ROWS
"""Windows that are prepared at once: few enough for the processor's cache, and so many that Python
has little to do between the passes, while it may be wanted by other threads."""


_TURN_S = 1e-4


def settle_threads() -> None:
    """Settle, for this process, how networks share it with other work.

    Torch and numpy's products use one thread, for training and for use: these networks are small,
    a second thread gains nothing on a free machine, and on a busy one waiting for it makes
    everything many times slower. And Python's threads take short turns: between any two steps of a
    network the scoring thread needs the interpreter for a moment, and with Python's own 5 ms it
    would wait there, for a thread that decodes, longer than the network works.
    """
    torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")
    sys.setswitchinterval(_TURN_S)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the network says of N windows that follow one another."""

    part: slice  # where they stand in what was asked
    scaled: Singles  # [N, T, F] NaN where not measured
    mask: Flags  # [N, T, F] true where measured
    expected: Singles  # [N, T, F] scaled
    latent: Singles | None  # [N, Z] where it was asked for


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained network together with its scaler, for windows of ``length`` steps."""

    network: Autoencoder
    scaler: RobustScaler
    length: int

    def answers(self, values: Floats, *, encode: bool = False) -> Iterator[Answer]:
        """Run windows ``[B, T, F]`` in engineering units through the network, part by part."""
        for part, scaled, mask in self._parts(values):
            x, measured = torch.from_numpy(scaled), torch.from_numpy(mask)
            with torch.inference_mode():
                joined = torch.split(self.network.join(x, measured), BATCH_ROWS)
                said = torch.cat([self.network.forward(each) for each in joined]).numpy()
                latent = [self.network.encode(each) for each in joined] if encode else []
            rows = part.stop - part.start
            found = torch.cat(latent)[:rows].numpy() if encode else None
            yield Answer(part, scaled[:rows], mask[:rows], said[:rows], found)

    def residuals(self, values: Floats) -> Residuals:
        """Return the summed squared errors of windows ``[B, T, F]``."""
        shape = (len(values), values.shape[2])
        sums, counts = np.empty(shape), np.empty(shape)
        for each in self.answers(values):
            found = sum_residuals(each.scaled, each.expected, each.mask)
            sums[each.part], counts[each.part] = found.sums, found.counts
        return Residuals(sums, counts)

    def evidence(self, values: Floats, recent: int, *, encode: bool) -> Evidence:
        """Return what there is to judge windows ``[B, T, F]`` by, of their ``recent`` steps."""
        return join_evidence(
            [
                collect(each.scaled, each.expected, each.mask, recent, each.latent)
                for each in self.answers(values, encode=encode)
            ]
        )

    def cell_residuals(self, values: Floats) -> Floats:
        """Return the squared scaled error of each cell, ``[B, T, F]``, 0 where not measured."""
        squares = np.empty(values.shape)
        for each in self.answers(values):
            squares[each.part] = squared_errors(each.scaled, each.expected, each.mask)
        return squares

    def reconstruct(self, values: Floats) -> Floats:
        """Return what windows ``[B, T, F]`` should have been, in engineering units."""
        whole = np.empty(values.shape)
        for each in self.answers(values):
            whole[each.part] = self.scaler.unscale(each.expected)
        return whole

    def encode(self, values: Floats) -> Singles:
        """Return the latent vectors ``[B, Z]`` of windows ``[B, T, F]``."""
        latent = np.empty((len(values), self.network.policy.latent), dtype=np.float32)
        for part, scaled, mask in self._parts(values):
            x, measured = torch.from_numpy(scaled), torch.from_numpy(mask)
            with torch.inference_mode():
                joined = torch.split(self.network.join(x, measured), BATCH_ROWS)
                found = torch.cat([self.network.encode(each) for each in joined]).numpy()
            latent[part] = found[: part.stop - part.start]
        return latent

    def decode(self, latent: Singles) -> Floats:
        """Return the windows that latent vectors ``[B, Z]`` stand for, in engineering units."""
        numbers = self.network.policy.latent
        if latent.ndim != 2 or latent.shape[1] != numbers:
            raise ValueError(f"latent vectors must be [B, {numbers}], not {latent.shape}")
        padded = np.zeros((-(-len(latent) // BATCH_ROWS) * BATCH_ROWS, numbers), np.float32)
        padded[: len(latent)] = latent
        values = np.empty((len(padded), self.length, len(self.scaler.centre)))
        with torch.inference_mode():
            for start in range(0, len(padded), BATCH_ROWS):
                part = slice(start, start + BATCH_ROWS)
                said = self.network.decode(torch.from_numpy(padded[part])).numpy()
                values[part] = self.scaler.unscale(said)
        return values[: len(latent)]

    def _parts(self, values: Floats) -> Iterator[tuple[slice, Singles, Flags]]:
        """Cut ``[B, T, F]`` into scaled parts, padded to whole batches with unmeasured rows."""
        shape = (self.length, len(self.scaler.centre))
        if values.shape[1:] != shape:
            raise ValueError(f"windows must be [B, {shape[0]}, {shape[1]}], not {values.shape}")
        for start in range(0, len(values), _PART_ROWS):
            part = slice(start, min(start + _PART_ROWS, len(values)))
            rows = part.stop - start
            scaled = np.empty((-(-rows // BATCH_ROWS) * BATCH_ROWS, *shape), np.float32)
            scaled[:rows], scaled[rows:] = self.scaler.scale(values[part]), np.nan
            yield part, scaled, ~np.isnan(scaled)
