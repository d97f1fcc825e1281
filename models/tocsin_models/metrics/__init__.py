"""What a detector is worth: labels, scores and alarms in, numbers out.

Rows are moments in order; labels say which are abnormal, scores are high for abnormal, and NaN in
a result always means that it cannot be said. ``docs/metrics.md`` tells what each measure means, and
when it misleads.
"""

from tocsin_models.metrics.adjusted import f1_adjusted, f1_adjusted_area
from tocsin_models.metrics.affiliation import Affiliation, score_affiliation
from tocsin_models.metrics.events import EventPolicy, EventTally, tally_events, tally_rows
from tocsin_models.metrics.intervals import Intervals, find_runs, mark_rows
from tocsin_models.metrics.nab import (
    LOW_FALSE_ALARMS,
    LOW_MISSES,
    STANDARD,
    NabProfile,
    NabTally,
    tally_nab,
)
from tocsin_models.metrics.ranking import auc_pr, auc_roc
from tocsin_models.metrics.rows import RowCounts, count_rows, raise_alarms
from tocsin_models.metrics.skab import (
    change_windows,
    find_changes,
    flag_causally,
    flag_officially,
    tally_changes,
)
from tocsin_models.metrics.summary import MeasurePolicy, Measures, measure
from tocsin_models.metrics.volume import Volumes, vus, vus_pr, vus_roc, vus_window

__all__ = [
    "LOW_FALSE_ALARMS",
    "LOW_MISSES",
    "STANDARD",
    "Affiliation",
    "EventPolicy",
    "EventTally",
    "Intervals",
    "MeasurePolicy",
    "Measures",
    "NabProfile",
    "NabTally",
    "RowCounts",
    "Volumes",
    "auc_pr",
    "auc_roc",
    "change_windows",
    "count_rows",
    "f1_adjusted",
    "f1_adjusted_area",
    "find_changes",
    "find_runs",
    "flag_causally",
    "flag_officially",
    "mark_rows",
    "measure",
    "raise_alarms",
    "score_affiliation",
    "tally_changes",
    "tally_events",
    "tally_nab",
    "tally_rows",
    "vus",
    "vus_pr",
    "vus_roc",
    "vus_window",
]
