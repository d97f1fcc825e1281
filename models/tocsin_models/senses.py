"""Aspects of a window: each a distance, and how far normal windows get."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from tocsin_models.arrays import Flags, Floats, Indices
from tocsin_models.evidence import Evidence
from tocsin_models.gauges import (
    Gauge,
    Mahalanobis,
    Neighbours,
    Square,
    fit_mahalanobis,
    fit_neighbours,
    share_out,
)
from tocsin_models.slack import Slack, find_slack, no_slack
from tocsin_models.tails import Tail, fit_tail, load_tail


class Aspect(StrEnum):
    """What is looked at."""

    ERROR = "error"  # mean square of a step's residuals
    WINDOW = "window"  # mean square of the whole window's residuals
    SPREAD = "spread"  # squares of a step's residuals in spreads of their own (robust z)
    RESIDUAL = "residual"  # Mahalanobis distance of a step's residuals and those just before
    LEVEL = "level"  # Mahalanobis distance of a step's values (Hotelling's T2)
    MOTION = "motion"  # the same with the values just before
    BULK = "bulk"  # motion, as it is in the bulk of normal windows alone
    NEIGHBOURS = "neighbours"  # distance of a step's values to the nearest normal ones
    LATENT = "latent"  # Mahalanobis distance of the latent vector


_OF_RESIDUALS = frozenset({Aspect.ERROR, Aspect.SPREAD, Aspect.RESIDUAL})
_LAGGED = frozenset({Aspect.RESIDUAL, Aspect.MOTION, Aspect.BULK})
_OF_WINDOWS = frozenset({Aspect.WINDOW, Aspect.LATENT})


@dataclass(frozen=True, slots=True)
class Look:
    """How aspects look at windows."""

    stride: int  # newest steps, each of which is looked at
    lags: int  # steps before each of them, where an aspect looks back
    shrinkage: float  # of covariances towards channels that are independent and vary alike
    references: int  # normal rows that are kept as neighbours
    nearest: int  # of them that count


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What one aspect says of N windows; NaN where it has nothing to say."""

    distance: Floats  # [N]
    parts: Floats  # [N, F] what each measured channel adds to the distance
    step: Indices  # [N] the step it is about, counted from the first of the newest ones


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """An aspect, how it is measured, and what is normal."""

    aspect: Aspect
    gauge: Gauge
    typical: Floats  # [F] mean part of each channel in normal windows
    tail: Tail

    def ask(self, evidence: Evidence, look: Look, *, own: bool = False) -> Opinion:
        """Return what this aspect says of N windows, by the step that stands out most.

        Missing cells neither raise nor lower a distance: what they add to it in normal windows
        stands in for them. Where none of the newest steps was measured, ``error`` takes the whole
        window instead, and the others say nothing.
        """
        return _ask(self.aspect, self.gauge, self.typical, evidence, look, own=own)

    def pack(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """Return the tail as what JSON can hold, and all else as arrays by name."""
        arrays = {**self.gauge.arrays(), "typical": self.typical}
        return asdict(self.tail), {f"{self.aspect}.{name}": a for name, a in arrays.items()}


def fit_sense(aspect: Aspect, evidence: Evidence, look: Look) -> Sense:
    """Return how an aspect is measured, and what is normal, by normal windows in order of time.

    The bulk has no slack: faults look like wandering, and what is left without them does not tell
    how far channels went.
    """
    level = evidence.level[:, -1].astype(np.float64)
    slack = no_slack(level.shape[1]) if aspect is Aspect.BULK else find_slack(level)
    if aspect is Aspect.BULK:
        evidence = evidence.take(np.flatnonzero(evidence.usual))
    rows, seen = _rows(aspect, evidence, look)
    flat, known = rows.reshape(-1, *rows.shape[2:]), seen.reshape(-1, seen.shape[-1])
    gauge = _fit_gauge(aspect, _whole_rows(flat, known), look, slack)
    channels = evidence.sums.shape[1]
    typical = np.full(channels, 1 / channels)
    if aspect is not Aspect.LATENT:
        typical = _typical(_read(gauge, rows, own=True), seen)
    opinion = _ask(aspect, gauge, typical, evidence, look, own=True)
    return Sense(aspect, gauge, typical, fit_tail(opinion.distance))


def load_sense(
    aspect: Aspect, tail: dict[str, Any], arrays: dict[str, Floats], look: Look
) -> Sense:
    """Return what `Sense.pack` was given."""
    own = {
        name.removeprefix(f"{aspect}."): array
        for name, array in arrays.items()
        if name.startswith(f"{aspect}.")
    }
    return Sense(aspect, _load_gauge(aspect, own, look), own["typical"], load_tail(tail))


def _ask(
    aspect: Aspect,
    gauge: Gauge,
    typical: Floats,
    evidence: Evidence,
    look: Look,
    *,
    own: bool,
) -> Opinion:
    rows, seen = _rows(aspect, evidence, look)
    if isinstance(gauge, Neighbours) and rows.shape[1] > 1:
        return _ask_nearest(gauge, typical, rows, seen, own=own)
    parts = _read(gauge, rows, own=own)
    if aspect is Aspect.LATENT:
        parts = share_out(parts.sum(axis=2)[:, 0], evidence.sums)[:, None]
    parts = np.where(seen, parts, 0.0)
    if aspect is Aspect.ERROR:
        blind = ~seen.any(axis=(1, 2))
        whole = gauge.read(np.sqrt(evidence.sums / np.maximum(evidence.counts, 1))[:, None])
        parts[blind, 0] = whole[blind]
        seen = seen.copy()
        seen[blind, 0] = (evidence.counts > 0)[blind]
    return _opine(parts, seen, typical)


def _ask_nearest(
    gauge: Neighbours, typical: Floats, rows: Floats, seen: Flags, *, own: bool
) -> Opinion:
    """Return what neighbours say of the step that is farthest from its nearest one alone.

    To find one neighbour of each step, and all of them of one step, is quicker by far.
    """
    parts = np.where(seen, _read(gauge.nearest(), rows, own=own), 0.0)
    chosen = _opine(parts, seen, typical).step
    at = np.arange(len(rows)), chosen
    rows, seen = rows[at][:, None], seen[at][:, None]
    said = _opine(np.where(seen, _read(gauge, rows, own=own), 0.0), seen, typical)
    return Opinion(said.distance, said.parts, chosen)


def _opine(parts: Floats, seen: Flags, typical: Floats) -> Opinion:
    """Return the step that stands out most by what each of its channels adds, ``[N, S, F]``."""
    totals = np.einsum("nsf->ns", parts)
    if not seen.all():
        totals = totals + np.where(seen, 0.0, typical).sum(axis=2)
        totals[~seen.any(axis=2)] = np.nan
    step = np.where(np.isnan(totals), -1.0, totals).argmax(axis=1)
    every = np.arange(len(totals))
    return Opinion(totals[every, step], parts[every, step], step)


def _rows(aspect: Aspect, evidence: Evidence, look: Look) -> tuple[Floats, Flags]:
    """Return what an aspect looks at, ``[N, S, L, F]``, and what was measured, ``[N, S, F]``."""
    if aspect in _OF_WINDOWS:
        seen = (evidence.counts > 0)[:, None]
        if aspect is Aspect.LATENT:
            return evidence.latent[:, None, None], seen
        mean = np.sqrt(evidence.sums / np.maximum(evidence.counts, 1))
        return mean[:, None, None], seen
    source = evidence.residual if aspect in _OF_RESIDUALS else evidence.level
    lags = look.lags if aspect in _LAGGED else 0
    length = source.shape[1]
    newest = np.arange(length - min(look.stride, length), length)
    at = np.maximum(newest[:, None] - np.arange(lags + 1), 0)  # [S, L]
    return source[:, at].astype(np.float64), evidence.seen[:, newest]


def _read(gauge: Gauge, rows: Floats, *, own: bool) -> Floats:
    """Return what each channel of ``[N, S, L, F]`` adds, ``[N, S, F]``."""
    flat = rows.reshape(-1, *rows.shape[2:])
    read = gauge.read_own if own and isinstance(gauge, Neighbours) else gauge.read
    return read(flat).reshape(*rows.shape[:2], -1)


def _typical(parts: Floats, seen: Flags) -> Floats:
    """Return the mean part of each channel of ``[N, S, F]`` where it was measured.

    A channel that was never measured is taken to be like the mean of the others.
    """
    counts = seen.sum(axis=(0, 1))
    sums = np.where(seen, parts, 0.0).sum(axis=(0, 1))
    alive = counts > 0
    mean = np.divide(sums, counts, out=np.zeros_like(sums), where=alive)
    usual = float(mean[alive].mean()) if alive.any() else 0.0
    return np.where(alive, mean, usual)


def _whole_rows(rows: Floats, seen: Flags) -> Floats:
    """Return the rows ``[M, L, F]`` in which all was measured, or all rows if those are few."""
    whole = seen.all(axis=1)
    return rows[whole] if whole.sum() >= len(rows) // 10 and whole.any() else rows


def _fit_gauge(aspect: Aspect, rows: Floats, look: Look, slack: Slack) -> Gauge:
    match aspect:
        case Aspect.ERROR | Aspect.WINDOW:
            return Square(slack.weights)
        case Aspect.NEIGHBOURS:
            return fit_neighbours(rows, look.references, look.nearest, slack.weights)
        case Aspect.LATENT:
            return fit_mahalanobis(rows, look.shrinkage)
        case _:
            alone = aspect is Aspect.SPREAD
            return fit_mahalanobis(rows, look.shrinkage, slack.values, alone=alone)


def _load_gauge(aspect: Aspect, arrays: dict[str, Floats], look: Look) -> Gauge:
    if aspect in {Aspect.ERROR, Aspect.WINDOW}:
        return Square(arrays["weights"])
    if aspect is Aspect.NEIGHBOURS:
        references = arrays["references"]
        return Neighbours(references, arrays["measure"], min(look.nearest, len(references)))
    return Mahalanobis(arrays["centre"], arrays["turn"])
