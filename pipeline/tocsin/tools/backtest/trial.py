"""What entrants said of a series, and how they compare over many series and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isinf

import numpy as np

from tocsin.core.profile import SECOND_NS
from tocsin.core.records import Rule, State, Transition
from tocsin.tools.backtest.blame import find_blamed, find_peaks
from tocsin.tools.backtest.series import Outcome, Series
from tocsin_models.arrays import Floats
from tocsin_models.metrics import MeasurePolicy, find_runs, measure, vus_window

_DAY_S = 86_400
_NAN = float("nan")

Measured = Mapping[str, float]
"""Measure -> value, of one entrant, series and seed; NaN is "cannot be said"."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What each entrant said of one series, once for each seed."""

    series: Series
    outcomes: Mapping[str, Sequence[Outcome]]
    refusals: Mapping[str, str] = field(default_factory=dict)  # entrant -> why it said nothing


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of one entrant; a series of which it cannot be said is not among ``series``.

    ``mean`` is that over series, each of them the mean over its seeds. ``se`` is the standard error
    of that; of a single series it is the one over seeds, and NaN where there is one of each.
    """

    mean: float
    se: float
    series: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that stood at some row behind those that were learned from."""

    opened_row: int  # the first at which it stood
    closed_row: int | None  # the first at which it no longer did; None: it stands at the end
    score: float | None  # the highest of its rows; None where none has a score
    channels: Sequence[tuple[str, float]]  # most blamed in its rows first, with their share
    last: Transition  # its last step, which of one that still stands may be its first


def judged_rows(series: Series) -> slice:
    """Return the rows that are measured: those behind the ones that were learned from."""
    return slice(series.train_rows, None)


def measure_outcome(series: Series, outcome: Outcome) -> Measured:
    """Return what an outcome is worth on the rows that nobody learned from.

    Always: ``alarms_per_day``, ``in_alarm`` and ``unknown`` (shares of rows), ``fit_s``,
    ``judge_s``. With labels also all of `tocsin_models.metrics.Measures`. What is counted in
    seconds and days is NaN where the times are made up.
    """
    rows = judged_rows(series)
    score, alarm = outcome.score[rows], outcome.alarm[rows]
    period_s = series.period_ns / SECOND_NS if series.timed else None
    days = len(alarm) * (period_s or _NAN) / _DAY_S
    found = {
        "alarms_per_day": len(find_runs(alarm)) / days if len(alarm) else _NAN,
        "in_alarm": float(alarm.mean()) if len(alarm) else _NAN,
        "unknown": float(np.isnan(score).mean()) if len(alarm) else _NAN,
        "fit_s": outcome.fit_s,
        "judge_s": outcome.judge_s,
    }
    if series.label is None or not len(alarm):
        return found
    policy = MeasurePolicy(period_s, vus_window(series.values[:, 0]))
    return {**asdict(measure(series.label[rows], score, alarm, policy)), **found}


def list_alerts(series: Series, outcome: Outcome) -> list[Alert]:
    """Return what a model of ours rang about behind the rows it learned from, oldest first."""
    own = [step for step in outcome.steps if step.rule is Rule.ANOMALY]
    last = {step.id: step for step in own}  # the later one stays
    ends_ns = (series.time_ns // series.period_ns + 1) * series.period_ns
    alerts = []
    for step in last.values():
        opened = int(np.searchsorted(ends_ns, step.opened_ns))
        closed = None
        if step.state is State.RESOLVED:
            closed = int(np.searchsorted(ends_ns, step.at_ns))
        if closed is None or closed > series.train_rows:
            score, channels = _describe(series, outcome, opened, closed)
            alerts.append(Alert(opened, closed, score, channels, step))
    return alerts


def _describe(
    series: Series, outcome: Outcome, begin: int, closed: int | None
) -> tuple[float | None, Sequence[tuple[str, float]]]:
    """Return the highest score of an alert's rows, and who is to blame; a hole has no rows."""
    end = len(series.values) if closed is None else closed
    if end <= begin:
        return None, ()
    (peak,) = find_peaks(outcome, np.array([[begin, end]])).tolist()
    blamed = find_blamed(outcome, begin, end)
    return None if isinf(peak) else peak, [(series.channels[at], share) for at, share in blamed]


def compare(trials: Sequence[Trial]) -> Mapping[str, Mapping[str, Figure]]:
    """Return the figures of each entrant: entrant -> measure -> figure.

    Entrants and measures come in the order in which they first come up.
    """
    found: dict[str, dict[str, dict[str, Floats]]] = {}
    for trial in trials:
        for name, outcomes in trial.outcomes.items():
            runs = [measure_outcome(trial.series, outcome) for outcome in outcomes]
            for key in runs[0] if runs else ():
                values = np.array([run[key] for run in runs])
                found.setdefault(name, {}).setdefault(key, {})[trial.series.name] = values
    return {
        name: {key: _sum_up(values) for key, values in measures.items()}
        for name, measures in found.items()
    }


def _sum_up(values: Mapping[str, Floats]) -> Figure:
    """Return the figure of one value a seed for each series; NaN is left out."""
    known = {name: seeds[~np.isnan(seeds)] for name, seeds in values.items()}
    means = {name: float(seeds.mean()) for name, seeds in known.items() if len(seeds)}
    if not means:
        return Figure(_NAN, _NAN, {})
    spread = np.array([*means.values()])
    mean = float(spread.mean())
    if len(means) == 1:
        spread = known[next(iter(means))]
    several = len(spread) > 1
    se = float(spread.std(ddof=1) / np.sqrt(len(spread))) if several else _NAN
    return Figure(mean, se, means)
