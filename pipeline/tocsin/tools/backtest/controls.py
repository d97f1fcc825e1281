"""What every detector has to beat: an alarm that never ends, and three that learn in a moment.

Nothing here knows time but the average: a row is judged as it stands. Cells that were not measured
count as the median of the channel in training; a row without a measured cell is not judged, and has
no score. The limit is the same for all: the .999 quantile of what the training rows themselves are
given.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from sklearn.ensemble import IsolationForest

from tocsin.tools.backtest.model import ModelEntrant, ReplayPolicy
from tocsin.tools.backtest.series import Outcome, Series
from tocsin_models.arrays import Flags, Floats
from tocsin_models.learning import Recipe
from tocsin_models.members import Member, choose_member
from tocsin_models.metrics import raise_alarms

LIMIT_QUANTILE = 0.999
"""Share of the training rows whose own value is below the limit of a control."""

_LEAST_LIMIT = 1e-12

Clock = Callable[[], float]
Judge = Callable[[Floats], Floats]
"""Gives each of rows [N, F] in order a value: high means abnormal."""


@dataclass(frozen=True, slots=True)
class Always:
    """In alarm from the first row to the last: what a measure gives to knowing nothing."""

    name: str = "always"

    def run(self, series: Series, seed: int) -> Outcome:  # noqa: ARG002
        """Judge every row to be abnormal."""
        rows = len(series.values)
        return Outcome(np.ones(rows), np.ones(rows, np.bool_), fit_s=0.0, judge_s=0.0)


@dataclass(frozen=True, slots=True)
class T2Ewma:
    """Hotelling's T2 of each row, then an exponentially weighted mean.

    The covariance is shrunk by a tenth towards its mean variance, in the channels' own units; the
    mean begins at the training rows' own.
    """

    span: float = 60.0
    shrinkage: float = 0.1
    name: str = "t2-ewma"
    clock: Clock = field(default=time.monotonic, repr=False)

    def run(self, series: Series, seed: int) -> Outcome:  # noqa: ARG002
        """Learn mean and covariance of the training rows, then judge every row in order."""

        def learn(train: Floats) -> Judge:
            distance = learn_distance(train, self.shrinkage)
            begin = float(distance(train).mean())
            return lambda values: average(distance(values), self.span, begin)

        return _compete(series, learn, self.clock)


@dataclass(frozen=True, slots=True)
class Forest:
    """An isolation forest of rows (Liu et al. 2008), as scikit-learn has it."""

    trees: int = 100
    name: str = "iforest"
    clock: Clock = field(default=time.monotonic, repr=False)

    def run(self, series: Series, seed: int) -> Outcome:
        """Grow the trees on the training rows, then judge every row."""

        def learn(train: Floats) -> Judge:
            forest = IsolationForest(n_estimators=self.trees, random_state=seed, n_jobs=1)
            forest.fit(train)
            return lambda values: np.asarray(-forest.score_samples(values), np.float64)

        return _compete(series, learn, self.clock)


@dataclass(frozen=True, slots=True)
class Pca:
    """Principal components: the family's linear member, through the same stream as the others."""

    recipe: Recipe = field(default_factory=Recipe)
    policy: ReplayPolicy = field(default_factory=ReplayPolicy)
    name: str = "pca"

    def run(self, series: Series, seed: int) -> Outcome:
        """Learn from the training rows, then replay every row in order.

        Raises:
            ValueError: If there are too few rows to learn from; says what to do.
        """
        recipe = choose_member(Member.PCA, self.recipe)
        return ModelEntrant(self.name, recipe, self.policy).run(series, seed)


def learn_distance(train: Floats, shrinkage: float) -> Judge:
    """Return what gives the squared Mahalanobis distance of rows from ``train [n, F]``.

    A channel that does not move in training has the shrunk part of the mean variance; where none
    moves, distances are counted in units.
    """
    center = train.mean(axis=0)
    spread = np.atleast_2d(np.cov(train.T, ddof=min(1, len(train) - 1)))
    size = float(np.diag(spread).mean()) or 1.0
    shrunk = (1 - shrinkage) * spread + shrinkage * size * np.eye(len(spread))
    inverse = np.linalg.inv(shrunk)

    def judge(values: Floats) -> Floats:
        gaps = values - center
        return np.asarray(np.einsum("ij,ij->i", gaps @ inverse, gaps))

    return judge


def average(values: Floats, span: float, begin: float) -> Floats:
    """Return the exponentially weighted mean of each of ``values [N]`` and all before it."""
    new = 2 / (span + 1)
    means = accumulate(values.tolist(), lambda old, value: old + new * (value - old), initial=begin)
    return np.fromiter(means, np.float64)[1:]


def fill_gaps(series: Series) -> Floats:
    """Return values ``[N, F]`` with the training rows' median, or 0, where nothing was measured."""
    missing = np.isnan(series.values)
    if not missing.any():
        return series.values
    train = series.values[: series.train_rows]
    known = ~np.isnan(train).all(axis=0)
    typical = np.zeros(train.shape[1])
    typical[known] = np.nanmedian(train[:, known], axis=0)
    return np.where(missing, typical, series.values)


def _compete(series: Series, learn: Callable[[Floats], Judge], clock: Clock) -> Outcome:
    """Let a control learn and judge rows with a measured cell; 1.0 is its limit.

    An alarm stands over rows without a score until one is calm again.
    """
    measured: Flags = np.asarray(~np.isnan(series.values).all(axis=1))
    train_rows = int(measured[: series.train_rows].sum())
    if not train_rows:
        raise ValueError(f"{series.name}: nothing was measured in the rows to learn from")
    values = fill_gaps(series)[measured]
    train = values[:train_rows]
    began_s = clock()
    judge = learn(train)
    limit = max(float(np.quantile(judge(train), LIMIT_QUANTILE)), _LEAST_LIMIT)
    learned_s = clock()
    error = np.full(len(measured), np.nan)
    error[measured] = judge(values)
    score, newest = error / limit, measured.cumsum() - 1  # of each row, the measured one up to it
    alarm = (newest >= 0) & raise_alarms(score[measured], 1.0)[newest]
    return Outcome(score, alarm, learned_s - began_s, clock() - learned_s, error=error)
