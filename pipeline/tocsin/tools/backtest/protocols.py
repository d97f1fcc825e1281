"""What an outcome is worth by the protocol of its set.

Every measure is of the rows that the set measures, at the limit that is shipped. SKAB has its
leaderboard's figures beside them; for these the limit is found by one rule for all entrants.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isnan

import numpy as np

from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.series import Outcome
from tocsin.tools.backtest.sets import Entry
from tocsin_models.arrays import Flags, Floats
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
class OfficialPolicy:
    """The limit by which SKAB's rule judges windows: ``factor`` times a quantile.

    Both are those of the leaderboard's best entry. The quantile is that of the errors of all
    windows in the training rows, on the entrant's own scale.
    """

    quantile: float = 0.999
    factor: float = 4 / 3


@dataclass(frozen=True, slots=True)
class Worth:
    """What an outcome is worth: figures of its series, and counts that can be pooled."""

    measures: Mapping[str, float | None]  # those of the set; None is "cannot be said"
    official: RowCounts | None  # None: the set has no such rule
    causal: RowCounts
    events: EventTally
    unknown: float  # share of rows without a score


def weigh(entry: Entry, outcome: Outcome, official: OfficialPolicy = OfficialPolicy()) -> Worth:
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
        by_rule = count_rows(label, flag_by_rule(entry, outcome, official))
    said = asdict(found) | ratios("causal", causal) | ratios("official", by_rule)
    measures = {name: _sayable(said[name]) for name in MEASURES if name in said}
    events = replace(tally_rows(label, alarm), delays=())  # of other series they are other times
    return Worth(measures, by_rule, causal, events, found.unknown)


def ratios(kind: str, counts: RowCounts | None) -> dict[str, float]:
    """Return the measures that row counts of a kind give, none without counts."""
    if counts is None:
        return {}
    return {f"f1_{kind}": counts.f1, f"far_{kind}": counts.false_alarm_rate}


def flag_by_rule(entry: Entry, outcome: Outcome, policy: OfficialPolicy) -> Flags:
    """Return the measured rows ``[m]`` that SKAB's rule flags; it looks ahead.

    An entrant that judges rows and not windows has no use for the rule, on the leaderboard either:
    its own alarms stand.
    """
    if outcome.bundle is None or outcome.error is None:
        return outcome.alarm[entry.first_row :]
    learned, judged = outcome.error[: entry.series.train_rows], outcome.error[entry.first_row :]
    return flag_windows(learned, judged, outcome.bundle.length, policy)


def flag_windows(learned: Floats, judged: Floats, length: int, policy: OfficialPolicy) -> Flags:
    """Return the rows ``[m]`` that SKAB's rule flags.

    Args:
        learned: Error of the window that ends with each row to learn from, ``[n]``; NaN where
            there is none. They are from before any smoothing.
        judged: The same of the rows that are measured, ``[m]``. Windows that reach back to rows
            before these do not count.
        length: Rows of a window.
        policy: How the limit comes from ``learned``.
    """
    known = learned[~np.isnan(learned)]
    if not known.size or len(judged) < length:
        return np.zeros(len(judged), np.bool_)
    limit = policy.factor * float(np.quantile(known, policy.quantile))
    return flag_officially(judged[length - 1 :], limit, length)


def _sayable(value: float) -> float | None:
    return None if isnan(value) else value


def _policy(entry: Entry) -> MeasurePolicy:
    series = entry.series
    period_s = series.period_ns / SECOND_NS if series.timed else None
    window = entry.vus_window
    if window is None:
        window = vus_window(np.nan_to_num(series.values[entry.first_row :, 0]))
    return MeasurePolicy(period_s=period_s, vus_window=window)
