"""Columns in runs: what a loop over groups would do, done for all groups at once.

A *run* is a stretch of equal keys in columns that are sorted by that key.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.core.records import Times

Flags = NDArray[np.bool_]


def stable_order(key: NDArray[np.integer[Any]]) -> Times:
    """Return the order [N] that sorts keys and leaves equal ones as they stand.

    The keys must not be negative, and key * 2N must fit into 63 bits: with the position packed
    into its low bits every key is different, and the fastest sort there is will do.
    """
    bits = len(key).bit_length()
    packed = key.astype(np.int64) << bits
    packed |= np.arange(len(key))
    packed.sort()
    packed &= (1 << bits) - 1
    return packed


def run_starts(key: NDArray[np.integer[Any]]) -> Times:
    """Return the index at which each run begins."""
    return np.flatnonzero(_differs(key))


def run_ends(starts: Times, size: int) -> Times:
    """Return the index of the last element of each run, of ``size`` elements in all."""
    return np.append(starts[1:], size)[: len(starts)] - 1


def running_maximum(value: Times, starts: Times) -> Times:
    """Return the largest value so far within each run [N].

    Looks back 1, 2, 4, ... elements, and ends as soon as a look changes nothing: values that do
    not fall cost one look, values that are somewhat out of order a few.
    """
    best = value.copy()
    reach = np.arange(len(value)) - _spread(starts, starts, len(value))
    step = 1
    while True:
        raised = (best[step:] < best[:-step]) & (reach[step:] >= step)
        if not raised.any():
            return best
        best[step:][raised] = best[:-step][raised]
        step *= 2


def newest_flagged(flag: Flags, starts: Times) -> Times:
    """Return the index of the newest flagged element of the run so far [N], -1 where none is."""
    newest = np.maximum.accumulate(np.where(flag, np.arange(len(flag)), -1))
    return np.where(newest >= _spread(starts, starts, len(flag)), newest, -1)


def dense_ranks(*keys: NDArray[Any]) -> Times:
    """Return the rank [N] of each row, equal for equal rows; the last key counts first."""
    order = np.lexsort(keys)
    differs = _differs(*(key[order] for key in keys))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.cumsum(differs) - 1
    return rank


def steps_within_runs(value: Times, starts: Times) -> Times:
    """Return how often the value changed so far within its run [N]."""
    changes: Times = np.cumsum(_differs(value), dtype=np.int64)
    return changes - _spread(changes[starts], starts, len(value))


def count_up(start: Times, stop: Times) -> tuple[Times, Times, Times]:
    """Return ``range(start[i], stop[i])`` for all i, one run behind the other.

    Every range must hold something. Returns the i of each number, the numbers, and where each
    run begins.
    """
    length = stop - start
    starts = np.cumsum(length) - length
    owner = np.repeat(np.arange(len(start)), length)
    return owner, np.arange(len(owner)) + (start - starts)[owner], starts


def _spread(per_run: Times, starts: Times, size: int) -> Times:
    return np.repeat(per_run, np.diff(starts, append=size))


def _differs(*keys: NDArray[Any]) -> Flags:
    """Return whether each row differs from the one before it; the first one does."""
    differs = np.zeros(len(keys[0]), np.bool_)
    differs[:1] = True
    for key in keys:
        differs[1:] |= key[1:] != key[:-1]
    return differs
