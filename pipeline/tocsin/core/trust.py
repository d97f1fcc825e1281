"""Which windows may be learned from.

A window of an autoencoder overlaps what happens within a window's length before its end. So an
alert throws its shadow one window's length before its beginning and behind its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tocsin.core.records import Floats, Ids, Times

STILL_OPEN = 2**62
"""The end of an alert that has none yet: later than any window."""

LIMIT = 1.0
"""Windows that score this much or more are abnormal."""


class Doubt(StrEnum):
    """Why a window is left out."""

    NEAR_ALERT = "near_alert"
    ABOVE_LIMIT = "above_limit"
    UNJUDGED = "unjudged"
    """No model has given it a number; unknown is never normal."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """M windows that have a score; of two that are the same window, the later counts."""

    asset: Ids  # [M]
    end_ns: Times  # [M]
    score: Floats  # [M] NaN where there was none after all


@dataclass(frozen=True, slots=True, eq=False)
class Alerts:
    """A alerts."""

    asset: Ids  # [A]
    began_ns: Times  # [A] end of the first window that speaks for it
    resolved_ns: Times  # [A] end of the first calm window, or `STILL_OPEN`


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """Which of N windows may be learned from, and how many were left out for which reason.

    A window that several reasons speak against counts for the first of them.
    """

    trusted: NDArray[np.bool_]  # [N]
    unjudged: NDArray[np.bool_]  # [N] nothing is known against them, nor for them
    left_out: Mapping[Doubt, int]


def weigh(asset: Ids, end_ns: Times, judged: Judged, alerts: Alerts, margin_ns: int) -> Trust:
    """Weigh N windows by what was said of them.

    Args:
        asset: [N] whose they are; ids mean the same in all three sets.
        end_ns: [N] when they end.
        judged: their scores, and any others.
        alerts: all alerts that may touch them.
        margin_ns: how far an alert reaches beyond itself: the length of a window.
    """
    score = _scores(asset, end_ns, judged)
    doubts = {
        Doubt.NEAR_ALERT: _near(asset, end_ns, alerts, margin_ns),
        Doubt.ABOVE_LIMIT: score >= LIMIT,
        Doubt.UNJUDGED: np.isnan(score),
    }
    trusted, left_out = np.ones(len(asset), np.bool_), {}
    unjudged = doubts[Doubt.UNJUDGED] & ~doubts[Doubt.NEAR_ALERT]
    for doubt, speaks in doubts.items():
        left_out[doubt] = int((trusted & speaks).sum())
        trusted &= ~speaks
    return Trust(trusted, unjudged, left_out)


def _scores(asset: Ids, end_ns: Times, judged: Judged) -> Floats:
    """Return the score of each window [N], NaN where none is known."""
    instants, rank = np.unique(np.concatenate([judged.end_ns, end_ns]), return_inverse=True)
    key = np.concatenate([judged.asset, asset]).astype(np.int64) * len(instants) + rank
    known, wanted = key[: len(judged.asset)], key[len(judged.asset) :]
    order = np.argsort(known, kind="stable")
    place = np.searchsorted(known[order], wanted, side="right") - 1  # the last of equal ones
    found = np.flatnonzero(place >= 0)
    found = found[known[order[place[found]]] == wanted[found]]
    score = np.full(len(asset), np.nan)
    score[found] = judged.score[order[place[found]]]
    return score


def _near(asset: Ids, end_ns: Times, alerts: Alerts, margin_ns: int) -> NDArray[np.bool_]:
    """Return which windows [N] an alert of their asset reaches."""
    instants, rank = np.unique(end_ns, return_inverse=True)
    steps = len(instants) + 1
    key = asset.astype(np.int64) * steps + rank
    order = np.argsort(key, kind="stable")
    # where each alert's reach begins and ends among the asset's windows in the order of time
    first = np.searchsorted(instants, alerts.began_ns - margin_ns, side="left")
    stop = np.searchsorted(instants, alerts.resolved_ns + margin_ns, side="right")
    base = alerts.asset.astype(np.int64) * steps
    change = np.zeros(len(asset) + 1, np.int64)
    np.add.at(change, np.searchsorted(key[order], base + first), 1)
    np.add.at(change, np.searchsorted(key[order], base + stop), -1)
    near = np.empty(len(asset), np.bool_)
    near[order] = np.cumsum(change)[:-1] > 0
    return near
