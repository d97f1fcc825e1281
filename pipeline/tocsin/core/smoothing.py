"""The last window errors of every asset, and their averages over several spans.

A ring remembers each error together with the number of its window on the grid, so that a hole in
the data is a hole here too, and so that putting an error in twice changes nothing. The weights
are finite: the ring forgets exactly, and the same errors always give the same bits.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tocsin.core.records import Floats, Ids, Times
from tocsin.core.rows import Rows
from tocsin_models.spans import Averaging

RING_WINDOWS = 256
"""Windows a ring remembers."""
REACH_WINDOWS = 192
"""Windows that a bundle may average over; the others are taken in before any is averaged."""

_NEVER = np.iinfo(np.int64).max
_NO_WINDOW = np.iinfo(np.int64).min


class ErrorRings:
    """Error rings of all assets of one profile in one partition.

    An error is on the score's scale: divided by the limit of the model that made it.
    """

    def __init__(self) -> None:
        self._rows = Rows()
        self._number: Times = np.full((0, RING_WINDOWS), _NO_WINDOW, np.int64)  # [A, RING]
        self._error: Floats = np.zeros((0, RING_WINDOWS))  # [A, RING]
        self._floor: Times = np.full((0, RING_WINDOWS), _NEVER, np.int64)  # [A, RING]

    def smooth(
        self,
        asset: Ids,
        number: Times,
        error: Floats,
        averaging: Sequence[Averaging],
        floor: int,
    ) -> Floats:
        """Take in B errors and return their averages, [B, S].

        Args:
            asset: ids [B], equal ones in a row.
            number: the window's number on the grid [B], rising within an asset.
            error: error / limit [B], finite.
            averaging: S ways to average; where a window is missing, what is usual stands in.
            floor: an offset in ``scores`` that is not after the one these errors will get.
        """
        averages = np.empty((len(asset), len(averaging)))
        rows = self._rows_of(asset)
        for chosen in _blocks(asset, number):
            self._put(rows[chosen], number[chosen], error[chosen], floor)
            for column, each in enumerate(averaging):
                averages[chosen, column] = self._average(rows[chosen], number[chosen], each)
        return averages

    def recall(self, asset: Ids, number: Times, error: Floats, floor: int) -> None:
        """Take in B errors that were already scored, in any order; newer windows stay."""
        rows = self._rows_of(asset)
        order = np.argsort(number, kind="stable")
        rows, number, error = rows[order], number[order], error[order]
        newer = number >= self._number[rows, number % RING_WINDOWS]
        self._put(rows[newer], number[newer], error[newer], floor)

    def oldest_floor(self, default: int) -> int:
        """Return the offset in ``scores`` from which `recall` would restore all rings."""
        return min(default, int(self._floor.min(initial=_NEVER)))

    def snapshot(self, asset: int) -> dict[str, Any]:
        """Return one asset's ring, which from now on need not be recalled."""
        row = int(self._rows_of(np.array([asset], np.int32))[0])
        self._floor[row] = _NEVER
        return {"number": self._number[row].tobytes(), "error": self._error[row].tobytes()}

    def adopt(self, asset: int, snapshot: dict[str, Any]) -> None:
        """Take over what `snapshot` returned."""
        row = int(self._rows_of(np.array([asset], np.int32))[0])
        self._number[row] = np.frombuffer(snapshot["number"], np.int64)
        self._error[row] = np.frombuffer(snapshot["error"], np.float64)

    def _put(self, rows: Times, number: Times, error: Floats, floor: int) -> None:
        at = number % RING_WINDOWS
        self._number[rows, at] = number
        self._error[rows, at] = error
        self._floor[rows, at] = floor

    def _average(self, rows: Times, number: Times, each: Averaging) -> Floats:
        wanted = number[:, None] - np.arange(len(each.weights))  # [B, K]
        at = wanted % RING_WINDOWS
        there = self._number[rows[:, None], at] == wanted
        raised = np.minimum(self._error[rows[:, None], at], each.cap) - each.usual
        return np.asarray((np.where(there, raised, 0.0) * each.weights).sum(axis=1) + each.usual)

    def _rows_of(self, asset: Ids) -> Times:
        rows = self._rows.take(asset)
        if len(self._rows) > len(self._number):
            self._grow(len(self._rows))
        return rows

    def _grow(self, needed: int) -> None:
        extra = max(needed, 2 * len(self._number), 16) - len(self._number)
        self._number = np.pad(self._number, ((0, extra), (0, 0)), constant_values=_NO_WINDOW)
        self._error = np.pad(self._error, ((0, extra), (0, 0)))
        self._floor = np.pad(self._floor, ((0, extra), (0, 0)), constant_values=_NEVER)


def _blocks(asset: Ids, number: Times) -> list[Times]:
    """Return index arrays of rows that can be taken in together, in the order they have to be.

    The rows of one asset in an array are of windows so near to one another that none displaces
    from the ring what another still needs.

    Args:
        asset: ids [B], equal ones in a row.
        number: windows on the grid [B], rising within an asset.
    """
    if not len(asset):
        return []
    block = number // (RING_WINDOWS - REACH_WINDOWS)
    other = np.r_[True, asset[1:] != asset[:-1]]
    step = np.r_[True, block[1:] != block[:-1]] | other
    count = step.cumsum()
    rank = count - np.maximum.accumulate(np.where(other, count, 0))
    order = np.argsort(rank, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(rank[order])) + 1)
