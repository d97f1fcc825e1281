"""Where normal rows score, and the tail that the limit was taken from."""

from typing import Any

import numpy as np

from tocsin.tools.backtest.report.thinning import round_off
from tocsin.tools.backtest.series import Outcome, Series
from tocsin_models.arrays import Flags, Floats
from tocsin_models.calibration import Calibration, CalibrationPolicy, find_tail_share

_LEAST, _MOST = -2.0, 2.0  # decades around the limit that are told apart
_BINS = 80

Json = dict[str, Any]


def show_tail(series: Series, outcome: Outcome) -> Json:
    """Return shares of rows by score: those that were learned from, and those judged later.

    Scores beyond a hundredth or a hundred times the limit count in the outermost bin.
    """
    edges = np.logspace(_LEAST, _MOST, _BINS + 1)
    calibration = None if outcome.bundle is None else outcome.bundle.calibration
    learned = outcome.score[: series.train_rows]
    later = np.arange(len(series.values)) >= series.train_rows
    found: Json = {
        "edges": round_off(edges),
        "learned": _shares(learned, edges),
        "later": _shares(outcome.score[later & ~_abnormal(series)], edges),
        "abnormal": None,
        "fit": None,
        "words": None,
    }
    if series.label is not None:
        found["abnormal"] = _shares(outcome.score[later & series.label], edges)
    if calibration is not None:
        found["fit"] = _fitted(calibration, edges)
        found["words"] = _words(calibration, learned)
    return found


def _abnormal(series: Series) -> Flags:
    none = np.zeros(len(series.values), np.bool_)
    return none if series.label is None else series.label


def _shares(score: Floats, edges: Floats) -> Floats | None:
    """Return the share of the known scores in each bin; None without any."""
    known = score[~np.isnan(score)]
    if not len(known):
        return None
    counts, _ = np.histogram(np.clip(known, edges[0], np.nextafter(edges[-1], 0)), edges)
    return round_off(counts / len(known), 4)


def _fitted(calibration: Calibration, edges: Floats) -> Floats | None:
    """Return the share in each bin that the fitted tail says, NaN below it; None without a fit."""
    if calibration.scale <= 0:
        return None
    begin = calibration.threshold / calibration.limit
    excess = np.maximum(edges * calibration.limit - calibration.threshold, 0) / calibration.scale
    shape = calibration.shape
    beyond = np.exp(-excess) if shape == 0 else np.maximum(1 + shape * excess, 0) ** (-1 / shape)
    beyond[[0, -1]] = 1.0, 0.0  # the outermost bins take what lies outside
    shares = _tail_share(calibration) * -np.diff(beyond)
    return round_off(np.where(edges[1:] > begin, shares, np.nan), 4)


def _tail_share(calibration: Calibration) -> float:
    """Return the share of windows that the tail was fitted to: a tenth, or more of few windows.

    It cannot be counted here. The tail is that of crosswise scores, held as the rule for alerts
    holds them, and the rows that were learned from score far lower by the finished model.
    """
    return find_tail_share(calibration.samples, CalibrationPolicy(calibration.budget))


def _words(calibration: Calibration, score: Floats) -> Json:
    known = score[~np.isnan(score)]
    return {
        "limit": calibration.limit,
        "budget": calibration.budget,
        "samples": calibration.samples,
        "threshold": calibration.threshold / calibration.limit,
        "shape": calibration.shape,
        "scale": calibration.scale / calibration.limit,
        "method": str(calibration.method),
        "reason": calibration.reason,
        "above": float((known >= 1.0).mean()) if len(known) else None,
    }
