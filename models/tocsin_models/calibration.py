"""From held-out errors of normal windows to the limit that a score is measured against."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tocsin_models.arrays import Floats

_ENOUGH_ABOVE = 10  # windows above the limit that make an empirical quantile worth its name
_LEAST_EXCESSES = 20  # below this a shape cannot be told from chance
_LARGEST_SHAPE = 0.5  # above it the distribution has no variance, and the fit no meaning
_LEAST_LIMIT = 1e-4  # a hundredth of a spread, squared: less than that is never abnormal


class Method(StrEnum):
    """How the limit was found."""

    QUANTILE = "quantile"
    PARETO = "pareto"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class CalibrationPolicy:
    """What is asked of a calibration.

    ``budget`` is the share of normal windows that may lie above the limit. ``span`` and ``count``
    shape the smoothing: an exponentially weighted mean of that span over ``count`` windows.
    ``tail_share`` of the errors make up the tail that is extrapolated.
    """

    budget: float = 0.001
    span: float = 3.0
    count: int = 6
    tail_share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.budget < 0.5:
            raise ValueError("calibration: choose a budget above 0 and below 0.5")
        if self.span < 1 or not 1 <= self.count <= 64:
            raise ValueError("calibration: choose span >= 1 and count between 1 and 64")
        if not 0 < self.tail_share <= 0.5:
            raise ValueError("calibration: choose 0 < tail_share <= 0.5")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What gives a bundle's errors their meaning: score = smoothed error / ``limit``."""

    limit: float
    smoothing: tuple[float, ...]  # weight of the newest window first; they sum to 1
    method: Method
    reason: str
    budget: float
    samples: int
    threshold: float  # where the extrapolated tail begins
    shape: float  # of the generalised Pareto distribution; 0 is the exponential one
    scale: float

    def __post_init__(self) -> None:
        numbers = (self.limit, self.budget, self.threshold, self.shape, self.scale, *self.smoothing)
        if not np.isfinite(numbers).all() or self.limit <= 0:
            raise ValueError("calibration: every number must be finite and the limit above zero")
        if not self.smoothing or min(self.smoothing) < 0 or abs(sum(self.smoothing) - 1) > 1e-9:
            raise ValueError("calibration: smoothing weights must not be negative, and sum to 1")


def smoothing_weights(span: float, count: int) -> tuple[float, ...]:
    """Return an exponentially weighted mean's weights, newest first, cut off after ``count``."""
    decay = 1 - 2 / (span + 1)
    raw = [decay**age for age in range(count)]
    return tuple(weight / sum(raw) for weight in raw)


def smooth(errors: Floats, weights: Sequence[float]) -> Floats:
    """Return the weighted mean of each of ``errors [n]`` and those before it.

    ``weights`` are newest first. Where fewer errors came before than there are weights, the
    weights that are in use are made to sum to 1.
    """
    total, used = np.zeros_like(errors), np.zeros_like(errors)
    for age, weight in enumerate(weights[: len(errors)]):
        total[age:] += weight * errors[: len(errors) - age]
        used[age:] += weight
    return total / used


def calibrate(errors: Sequence[Floats], policy: CalibrationPolicy | None = None) -> Calibration:
    """Return the calibration of normal windows' errors.

    Args:
        errors: One array a run of consecutive windows of one asset, oldest first.
        policy: What is asked of the calibration.

    Returns:
        The limit that a share of ``budget`` of these smoothed errors exceeds: their quantile where
        at least ten lie above it, else the quantile of a tail fitted to the largest of them (peaks
        over threshold; Siffer et al. 2017).

    Raises:
        ValueError: If there is no error, or one is not finite or negative.
    """
    policy = policy or CalibrationPolicy()
    runs = [run for run in errors if len(run)]
    if not runs:
        raise ValueError("calibration: there is no held-out window; give more normal windows")
    if not all(np.isfinite(run).all() and (run >= 0).all() for run in runs):
        raise ValueError(
            "calibration: an error is not finite or negative; leave out windows without a score"
        )
    weights = smoothing_weights(policy.span, policy.count)
    return _calibrate_smoothed(np.concatenate([smooth(run, weights) for run in runs]), policy)


def _calibrate_smoothed(errors: Floats, policy: CalibrationPolicy) -> Calibration:
    tail = _fit_tail(errors, policy)
    limit = tail.quantile(policy.budget)
    if len(errors) * policy.budget < 1:
        limit = max(limit, float(errors.max()))  # one above would already exceed the budget
    return Calibration(
        limit=max(limit, _LEAST_LIMIT),
        smoothing=smoothing_weights(policy.span, policy.count),
        method=tail.method,
        reason=tail.reason,
        budget=policy.budget,
        samples=len(errors),
        threshold=tail.threshold,
        shape=tail.shape,
        scale=tail.scale,
    )


@dataclass(frozen=True, slots=True)
class _Tail:
    """A distribution's upper end: a generalised Pareto law above ``threshold``."""

    method: Method
    reason: str
    threshold: float
    share: float  # of all errors that lie above the threshold
    shape: float = 0.0
    scale: float = 0.0

    def quantile(self, above: float) -> float:
        """Return what a share of ``above`` exceeds, for ``above <= share``."""
        ratio = max(self.share / above, 1.0)
        if self.shape == 0:
            return float(self.threshold + self.scale * np.log(ratio))
        return float(self.threshold + self.scale / self.shape * (ratio**self.shape - 1))


def _fit_tail(errors: Floats, policy: CalibrationPolicy) -> _Tail:
    """Return the tail of ``errors [n]``, by the most demanding method that they can carry."""
    n = len(errors)
    if n * policy.budget >= _ENOUGH_ABOVE:
        limit = float(np.quantile(errors, 1 - policy.budget, method="higher"))
        return _Tail(Method.QUANTILE, f"{n} windows are enough", limit, policy.budget)
    share = max(policy.tail_share, min(0.5, _LEAST_EXCESSES / n), policy.budget)
    threshold = float(np.quantile(errors, 1 - share))
    excesses = np.sort(errors[errors > threshold] - threshold)
    if len(excesses) < _LEAST_EXCESSES:
        # the errors' own mean is a wide tail on purpose: little is known
        reason = f"only {n} windows: an exponential tail as wide as their mean"
        return _Tail(Method.EXPONENTIAL, reason, threshold, share, 0.0, float(errors.mean()))
    share = len(excesses) / n
    shape, scale = _fit_pareto(excesses)
    if shape > 0:
        reason = f"a Pareto tail fitted to the {len(excesses)} largest of {n} windows"
        return _Tail(Method.PARETO, reason, threshold, share, min(shape, _LARGEST_SHAPE), scale)
    # a few hundred windows cannot show that a tail ends, which is what a negative shape says
    reason = f"the {len(excesses)} largest of {n} windows have no heavier tail than this"
    return _Tail(Method.EXPONENTIAL, reason, threshold, share, 0.0, float(excesses.mean()))


def _fit_pareto(excesses: Floats) -> tuple[float, float]:
    """Return shape and scale for sorted ``excesses [n]`` (Hosking and Wallis 1987).

    These are the estimates by probability-weighted moments, steadier than maximum likelihood
    in samples of less than 500, and always defined.
    """
    n = len(excesses)
    below = (np.arange(1, n + 1) - 0.35) / n
    mean, weighted = float(excesses.mean()), float(((1 - below) * excesses).mean())
    spread = mean - 2 * weighted
    if spread <= 0:
        return 0.0, mean
    return 2 - mean / spread, 2 * mean * weighted / spread
