"""Windows as a model sees them, turned so that two numbers tell the most of them apart."""

from typing import Any

import numpy as np

from tocsin.tools.backtest.report.thinning import round_off
from tocsin.tools.backtest.series import Outcome, Series
from tocsin_models.arrays import Indices
from tocsin_models.bundle import Bundle

_EVENLY = 300  # windows at even distances over the whole series
_BESIDE = 100  # and at most so many more of what is abnormal, and of what is in alarm

Json = dict[str, Any]


def show_latent(series: Series, outcome: Outcome) -> Json | None:
    """Return the rows with which sampled windows end, and where each lies on the map.

    None without a model, with a latent space of fewer than two numbers, or where too few windows
    were measured.
    """
    bundle = outcome.bundle
    if bundle is None or bundle.policy.latent < 2:
        return None
    ends = _sample(series, outcome, bundle)
    if len(ends) < 3:
        return None
    windows = np.stack([series.values[end - bundle.length + 1 : end + 1] for end in ends])
    spots = round_off(bundle.project(windows, 2), 4)
    return {"row": ends, "x": spots[:, 0], "y": spots[:, 1]}


def _sample(series: Series, outcome: Outcome, bundle: Bundle) -> Indices:
    """Return the last rows of windows, cut from the rows that stand one after the other.

    A hole in time is no hole in a picture; windows without a score are left out.
    """
    known = ~np.isnan(outcome.score)
    known[: bundle.length - 1] = False
    evenly = _thin(np.flatnonzero(known), _EVENLY)
    flags = [each for each in (series.label, outcome.alarm) if each is not None]
    beside = [_thin(np.flatnonzero(known & each), _BESIDE) for each in flags]
    return np.unique(np.concatenate([evenly, *beside]))


def _thin(rows: Indices, most: int) -> Indices:
    return rows[:: max(1, -(-len(rows) // most))]
