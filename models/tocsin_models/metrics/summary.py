"""The measures that every report has, of one series."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from tocsin_models.metrics.events import EventPolicy, tally_rows
from tocsin_models.metrics.ranking import auc_pr
from tocsin_models.metrics.rows import as_flags, as_scores, check_lengths, count_rows, ratio
from tocsin_models.metrics.volume import vus_pr


@dataclass(frozen=True, slots=True)
class MeasurePolicy:
    """How a series is measured.

    ``period_s`` is the time between rows; None where nobody knows, and then what is measured in
    seconds and days is NaN. ``vus_window`` is what the function of that name finds in the series;
    125 is its answer for one without a period.
    """

    period_s: float | None = None
    vus_window: int = 125
    events: EventPolicy = field(default_factory=EventPolicy)

    def __post_init__(self) -> None:
        if self.period_s is not None and not 0 < self.period_s < float("inf"):
            raise ValueError("measures: choose a period above 0 s, or None")


@dataclass(frozen=True, slots=True)
class Measures:
    """What a detector is worth on one series; NaN is "cannot be said", never a bad or good value.

    Without abnormal rows everything is NaN but the false alarms and the share unknown, and with
    abnormal rows only, ``vus_pr``, ``auc_pr`` and ``false_alarm_rate`` are.
    """

    vus_pr: float
    auc_pr: float
    event_f1: float
    event_precision: float  # NaN also without any alarm
    event_recall: float
    delay_s: float  # median over events found; NaN also if none is
    false_alarms_per_day: float  # alarms that found no event, per day of the series
    false_alarm_rate: float  # share of normal rows in alarm
    unknown: float  # share of rows without a score


def measure(
    label: ArrayLike, score: ArrayLike, alarm: ArrayLike, policy: MeasurePolicy | None = None
) -> Measures:
    """Return the measures of one series.

    Args:
        label: Whether each row is abnormal, ``[n]``.
        score: High means abnormal, ``[n]``; NaN is unknown and ranks lowest.
        alarm: Whether each row is in alarm, ``[n]``, at the limit that is shipped. Unknown scores
            must not have raised it (``raise_alarms``).
        policy: How to measure.

    Raises:
        ValueError: If they have not as many rows, or labels and alarms are no flags.
    """
    policy = policy or MeasurePolicy()
    labels, alarms = as_flags("label", label), as_flags("alarm", alarm)
    check_lengths(label=labels, score=as_scores(score), alarm=alarms)
    tally = tally_rows(labels, alarms, policy.events)
    period_s = float("nan") if policy.period_s is None else policy.period_s
    return Measures(
        vus_pr=vus_pr(labels, score, policy.vus_window),
        auc_pr=auc_pr(labels, score),
        event_f1=tally.f1,
        event_precision=tally.precision,
        event_recall=tally.recall,
        delay_s=tally.median_delay * period_s,
        false_alarms_per_day=tally.false_alarms_per_day(len(labels) * period_s),
        false_alarm_rate=count_rows(labels, alarms).false_alarm_rate,
        unknown=ratio(int(np.isnan(np.asarray(score, np.float64)).sum()), len(labels)),
    )
