"""Finding the bulk of training data: the windows that do not lie far from all the others.

"Normal" training data seldom are so throughout. What a network takes for normal is bounded by how
little it can hold; a covariance holds a fault as easily as anything, and a neighbour is one
whatever it is. So one aspect knows the bulk alone, where enough was seen to tell.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tocsin_models.arrays import Flags, Floats, Indices, Singles
from tocsin_models.evidence import Evidence
from tocsin_models.scaling import NORMAL_QUARTILE

_CORE = 0.75  # share of the windows that the bulk is found in, and the least that is kept
_ROUNDS = 8  # of concentration; it seldom takes as many
_APART = 2.24  # robust deviations beyond the median that are usual: root of chi-squared's .975
_ENOUGH = 1_000  # windows from which what is rare can be told from what was not seen for long
_LEAST = 1e-9  # of a spread, squared, where nothing moves at all


def sift(evidence: Evidence, runs: Sequence[Indices], half: int, shrinkage: float) -> Evidence:
    """Return the evidence with those windows marked that are not of the bulk.

    Switches have no say, because a position that they seldom take is no fault; nor has a channel
    alone, whose far values are its own tail and apart from nothing. All of fewer than a thousand
    windows are usual.

    Args:
        evidence: Of N windows.
        runs: Which of them follow one another, each in the order of time; together all of them.
        half: Windows on either side that a window is judged together with.
        shrinkage: Of the covariance towards columns that are independent and vary alike.
    """
    telling = _find_telling(evidence.level[:, -1], evidence.seen[:, -1])
    if len(evidence) < _ENOUGH or len(telling) < 2:
        return replace(evidence, usual=np.ones(len(evidence), np.bool_))
    rows = evidence.level[:, :, telling].reshape(len(evidence), -1).astype(np.float64)
    return replace(evidence, usual=find_usual(rows, runs, half, shrinkage))


def _find_telling(values: Singles, seen: Flags) -> Indices:
    """Return which channels of ``[N, F]`` took more than two values where they were measured."""
    lowest = np.where(seen, values, np.inf).min(axis=0)
    highest = np.where(seen, values, -np.inf).max(axis=0)
    at_an_end = ~seen | (values == lowest) | (values == highest)
    return np.flatnonzero(~at_an_end.all(axis=0))


def find_usual(rows: Floats, runs: Sequence[Indices], half: int, shrinkage: float) -> Flags:
    """Return which of the rows ``[N, D]`` are usual; at least three quarters are.

    The bulk is found by concentration steps (Rousseeuw and Van Driessen 1999), each of which fits a
    shrunk covariance to the three quarters that were nearest before. They start from spatial signs
    (Visuri et al. 2000), which no far row can draw to itself. Faults last, so it is the logarithm
    of the distance, averaged over neighbours in time, that has to stand out, by as much as is usual
    where rows are weighed anew by a robust covariance.
    """
    distance, lasting = np.log(_find_distances(rows, shrinkage) + 0.01), np.empty(len(rows))
    for run in runs:
        lasting[run] = _average(distance[run], half)
    low, middle, most = np.quantile(lasting, (0.25, 0.5, _CORE))
    return np.asarray(lasting <= max(most, middle + _APART * (middle - low) / NORMAL_QUARTILE))


def _find_distances(rows: Floats, shrinkage: float) -> Floats:
    """Return the mean squared Mahalanobis distance of rows ``[N, D]`` from their bulk, ``[N]``."""
    away = ((rows - np.median(rows, axis=0)) ** 2).sum(axis=1)
    weights = 1 / np.maximum(away, 1e-3 * np.median(away) + _LEAST)
    far: Floats = away
    for _ in range(_ROUNDS):
        far = _measure(rows, np.asarray(weights / weights.sum()), shrinkage)
        nearest = (far <= np.quantile(far, _CORE)).astype(np.float64)
        if (nearest == weights).all():
            break
        weights = nearest
    return far


def _measure(rows: Floats, weights: Floats, shrinkage: float) -> Floats:
    """Return the mean squared distance of rows ``[N, D]`` by their weighted covariance, ``[N]``."""
    apart = rows - weights @ rows
    own = (apart * weights[:, None]).T @ apart
    even = max(float(np.trace(own)) / len(own), _LEAST)
    covariance = (1 - shrinkage) * own + shrinkage * even * np.eye(len(own))
    white = np.linalg.solve(np.linalg.cholesky(covariance), apart.T)
    return np.asarray(np.einsum("dn,dn->n", white, white) / len(own))


def _average(values: Floats, half: int) -> Floats:
    """Return the mean of each of ``values [n]`` and up to ``half`` neighbours on either side."""
    sums, at = np.r_[0.0, values.cumsum()], np.arange(len(values))
    first, last = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first))
