"""A challenger for the champion: learned from older windows, judged on the newest ones."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from tocsin.core.gate import GatePolicy, judge, measure
from tocsin.core.profile import AlertPolicy
from tocsin.core.records import Floats, Verdict
from tocsin_models.bundle import Bundle, Facts
from tocsin_models.learning import Recipe, TrainingSet, train_bundle
from tocsin_models.training import Progress


@dataclass(frozen=True, slots=True)
class ChallengePolicy:
    """How a challenger is learned and judged; ``holdout`` is the share of the newest windows."""

    recipe: Recipe = field(default_factory=Recipe)
    gate: GatePolicy = field(default_factory=GatePolicy)
    holdout: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.holdout < 0.5:
            raise ValueError("retraining: choose a holdout above 0 and below 0.5")

    def for_alerts(self, alerts: AlertPolicy) -> "ChallengePolicy":
        """Return the same policy, with limits for alerts that open so."""
        return replace(self, recipe=recipe_for(self.recipe, alerts))


def recipe_for(recipe: Recipe, alerts: AlertPolicy) -> Recipe:
    """Return a recipe whose limits are found for alerts that open so."""
    limits = replace(recipe.calibration, open_count=alerts.open_count, open_of=alerts.open_of)
    return replace(recipe, calibration=limits)


@dataclass(frozen=True, slots=True, eq=False)
class Challenge:
    """A new model and what is to become of it."""

    bundle: Bundle
    verdict: Verdict


def challenge(
    windows: TrainingSet,
    champion: Bundle | None,
    policy: ChallengePolicy,
    facts: Facts,
    progress: Callable[[Progress], None] | None = None,
) -> Challenge:
    """Learn a model and judge it beside the champion, on windows that it did not learn from.

    Learning goes on from the champion, if it has the same form: what it knows need not be found
    again, and chance does not make the challenger the worse.

    Args:
        windows: windows that were judged normal.
        champion: what scores now, made for the same channels and grid.
        policy: how to learn and judge.
        facts: what else the bundle shall tell of itself.
        progress: told after every epoch, in this thread; what it raises ends the training.

    Raises:
        ValueError: if there are too few windows, or nothing was learned; says what to do.
    """
    learned, held_out = hold_out(windows, policy.holdout)
    bundle = train_bundle(learned, policy.recipe, facts, progress, champion)
    # one scaler for both, and not one that the challenger brings along if there is another
    scaler = (champion or bundle).scaler
    before = measure(champion, held_out, scaler) if champion else None
    return Challenge(bundle, judge(measure(bundle, held_out, scaler), before, policy.gate))


def hold_out(windows: TrainingSet, share: float) -> tuple[TrainingSet, Floats]:
    """Return what is left to learn from, and the newest ``share`` of windows ``[B, T, F]``.

    No step is in both: windows that reach over the cut are in neither.

    Raises:
        ValueError: if a part comes out empty.
    """
    count = round(len(windows.values) * share)
    start_ns = windows.end_ns - windows.length * windows.period_ns
    if count:
        cut_ns = np.sort(start_ns)[-count]
        older = windows.end_ns <= cut_ns
        if older.any():
            left = replace(
                windows,
                values=windows.values[older],
                end_ns=windows.end_ns[older],
                group=windows.group[older],
            )
            return left, windows.values[start_ns >= cut_ns]
    raise ValueError(
        f"training: {len(windows.values)} normal windows are too few to hold the newest out; "
        "record for longer"
    )
