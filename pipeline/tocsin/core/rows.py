"""Asset ids -> rows of an array, without a dictionary look-up per reading."""

import numpy as np

from tocsin.core.records import Ids, Times


class Rows:
    """Gives every asset id that it is shown the next free row; the table only grows."""

    def __init__(self) -> None:
        self._row: Times = np.full(0, -1, np.int64)  # [largest id + 1], -1: not seen
        self._assets: list[int] = []

    def __len__(self) -> int:
        return len(self._assets)

    @property
    def assets(self) -> Ids:
        """The asset of every row."""
        return np.array(self._assets, np.int32)

    def find(self, asset: Ids) -> Times:
        """Return the row of each asset [B], -1 for those never seen."""
        if not len(asset):
            return np.zeros(0, np.int64)
        self._reach(int(asset.max()) + 1)
        return self._row[asset]

    def take(self, asset: Ids) -> Times:
        """Return the row of each asset [B], giving new ones the next rows as they come."""
        if not len(asset):
            return np.zeros(0, np.int64)
        self._reach(int(asset.max()) + 1)
        if (self._row[asset] < 0).any():
            self._add(asset[self._row[asset] < 0])
        return self._row[asset]

    def _reach(self, size: int) -> None:
        if size > len(self._row):
            extra = max(size, 2 * len(self._row)) - len(self._row)
            self._row = np.pad(self._row, (0, extra), constant_values=-1)

    def _add(self, unseen: Ids) -> None:
        first = np.sort(np.unique(unseen, return_index=True)[1])
        fresh = unseen[first]
        self._row[fresh] = np.arange(len(self._assets), len(self._assets) + len(fresh))
        self._assets.extend(fresh.tolist())
