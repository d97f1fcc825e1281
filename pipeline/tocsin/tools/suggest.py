"""Which profile would suit a table of one's own."""

from dataclasses import dataclass

import numpy as np

from tocsin.core.profile import SECOND_NS, suit_alerts
from tocsin.tools.backtest.columns import Columns
from tocsin_models.sizes import Sizes, choose_sizes

_SHARE = 8  # of a window's length from one window to the next, where there are rows enough
_ENOUGH = 500  # windows that a first model should have to learn from
_GAP_PERIODS, _LEAST_GAP_NS = 10, 60 * SECOND_NS
_SILENT_PERIODS, _LEAST_SILENCE_NS = 20, 300 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A profile that suits some rows, and why."""

    channels: tuple[str, ...]
    rows: int  # that it is made of
    period_ns: int
    stride: int  # divides the length
    calm_count: int  # windows
    max_gap_ns: int
    silent_after_ns: int
    sizes: Sizes
    still: tuple[str, ...]  # channels that never moved


def suggest_profile(table: Columns) -> Suggestion:
    """Return a profile for the rows of a table, all of them of one asset in normal operation.

    Raises:
        ValueError: If no column holds numbers, or times do not rise; says what to do.
    """
    channels = tuple(table.found)
    if not channels:
        raise ValueError(f"{table.path}: no column but the time holds numbers")
    period_ns, values = table.period_ns(), table.matrix(channels)
    sizes = choose_sizes(values)
    stride = choose_stride(sizes.length, len(table))
    moving = [bool(np.unique(column[~np.isnan(column)]).size > 1) for column in values.T]
    return Suggestion(
        channels=channels,
        rows=len(table),
        period_ns=period_ns,
        stride=stride,
        calm_count=suit_alerts(stride).calm_count,
        max_gap_ns=max(_LEAST_GAP_NS, _GAP_PERIODS * period_ns),
        silent_after_ns=max(_LEAST_SILENCE_NS, _SILENT_PERIODS * period_ns),
        sizes=sizes,
        still=tuple(name for name, moves in zip(channels, moving, strict=True) if not moves),
    )


def choose_stride(length: int, rows: int) -> int:
    """Return how many rows lie between two windows of ``length`` rows; it divides the length.

    An eighth of the length, or less where so few rows would make too few windows.
    """
    most = max(1, length // _SHARE)
    strides = [stride for stride in range(1, most + 1) if length % stride == 0]
    enough = [stride for stride in strides if (rows - length) // stride + 1 >= _ENOUGH]
    return max(enough, default=1)
