"""Learning a whole bundle from a set of normal windows, and comparing bundles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import numpy as np
import torch

from tocsin_models.arrays import Flags, Floats, Indices, Times
from tocsin_models.bundle import Bundle, Facts, empty_probe, make_bundle
from tocsin_models.calibration import (
    Calibration,
    CalibrationPolicy,
    calibrate,
    fit_spans,
    weigh_run,
)
from tocsin_models.evidence import Evidence
from tocsin_models.identity import check_identity
from tocsin_models.inference import Model
from tocsin_models.networks import NetworkPolicy
from tocsin_models.residuals import Residuals, typical_errors, window_errors
from tocsin_models.scaling import RobustScaler, Scale
from tocsin_models.scoring import Crosswise, Scorer, ScoringPolicy, fit_scorer, judge_crosswise
from tocsin_models.senses import Aspect
from tocsin_models.sifting import sift
from tocsin_models.spans import choose_windows
from tocsin_models.training import Fitted, Progress, TrainingPolicy, check_pair, fit

_PROBE_ROWS = 16


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a bundle is learned.

    The network learns nothing from the newest ``unseen`` share of the windows, by which it is
    described; the ``later`` share before it stops the training, and the rest, ``least_windows`` or
    more, is learned from. What is normal, and the limit, are found on all of them.
    """

    network: NetworkPolicy = field(default_factory=NetworkPolicy)
    training: TrainingPolicy = field(default_factory=TrainingPolicy)
    scoring: ScoringPolicy = field(default_factory=ScoringPolicy)
    calibration: CalibrationPolicy = field(default_factory=CalibrationPolicy)
    scale: Scale = Scale.AUTO
    later: float = 0.15
    unseen: float = 0.2
    least_windows: int = 32

    def __post_init__(self) -> None:
        if not (self.later > 0 and self.unseen > 0 and self.later + self.unseen < 1):
            raise ValueError("recipe: later and unseen are shares that leave something to learn")
        check_pair(self.network, self.training)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """N normal windows of any number of assets, in any order."""

    values: Floats  # [N, T, F] engineering units, NaN where not measured
    end_ns: Times  # [N] end of each window, exclusive
    group: Indices  # [N] which asset it is of
    channels: tuple[str, ...]  # F names
    period_ns: int  # between two steps
    stride: int  # steps between two windows
    names: tuple[str, ...] = ()  # of the assets that ``group`` counts, if they may differ

    def __post_init__(self) -> None:
        rows = len(self.values)
        if self.values.ndim != 3 or self.values.shape[2] != len(self.channels):
            raise ValueError("training set: values must be [N, T, F] with F channels")
        if self.end_ns.shape != (rows,) or self.group.shape != (rows,):
            raise ValueError("training set: give one end and one group a window")

    @property
    def length(self) -> int:
        """Steps a window."""
        return int(self.values.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Indices into a training set; each part begins after the part before it has ended."""

    older: Indices
    later: Indices
    unseen: Indices


def split_by_time(windows: TrainingSet, recipe: Recipe) -> Split:
    """Cut a set in two places in time, the same for all assets.

    A window that reaches over a cut belongs to no part: its steps would otherwise be learned from
    and judged. Windows in which nothing was measured belong to no part either.

    Raises:
        ValueError: If fewer than ``recipe.least_windows`` are left to learn from, or fewer than a
            quarter of that in another part.
    """
    start_ns = windows.end_ns - windows.length * windows.period_ns
    left: Flags = np.any(~np.isnan(windows.values), axis=(1, 2))
    count = int(left.sum())
    unseen, left = _cut_newest(windows.end_ns, start_ns, left, round(count * recipe.unseen))
    later, older = _cut_newest(windows.end_ns, start_ns, left, round(count * recipe.later))
    parts = [np.flatnonzero(part) for part in (older, later, unseen)]
    sizes = [len(part) for part in parts]
    if sizes[0] < recipe.least_windows or min(sizes) < recipe.least_windows // 4:
        across = count - sum(sizes)  # reach over a cut, and would however many there were
        wanted = ceil((recipe.least_windows + across) / (1 - recipe.later - recipe.unseen))
        raise ValueError(
            f"training: {count} windows leave {sizes[0]} to learn from, {sizes[1]} to stop on and "
            f"{sizes[2]} to calibrate on, and about {wanted} are needed; record for longer, "
            "learn from more of what there is, or choose shorter windows"
        )
    return Split(*(part[np.argsort(windows.end_ns[part], kind="stable")] for part in parts))


def _cut_newest(end_ns: Times, start_ns: Times, among: Flags, count: int) -> tuple[Flags, Flags]:
    """Return the newest ``count`` windows (more at a tie), and those that end before they begin."""
    if not 0 < count <= among.sum():
        return np.zeros_like(among), among
    cut_ns = np.sort(start_ns[among])[-count]
    return among & (start_ns >= cut_ns), among & (end_ns <= cut_ns)


def train_bundle(
    windows: TrainingSet,
    recipe: Recipe | None = None,
    facts: Facts | None = None,
    progress: Callable[[Progress], None] | None = None,
    start: Bundle | None = None,
) -> Bundle:
    """Learn, calibrate and seal a bundle.

    Args:
        windows: Windows that were judged normal.
        recipe: How to learn.
        facts: Stands in the bundle's manifest beside what is found out here.
        progress: Told after every epoch.
        start: A model of the same form to go on from; one of another form is left aside.

    Raises:
        ValueError: If there are too few windows, or training found nothing; says what to do.
    """
    recipe = recipe or Recipe()
    split = split_by_time(windows, recipe)
    scaler = RobustScaler.fit(windows.values[split.older], recipe.scale)
    older, later = (scaler.scale(windows.values[part]) for part in (split.older, split.later))
    weights = start.weights if start and _is_alike(start, windows, recipe) else None
    fitted = fit(older, later, recipe.network, recipe.training, progress, weights)
    draft = _calibrate(windows, split, recipe, scaler, fitted)
    probe = windows.values[split.unseen[:: -(-len(split.unseen) // _PROBE_ROWS)]]
    return make_bundle(replace(draft, facts={**draft.facts, **(facts or {})}), probe)


def recalibrate(bundle: Bundle, windows: TrainingSet, policy: CalibrationPolicy) -> Calibration:
    """Return the calibration for another rule or budget, by what a bundle was learned from.

    Args:
        bundle: Stays as it is.
        windows: What it was learned from.
        policy: What is asked of the calibration.

    Raises:
        ValueError: If nothing was measured in the windows.
    """
    every = _find_known(windows)
    evidence = _sift(bundle.evidence(windows.values[every]), windows, every, bundle.scorer.policy)
    scorer, end_ns = bundle.scorer, windows.end_ns[every]
    crosswise = judge_crosswise(evidence, end_ns, scorer.stride, scorer.policy)
    return _find_limit(windows, every, evidence, scorer, crosswise, policy)


def _find_known(windows: TrainingSet) -> Indices:
    """Return the windows in which something was measured, in the order of time.

    What is normal, and the limit, are found on all of them: those that the network has seen in two
    parts of its training included.
    """
    known = np.flatnonzero(np.any(~np.isnan(windows.values), axis=(1, 2)))
    return known[np.argsort(windows.end_ns[known], kind="stable")]


def _sift(
    evidence: Evidence, windows: TrainingSet, every: Indices, policy: ScoringPolicy
) -> Evidence:
    """Return the evidence in windows ``every``, with those marked that lie apart."""
    if Aspect.BULK not in policy.aspects:
        return evidence
    half = windows.length // (2 * windows.stride)
    return sift(evidence, np.split(*_find_runs(windows, every)), half, policy.shrinkage)


def _is_alike(start: Bundle, windows: TrainingSet, recipe: Recipe) -> bool:
    """Return whether training can go on from this model's weights."""
    wanted = (recipe.network, windows.channels, windows.length)
    return (start.policy, start.channels, start.length) == wanted


def _calibrate(
    windows: TrainingSet, split: Split, recipe: Recipe, scaler: RobustScaler, fitted: Fitted
) -> Bundle:
    """Return a bundle that knows what is normal; it has no golden probe yet."""
    model, stride, policy = (
        Model(fitted.network, scaler, windows.length),
        windows.stride,
        recipe.scoring,
    )
    every = _find_known(windows)
    evidence = model.evidence(
        windows.values[every], stride + policy.lags, encode=Aspect.LATENT in policy.aspects
    )
    evidence = _sift(evidence, windows, every, policy)
    crosswise = judge_crosswise(evidence, windows.end_ns[every], stride, policy)
    scorer = fit_scorer(evidence, stride, policy).widened(crosswise.widths)
    unseen = evidence.take(np.flatnonzero(np.isin(every, split.unseen)))
    typical = typical_errors(Residuals(unseen.sums, unseen.counts))
    errors = window_errors(Residuals(unseen.sums, unseen.counts), typical)
    found = _describe(windows, split, recipe, fitted)
    return Bundle(
        channels=windows.channels,
        length=windows.length,
        period_ns=windows.period_ns,
        stride=stride,
        scaler=scaler,
        policy=recipe.network,
        weights={name: w.numpy() for name, w in fitted.network.state_dict().items()},
        typical=typical,
        scorer=scorer,
        calibration=_find_limit(windows, every, evidence, scorer, crosswise, recipe.calibration),
        facts={
            **found,
            **_describe_bottleneck(model, windows.values[split.unseen]),
            "holdout_error": float(errors.mean()),
            **_describe_apart(windows, every, evidence),
        },
        probe=empty_probe(windows.length, len(windows.channels)),
    )


def find_limit(
    evidence: Evidence,
    runs: Sequence[Indices],
    scorer: Scorer,
    crosswise: Crosswise,
    policy: CalibrationPolicy,
    assets: Sequence[str] = (),
) -> Calibration:
    """Return the calibration by what was normal.

    What is normal for an average is found on all of it, but what the policy takes for faults adds
    no more than its ``cap`` to any. The limit is found on surprises that are crosswise: each part
    in time is judged by a scorer that has not seen it.

    Args:
        evidence: Of N normal windows in the order of time, which the scorer was fitted on.
        runs: Which of them follow one another, oldest first, and are of one asset.
        scorer: What judges them.
        crosswise: How they are judged by what has not seen them.
        policy: What is asked of the calibration.
        assets: Whose each run is, to find limits of their own; nobody's, if empty.
    """
    scoring, stride = scorer.policy, scorer.stride
    own = scorer.surprise(evidence, own=True).nats
    if scoring.sifted:
        own = np.where(evidence.usual, own, np.minimum(own, scoring.cap))
    told = [run[~np.isnan(own[run])] for run in runs]  # of the others no aspect has an opinion
    said = [run for run in told if len(run)]
    whose = [name for name, run in zip(assets, told, strict=False) if len(run)]
    windows = choose_windows(scoring.spans, stride)
    spans = fit_spans(
        [own[run] for run in said], windows, scoring.cap, scoring.capped_from / stride
    )
    nats = crosswise.nats
    return calibrate([weigh_run(nats[run], spans) for run in said], spans, policy, stride, whose)


def _find_limit(
    windows: TrainingSet,
    every: Indices,
    evidence: Evidence,
    scorer: Scorer,
    crosswise: Crosswise,
    policy: CalibrationPolicy,
) -> Calibration:
    """Return the calibration by windows ``every`` and the evidence in them."""
    order, cuts = _find_runs(windows, every)
    runs = np.split(order, cuts)
    groups = [int(windows.group[every[run[0]]]) for run in runs]
    assets = [windows.names[group] for group in groups] if windows.names else []
    return find_limit(evidence, runs, scorer, crosswise, policy, assets)


def _describe(windows: TrainingSet, split: Split, recipe: Recipe, fitted: Fitted) -> Facts:
    """Return what the manifest says about a training."""
    used = np.concatenate([split.older, split.later, split.unseen])
    return {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch,
        "best_loss": fitted.history[-1].best_loss,
        "loss": recipe.training.loss.value,
        "seed": recipe.training.seed,
        "windows": len(windows.values),
        "windows_learned": len(split.older),
        "windows_stopping": len(split.later),
        "windows_calibrating": len(split.unseen),
        "first_end_ns": int(windows.end_ns[used].min()),
        "last_end_ns": int(windows.end_ns[used].max()),
        "torch": str(torch.__version__),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def _describe_apart(windows: TrainingSet, every: Indices, evidence: Evidence) -> Facts:
    """Return how many of the windows ``every`` lie apart, and when the longest run of them was."""
    apart = ~evidence.usual
    facts: dict[str, str | int] = {"windows_apart": int(apart.sum())}
    if not apart.any():
        return facts
    runs = np.split(*_find_runs(windows, every))
    pieces = [np.split(run, np.flatnonzero(np.diff(apart[run])) + 1) for run in runs]
    stretches = [piece for run in pieces for piece in run if apart[piece[0]]]
    longest = every[max(stretches, key=len)]
    if windows.names:
        facts["apart_asset"] = windows.names[windows.group[longest[0]]]
    first_ns, last_ns = (int(windows.end_ns[at]) for at in (longest[0], longest[-1]))
    step_ns = windows.stride * windows.period_ns
    return {**facts, "apart_from_ns": first_ns - step_ns, "apart_to_ns": last_ns}


def _describe_bottleneck(model: Model, values: Floats) -> Facts:
    """Return whether a model only copies windows ``[N, T, F]``; nothing where none moves."""
    try:
        found = check_identity(model, values)
    except ValueError:
        return {}
    return {"noise_lost": found.noise, "copies": int(found.copies)}


def _find_runs(windows: TrainingSet, part: Indices) -> tuple[Indices, Indices]:
    """Return the order in which windows ``part`` follow one another, and where runs are cut.

    A run is of consecutive windows of one asset.
    """
    group, end_ns = windows.group[part], windows.end_ns[part]
    order = np.lexsort((end_ns, group))
    step_ns = windows.stride * windows.period_ns
    broken = (np.diff(group[order]) != 0) | (np.diff(end_ns[order]) != step_ns)
    return order, np.flatnonzero(broken) + 1


def holdout_error(bundle: Bundle, values: Floats) -> float:
    """Return the mean error of windows ``[B, T, F]`` on the bundle's own scale.

    Windows in which nothing was measured are left out; NaN if none is left.
    """
    return _mean(bundle.errors(values))


def compare_error(bundle: Bundle, values: Floats, scaler: RobustScaler) -> float:
    """Return the mean squared error of windows ``[B, T, F]`` in spreads of ``scaler``.

    Two bundles' own errors cannot be compared, because each has its own scaler: give both the
    same one here. Each window counts alike, by the mean over its measured cells.
    """
    gaps = scaler.scale(values).astype(np.float64) - scaler.scale(bundle.reconstruct(values))
    squares, counts = np.nansum(gaps**2, axis=(1, 2)), (~np.isnan(gaps)).sum(axis=(1, 2))
    return _mean(np.divide(squares, counts, out=np.full(len(gaps), np.nan), where=counts > 0))


def _mean(errors: Floats) -> float:
    seen = errors[~np.isnan(errors)]
    return float(seen.mean()) if seen.size else np.nan
