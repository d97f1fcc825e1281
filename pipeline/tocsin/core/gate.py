"""Is the challenger good enough to take the champion's place? A verdict with its reasons."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from tocsin.core.records import Check, Floats, Verdict
from tocsin_models.bundle import Bundle
from tocsin_models.learning import compare_error
from tocsin_models.scaling import RobustScaler


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What a challenger is held to.

    Attributes:
        worse_by: share by which its holdout error may be above the champion's.
        negligible: holdout error, in squared spreads, below which two models are equally good.
    """

    worse_by: float = 0.10
    negligible: float = 1e-4

    def __post_init__(self) -> None:
        if not (self.worse_by >= 0 and self.negligible >= 0):
            raise ValueError("gate: worse_by and negligible must not be negative")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a verdict on a model rests on.

    Attributes:
        bad_weights: how many of its weights are not finite.
        bad_constants: how many numbers of its scaler and calibration are not finite.
        holdout_error: mean squared error on the held-out windows, in squared spreads of one
            scaler for all models that are compared.
        windows: how many held-out windows there are.
    """

    bad_weights: int
    bad_constants: int
    holdout_error: float
    windows: int


def measure(bundle: Bundle, held_out: Floats, scaler: RobustScaler) -> Figures:
    """Return the figures of ``bundle`` on windows ``[B, T, F]`` in engineering units."""
    calibration = bundle.calibration
    constants = (
        (bundle.scaler.centre, bundle.scaler.spread, bundle.typical),
        bundle.scorer.pack()[1].values(),
        (calibration.limit, calibration.threshold, calibration.shape, calibration.scale),
    )
    return Figures(
        sum(_count_bad(weight) for weight in bundle.weights.values()),
        sum(_count_bad(each) for group in constants for each in group),
        compare_error(bundle, held_out, scaler),
        len(held_out),
    )


def judge(challenger: Figures, champion: Figures | None, policy: GatePolicy) -> Verdict:
    """Return whether ``challenger`` may score, beside or without a champion so far."""
    checks = [
        _check_none_bad("weights", challenger.bad_weights),
        _check_none_bad("constants", challenger.bad_constants),
        _check_finite(challenger),
    ]
    if champion is not None:
        checks.append(_check_holdout(challenger, champion, policy))
    return Verdict(all(check.passed for check in checks), tuple(checks))


def _count_bad(numbers: ArrayLike) -> int:
    return int((~np.isfinite(np.asarray(numbers))).sum())


def _check_none_bad(name: str, count: int) -> Check:
    say = f"all {name} are finite" if not count else f"{count} {name} are not finite"
    return Check(name, not count, count, 0, f"{say}.".capitalize())


def _check_finite(challenger: Figures) -> Check:
    error = challenger.holdout_error
    passed = isfinite(error)
    where = f"On the {challenger.windows} newest windows, which it did not learn from,"
    say = f"the error is {error:.3g}" if passed else "it has no finite error"
    return Check("holdout", passed, error, np.inf, f"{where} {say}.")


def _check_holdout(challenger: Figures, champion: Figures, policy: GatePolicy) -> Check:
    error, before = challenger.holdout_error, champion.holdout_error
    name, allowed = "champion", f"up to {policy.worse_by:.0%} worse is accepted"
    if not isfinite(before):
        return Check(name, isfinite(error), error, np.inf, "The champion has no finite error.")
    bound = max(before * (1 + policy.worse_by), policy.negligible)
    if not isfinite(error):
        say = f"There is no finite error beside the champion's {before:.3g}; {allowed}."
        return Check(name, False, error, bound, say)  # noqa: FBT003
    gap = f" ({error / before - 1:+.1%})" if before else ""
    say = f"The error of {error:.3g} beside the champion's {before:.3g}{gap}; {allowed}."
    return Check(name, error <= bound, error, bound, say)
