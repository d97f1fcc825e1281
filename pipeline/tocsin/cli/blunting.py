"""Channels whose spread comes from a few far values: beside those all else looks alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tocsin.core.formats.table import Chunk
from tocsin_models.arrays import Floats
from tocsin_models.scaling import NORMAL_QUARTILE, RobustScaler

_MOST_ROWS = 50_000  # that are kept
_MUCH_WIDER = 30.0  # times the quartiles' spread that a channel is measured in


@dataclass(frozen=True, slots=True)
class Blunted:
    """A channel that hardly counts, because of a few far values."""

    channel: str
    farthest: float  # of the values
    share: float  # of the values that lie far from the others


class Onlooker:
    """Keeps rows of a table that is read by somebody else: all of few, every n-th of many.

    Args:
        most: Rows that are kept.
    """

    def __init__(self, most: int = _MOST_ROWS) -> None:
        self._most, self._step, self._seen = most, 1, 0
        self._kept: list[Floats] = []
        self._channels: Sequence[str] = ()

    def watch(self, table: Iterable[Chunk]) -> Iterator[Chunk]:
        """Give what is in the table, and keep some of it."""
        for chunk in table:
            self._channels = chunk.channels
            self._keep(chunk.values)
            yield chunk

    def blunted(self) -> list[Blunted]:
        """Return which channels are blunted in the rows that were kept."""
        return find_blunted(np.concatenate(self._kept), self._channels) if self._kept else []

    def _keep(self, values: Floats) -> None:
        first = -self._seen % self._step
        self._seen += len(values)
        self._kept.append(values[first :: self._step].copy())
        while sum(map(len, self._kept)) > self._most:
            self._kept = [np.concatenate(self._kept)[::2].copy()]
            self._step *= 2


def find_blunted(values: Floats, channels: Sequence[str]) -> list[Blunted]:
    """Return the channels of ``values [N, F]`` whose spread is 30 times that of their quartiles.

    Such a spread is that of a few far values: so few that the quartiles do not see them, and too
    many to be left out as spikes. A channel whose quartiles are one number is not among them.
    """
    centred = values - RobustScaler.fit(values).centre  # a channel's own size is no spread
    spread = RobustScaler.fit(centred).spread
    found = []
    for column, name in enumerate(channels):
        seen = np.isfinite(centred[:, column])
        apart = np.abs(centred[seen, column])
        usual = _quartile_spread(centred[seen, column])
        if 0 < _MUCH_WIDER * usual < spread[column]:
            farthest = float(values[seen, column][apart.argmax()])
            found.append(Blunted(name, farthest, float((apart > _MUCH_WIDER * usual).mean())))
    return found


def _quartile_spread(values: Floats) -> float:
    """Return what the standard deviation of ``values [N]`` would be if they were normal."""
    if not values.size:
        return 0.0
    low, high = np.quantile(values, (0.25, 0.75))
    return float(high - low) / (2 * NORMAL_QUARTILE)
