"""From the surprise of normal windows to the limit that a score is measured against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log

import numpy as np

from tocsin_models.arrays import Floats
from tocsin_models.spans import Span, average
from tocsin_models.tails import fit_tail

_ENOUGH_ABOVE = 10  # windows above the limit that make an empirical quantile worth its name
_LEAST_EXCESSES = 20  # below this a shape cannot be told from chance
_LARGEST_SHAPE = 0.5  # above it the distribution has no variance, and the fit no meaning
_LEAST_TIMES, _MOST_TIMES = 2.0, 4.0  # of what the budget itself comes to in nats
_ABOVE_HALF = 2.0  # times what half of the windows reach: no limit lies below that
_PRIOR_STEPS = 600  # that doubt is worth: a limit from so many is twice as high
_PRIOR_EXCESSES = 20.0  # that the profile's own tail counts for beside an asset's
_LONGEST_RULE = 256  # windows that a rule may wait for
_MOST_APART = 3.0  # times by which an asset's limit may differ from its profile's


class Method(StrEnum):
    """How the limit was found."""

    QUANTILE = "quantile"
    PARETO = "pareto"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class CalibrationPolicy:
    """What is asked of a calibration.

    ``budget`` is the share of normal windows at which an alert may be about to open: ``open_count``
    of the last ``open_of`` windows at or above the limit. ``tail_share`` of the scores make up the
    tail that is extrapolated.
    """

    budget: float = 0.001
    open_count: int = 3
    open_of: int = 5
    tail_share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.budget < 0.5:
            raise ValueError("calibration: choose a budget above 0 and below 0.5")
        if not 1 <= self.open_count <= self.open_of <= _LONGEST_RULE:
            raise ValueError(f"calibration: choose 1 <= open_count <= open_of <= {_LONGEST_RULE}")
        if not 0 < self.tail_share <= 0.5:
            raise ValueError("calibration: choose 0 < tail_share <= 0.5")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What gives surprises their meaning: score = the largest over the spans / ``limit``."""

    limit: float  # nats
    spans: tuple[Span, ...]
    method: Method
    reason: str
    budget: float
    samples: int
    threshold: float  # where the extrapolated tail begins
    shape: float  # of the generalised Pareto distribution; 0 is the exponential one
    scale: float
    assets: Mapping[str, float] = field(default_factory=dict)
    """What the limit is multiplied by for an asset; 1 for one that is not named."""

    def __post_init__(self) -> None:
        numbers = (self.limit, self.budget, self.threshold, self.shape, self.scale)
        if not np.isfinite(numbers).all() or self.limit <= 0:
            raise ValueError("calibration: every number must be finite and the limit above zero")
        if not self.spans:
            raise ValueError("calibration: give at least one span")
        if not all(1 / _MOST_APART <= ratio <= _MOST_APART for ratio in self.assets.values()):
            raise ValueError(f"calibration: an asset's limit is within {_MOST_APART:.0f} times")

    def weigh(self, averages: Floats) -> Floats:
        """Return the scores of N windows from their averages ``[N, S]`` in nats, before limits."""
        surprises = [
            span.tail.surprise(averages[:, column]) for column, span in enumerate(self.spans)
        ]
        return np.asarray(np.max(surprises, axis=0))


def fit_spans(
    runs: Sequence[Floats], windows: Sequence[int], cap: float, capped_from: float
) -> tuple[Span, ...]:
    """Return what is normal for averages over several spans.

    Args:
        runs: Surprises of runs of consecutive normal windows of one asset, oldest first.
        windows: The spans.
        cap: Nats that one window may add to a long span.
        capped_from: Windows from which a span is long.
    """
    spans = []
    for each in windows:
        most = cap if each >= capped_from else float("inf")
        usual = float(np.minimum(np.concatenate(runs), most).mean())
        averages = np.concatenate([average(run, each, most, usual) for run in runs])
        spans.append(Span(each, most, usual, fit_tail(averages)))
    return tuple(spans)


def weigh_run(run: Floats, spans: Sequence[Span]) -> Floats:
    """Return the largest surprise over the spans at each of ``run [n]``, in nats."""
    said = [s.tail.surprise(average(run, s.windows, s.cap, s.usual)) for s in spans]
    return np.asarray(np.max(said, axis=0))


def hold(scores: Floats, count: int, of: int) -> Floats:
    """Return what ``count`` of the last ``of`` scores of a run reach, at each of ``[n]``.

    An alert that wants so many opens where this reaches the limit. Where fewer have come so far,
    the missing ones reach nothing, and the result is 0.
    """
    padded = np.concatenate([np.zeros(of - 1), scores])
    ranked = np.sort(np.lib.stride_tricks.sliding_window_view(padded, of), axis=1)
    return np.asarray(ranked[:, of - count])


def calibrate(
    scores: Sequence[Floats],
    spans: tuple[Span, ...],
    policy: CalibrationPolicy | None = None,
    stride: int = 1,
    assets: Sequence[str] = (),
) -> Calibration:
    """Return the calibration by normal windows.

    Args:
        scores: In nats, one array a run of consecutive windows of one asset, oldest first.
        spans: What the scores were made by.
        policy: What is asked of the calibration.
        stride: Steps between two windows.
        assets: Whose each run is, to find limits of their own; nobody's, if empty.

    Returns:
        The limit that alerts open at for a share of ``budget`` of the windows: the quantile where
        at least ten lie above it, else the quantile of a tail fitted to the largest of them (peaks
        over threshold; Siffer et al. 2017). It stays between 2 and 4 times -log ``budget``, which
        is where it would be if windows were as independent and alike as they never are: conditions
        that were not met yet always surprise a little more, and where parts of the training data
        contradict one another, no limit is high enough for that and low enough for faults. Only
        where even half of the windows come near is it higher, at twice what they reach. It is the
        higher the less was seen, by a share of 600 / steps: what a few minutes were like says
        little of the next day. A rule that waits for long looks more than once, independently, and
        has bounds and doubt the smaller for it.

    Raises:
        ValueError: If there is no score, or one is not finite or negative.
    """
    policy = policy or CalibrationPolicy()
    if not any(len(run) for run in scores):
        raise ValueError("calibration: there is no held-out window; give more normal windows")
    if not all(np.isfinite(run).all() and (run >= 0).all() for run in scores):
        raise ValueError(
            "calibration: a score is not finite or negative; leave out windows without a score"
        )
    held = [hold(run, policy.open_count, policy.open_of) for run in scores]
    whole = np.concatenate(held)
    tail = _fit_tail(whole, policy)
    limit = tail.quantile(policy.budget)
    limit = max(limit, float(np.quantile(whole, 1 - policy.budget, method="higher")))  # as seen
    looks = _count_looks(policy, spans)
    least, most = (times * -log(policy.budget) / looks for times in (_LEAST_TIMES, _MOST_TIMES))
    most = max(most, _ABOVE_HALF * float(np.median(whole)))
    doubt = 1 + _PRIOR_STEPS / (stride * len(whole) * looks)
    bounded = min(max(limit, least), most)
    owners: dict[str, list[Floats]] = {}
    for name, run in zip(assets, held, strict=False):
        owners.setdefault(name, []).append(run)
    return Calibration(
        limit=doubt * bounded,
        spans=spans,
        method=tail.method,
        reason=f"{tail.reason}{_explain(limit, bounded, doubt)}",
        budget=policy.budget,
        samples=len(whole),
        threshold=tail.threshold,
        shape=tail.shape,
        scale=tail.scale,
        assets={name: _ratio(np.concatenate(own), whole, policy) for name, own in owners.items()},
    )


def _count_looks(policy: CalibrationPolicy, spans: Sequence[Span]) -> float:
    """Return how often a rule looks independently before it opens.

    A mean of span s forgets by a factor of e every (s + 1) / 2 windows, so a rule that waits for
    longer has seen something new meanwhile: exceeding k times is as rare as the budget at a k-th of
    the nats.
    """
    longest = max(span.windows for span in spans)
    return max(1.0, policy.open_count / ((longest + 1) / 2))


def _explain(found: float, bounded: float, doubt: float) -> str:
    """Return what was done to a limit after it was found."""
    moved = ""
    if bounded != found:
        moved = f"; {'raised' if bounded > found else 'lowered'} from {found:.3g} to {bounded:.3g}"
    return f"{moved}; {doubt - 1:.0%} more for how little was seen"


def _ratio(own: Floats, whole: Floats, policy: CalibrationPolicy) -> float:
    """Return an asset's limit in limits of its profile.

    Both are read off an exponential tail over the same threshold. Of the asset's tail two things
    are not known, how often it gets there and how far: for both the profile's are the prior, worth
    `_PRIOR_EXCESSES` excesses (a gamma prior of the mean excess, a beta prior of the share). An
    asset of which little was seen has its profile's limit, and one of which much was seen its own.
    """
    threshold = float(np.quantile(whole, 1 - policy.tail_share))
    excesses = whole[whole > threshold] - threshold
    if not excesses.size or threshold <= 0:
        return 1.0
    mean, share = float(excesses.mean()), len(excesses) / len(whole)
    above = own[own > threshold] - threshold
    own_mean = (_PRIOR_EXCESSES * mean + above.sum()) / (_PRIOR_EXCESSES + len(above))
    own_share = (_PRIOR_EXCESSES + len(above)) / (_PRIOR_EXCESSES / share + len(own))
    reach = threshold + mean * max(log(share / policy.budget), 0)
    own_reach = threshold + own_mean * max(log(own_share / policy.budget), 0)
    return float(min(max(own_reach / reach, 1 / _MOST_APART), _MOST_APART))


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


def find_tail_share(samples: int, policy: CalibrationPolicy) -> float:
    """Return the share of so many windows that a tail is fitted to: more where they are few."""
    return max(policy.tail_share, min(0.5, _LEAST_EXCESSES / samples), policy.budget)


def _fit_tail(errors: Floats, policy: CalibrationPolicy) -> _Tail:
    """Return the tail of ``errors [n]``, by the most demanding method that they can carry."""
    n = len(errors)
    if n * policy.budget >= _ENOUGH_ABOVE:
        limit = float(np.quantile(errors, 1 - policy.budget, method="higher"))
        return _Tail(Method.QUANTILE, f"{n} windows are enough", limit, policy.budget)
    share = find_tail_share(n, policy)
    threshold = float(np.quantile(errors, 1 - share))
    excesses = np.sort(errors[errors > threshold] - threshold)
    if len(excesses) < _LEAST_EXCESSES:
        # the errors' own mean is a wide tail on purpose: little is known
        reason = f"only {len(excesses)} of {n} windows stand out: a tail as wide as their mean"
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
