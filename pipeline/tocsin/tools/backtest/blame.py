"""What an outcome says of a stretch of rows: how high it scored, and which channels it blames."""

import numpy as np

from tocsin.core.anomalies import TOP_SHARE
from tocsin.tools.backtest.series import Outcome
from tocsin_models.arrays import Floats, Indices

Blamed = list[tuple[int, float]]
"""Channels by their place, each with its share, the most blamed first."""


def find_peaks(outcome: Outcome, intervals: Indices) -> Floats:
    """Return the highest score in each of ``intervals [K, 2]``, -inf where there is none.

    No interval may be empty.
    """
    known = np.append(np.nan_to_num(outcome.score, nan=-np.inf), -np.inf)
    return np.maximum.reduceat(known, intervals.ravel())[::2] if len(intervals) else np.empty(0)


def find_blamed(outcome: Outcome, begin: int, end: int) -> Blamed:
    """Return the channels with the largest share of the errors of rows at the limit or above.

    Where no row reaches the limit, the one that comes nearest to it speaks for all.
    """
    score = np.nan_to_num(outcome.score[begin:end], nan=-np.inf)
    if outcome.blame is None or np.isneginf(score).all():
        return []
    rows = begin + np.flatnonzero(score >= min(1.0, score.max()))
    parts = (outcome.blame[rows] * outcome.blamed[rows, None]).sum(axis=0, dtype=np.float64)
    share = parts / (parts.sum() or 1.0)
    order = np.argsort(-share, kind="stable").tolist()
    return [(at, round(float(share[at]), 3)) for at in order if share[at] >= TOP_SHARE]
