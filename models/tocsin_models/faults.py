"""Synthetic faults, for the simulated plant and for asking a model what it would catch."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tocsin_models.arrays import Floats

_SPIKE_SHARE = 0.125  # of a stretch's steps that are hit


class FaultKind(StrEnum):
    """What goes wrong with one channel, and what ``magnitude`` means then."""

    SPIKE = "spike"
    """The first step and some later ones (1 in 8) are off by ``magnitude`` spreads, up or down."""
    SHIFT = "shift"
    """Every step is off by ``magnitude`` spreads; a negative magnitude shifts down."""
    RAMP = "ramp"
    """A drift that grows from nothing to ``magnitude`` spreads at the last step."""
    STUCK = "stuck"
    """The channel holds its last measured value; ``magnitude`` is not used."""
    NOISE = "noise"
    """Normal noise with a deviation of ``magnitude`` spreads is added."""
    DROPOUT = "dropout"
    """Nothing is measured (NaN); ``magnitude`` is not used."""
    LAG = "lag"
    """The channel comes ``magnitude`` *steps* late, rounded and at least 1."""
    DECORRELATION = "decorrelation"
    """The channel repeats another time's stretch of itself; ``magnitude`` is not used.

    It looks as ever on its own, and only its link to the other channels is lost.
    """


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one channel in the steps ``start <= step < start + length``."""

    kind: FaultKind
    channel: int
    start: int
    length: int
    magnitude: float = 4.0

    def __post_init__(self) -> None:
        if min(self.channel, self.start) < 0 or self.length < 1:
            raise ValueError("fault: channel and start must not be negative, length at least 1")
        if not np.isfinite(self.magnitude):
            raise ValueError("fault: magnitude must be finite")


def inject(values: Floats, fault: Fault, rng: np.random.Generator, spread: Floats) -> Floats:
    """Return a copy of ``values [N, F]`` with ``fault`` in it.

    Args:
        values: Engineering units, oldest row first; NaN stays NaN but for STUCK, LAG and
            DECORRELATION, which bring their own values.
        fault: What goes wrong, where and for how long.
        rng: Decides what is left to chance; one state gives the same rows.
        spread: The channels' spreads ``[F]`` in engineering units, such as a scaler's.

    Raises:
        ValueError: If the fault reaches outside of ``values``.
    """
    rows, channels = values.shape
    if fault.channel >= channels or fault.start + fault.length > rows:
        raise ValueError(f"fault: {fault} reaches outside of {rows} rows of {channels} channels")
    changed = values.copy()
    column = values[:, fault.channel]
    part = slice(fault.start, fault.start + fault.length)
    size = fault.magnitude * float(spread[fault.channel])
    changed[part, fault.channel] = _fault_column(column, fault, rng, size)
    return changed


def _fault_column(column: Floats, fault: Fault, rng: np.random.Generator, size: float) -> Floats:
    """Return the faulty stretch ``[length]`` of ``column [N]``; ``size`` in engineering units."""
    stretch = column[fault.start : fault.start + fault.length]
    match fault.kind:
        case FaultKind.SPIKE:
            faulty = stretch + size * _spikes(fault.length, rng)
        case FaultKind.SHIFT:
            faulty = stretch + size
        case FaultKind.RAMP:
            faulty = stretch + size * np.arange(1, fault.length + 1) / fault.length
        case FaultKind.STUCK:
            faulty = np.full(fault.length, _last_measured(column[: fault.start + 1]))
        case FaultKind.NOISE:
            faulty = stretch + abs(size) * rng.standard_normal(fault.length)
        case FaultKind.DROPOUT:
            faulty = np.full(fault.length, np.nan)
        case FaultKind.LAG:
            steps = np.arange(fault.start, fault.start + fault.length)
            faulty = column[np.maximum(steps - max(1, round(fault.magnitude)), 0)]
        case FaultKind.DECORRELATION:
            faulty = _other_time(column, fault, rng)
    return faulty


def _spikes(length: int, rng: np.random.Generator) -> Floats:
    """Return -1, 0 or 1 a step; the first is never 0."""
    hit = rng.random(length) < _SPIKE_SHARE
    hit[0] = True
    return np.where(hit, rng.choice((-1.0, 1.0), length), 0.0)


def _last_measured(past: Floats) -> float:
    """Return the newest value of ``past [n]`` that is not NaN, or NaN."""
    measured = past[~np.isnan(past)]
    return float(measured[-1]) if measured.size else np.nan


def _other_time(column: Floats, fault: Fault, rng: np.random.Generator) -> Floats:
    """Return a stretch of ``column`` that does not touch the fault's own, or its own shuffled."""
    last = len(column) - fault.length
    starts = np.arange(last + 1)
    apart = starts[np.abs(starts - fault.start) >= fault.length]
    if not apart.size:
        return rng.permutation(column[fault.start : fault.start + fault.length])
    begin = int(rng.choice(apart))
    return column[begin : begin + fault.length]
