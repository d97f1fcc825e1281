"""What an outcome is worth by the protocol of its set.

Every measure is of the rows that the set measures, at the limit that is shipped. SKAB has its
leaderboard's figures beside them, by a rule that looks ahead.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isnan

import numpy as np

from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.model import cut_lesson
from tocsin.tools.backtest.replay import profile_of
from tocsin.tools.backtest.series import Outcome, Series
from tocsin.tools.backtest.sets import Entry
from tocsin_models.arrays import Flags, Floats
from tocsin_models.bundle import Bundle
from tocsin_models.calibration import CalibrationPolicy
from tocsin_models.learning import recalibrate
from tocsin_models.metrics import (
    EventTally,
    MeasurePolicy,
    RowCounts,
    count_rows,
    flag_officially,
    measure,
    tally_rows,
    vus_window,
)

MEASURES = (
    "vus_pr",
    "auc_pr",
    "f1_official",
    "far_official",
    "f1_causal",
    "far_causal",
    "event_f1",
    "event_precision",
    "event_recall",
    "delay_s",
    "false_alarms_per_day",
)
"""All measures, in the order of the tables."""

OFFICIAL_SETS = ("skab",)
"""Sets with a leaderboard that looks ahead."""

POOLED = ("f1_official", "far_official", "f1_causal", "far_causal")
"""Measures of which a set's figure is that of the rows of all its series together."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What an outcome is worth: figures of its series, and counts that can be pooled."""

    measures: Mapping[str, float | None]  # those of the set; None is "cannot be said"
    official: RowCounts | None  # None: the set has no such rule
    causal: RowCounts
    events: EventTally
    unknown: float  # share of rows without a score


def weigh(entry: Entry, outcome: Outcome) -> Worth:
    """Return what an outcome is worth on its series.

    Raises:
        ValueError: If the series has no labels.
    """
    series, rows = entry.series, slice(entry.first_row, None)
    if series.label is None:
        raise ValueError(f"{series.name}: there are no labels to measure with")
    label, score, alarm = series.label[rows], outcome.score[rows], outcome.alarm[rows]
    found = measure(label, score, alarm, _policy(entry))
    causal = count_rows(label, alarm)
    by_rule = None
    if entry.set_name in OFFICIAL_SETS:
        by_rule = count_rows(label, flag_by_rule(entry, outcome))
    said = asdict(found) | ratios("causal", causal) | ratios("official", by_rule)
    measures = {name: _sayable(said[name]) for name in MEASURES if name in said}
    events = replace(tally_rows(label, alarm), delays=())  # of other series they are other times
    return Worth(measures, by_rule, causal, events, found.unknown)


def ratios(kind: str, counts: RowCounts | None) -> dict[str, float]:
    """Return the measures that row counts of a kind give, none without counts."""
    if counts is None:
        return {}
    return {f"f1_{kind}": counts.f1, f"far_{kind}": counts.false_alarm_rate}


def flag_by_rule(entry: Entry, outcome: Outcome) -> Flags:
    """Return the measured rows ``[m]`` that SKAB's rule flags; it looks ahead.

    The rule is for what judges windows, and takes those in the measured rows alone. What a score
    of ours judges is the window and the averages over those before it. The limit is found like the
    one that is shipped, and for the same budget, but for a rule that waits as long as this one. An
    entrant that judges rows has no use for it, on the leaderboard either: its own alarms stand.
    """
    bundle = outcome.bundle
    if bundle is None:
        return outcome.alarm[entry.first_row :]
    reach = bundle.length + max(span.windows for span in bundle.calibration.spans) - 1
    limit = find_rule_limit(entry.series, bundle, reach)
    return flag_windows(outcome.score[entry.first_row :], limit, reach)


def find_rule_limit(series: Series, bundle: Bundle, reach: int) -> float:
    """Return the limit for ``reach - 1`` windows in a row, in limits of those that are shipped."""
    lesson = cut_lesson(series, profile_of(series, bundle.length))
    policy = CalibrationPolicy(bundle.calibration.budget, reach - 1, reach - 1)
    return recalibrate(bundle, lesson, policy).limit / bundle.calibration.limit


def flag_windows(scores: Floats, limit: float, reach: int) -> Flags:
    """Return the rows ``[m]`` that SKAB's rule flags.

    Args:
        scores: Of the stretch that ends with each row, ``[m]``; NaN where there is none.
        limit: What all of them have to exceed.
        reach: Rows of such a stretch. Those that reach back to before the first row do not count.
    """
    if len(scores) < reach:
        return np.zeros(len(scores), np.bool_)
    return flag_officially(scores[reach - 1 :], limit, reach)


def _sayable(value: float) -> float | None:
    return None if isnan(value) else value


def _policy(entry: Entry) -> MeasurePolicy:
    series = entry.series
    period_s = series.period_ns / SECOND_NS if series.timed else None
    window = entry.vus_window
    if window is None:
        window = vus_window(np.nan_to_num(series.values[entry.first_row :, 0]))
    return MeasurePolicy(period_s=period_s, vus_window=window)
