"""The entrants side by side: every measure, its mean over series and seeds, how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.tools.backtest.series import Outcome
from tocsin.tools.backtest.trial import Figure, Trial, compare

_DAYS = 7

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Column:
    """A measure in the table.

    Attributes:
        key: what it is called in what was found.
        title: in words for a person.
        term: as papers call it.
        kind: how its numbers are written: plain, percent, seconds or count.
        better: 1 where more is better, -1 where less is, 0 where neither is.
        times: what its numbers are multiplied by.
    """

    key: str
    title: str
    term: str
    kind: str
    better: int
    times: int = 1


_UNKNOWN = _Column("unknown", "Rows without a score", "unknown", "percent", 0)
_LABELLED = (
    _Column("event_recall", "Events found", "event recall", "percent", 1),
    _Column("event_precision", "Alarms that were right", "event precision", "percent", 1),
    _Column("event_f1", "Both in one", "event F1", "plain", 1),
    _Column("delay_s", "Median delay", "of events found", "seconds", -1),
    _Column("false_alarms_per_day", "False alarms a week", "met no event", "count", -1, _DAYS),
    _Column("false_alarm_rate", "Normal rows in alarm", "false alarm rate", "percent", -1),
    _Column("vus_pr", "Ranks faults on top", "VUS-PR", "plain", 1),
    _Column("auc_pr", "The same, row by row", "AUC-PR", "plain", 1),
    _UNKNOWN,
)
_UNLABELLED = (
    _Column("alarms_per_day", "Alarms a week", "of any kind", "count", 0, _DAYS),
    _Column("in_alarm", "Time in alarm", "share of rows", "percent", 0),
    _UNKNOWN,
)


def make_table(trials: Sequence[Trial]) -> Json:
    """Return the table: measures against labels if any series has them, else what needs none."""
    labelled = sum(trial.series.label is not None for trial in trials)
    columns = [each for each in (_LABELLED if labelled else _UNLABELLED) if _is_known(each, trials)]
    rows = [
        {
            "name": name,
            "mute": _always_rings(name, trials),
            "ahead": any(outcome.looks_ahead for outcome in _runs_of(name, trials)),
            "cells": [_cell(column, figures.get(column.key)) for column in columns],
        }
        for name, figures in compare(trials).items()
    ]
    _mark_best(columns, rows)
    return {
        "columns": [{"title": c.title, "term": c.term, "kind": c.kind} for c in columns],
        "rows": rows,
        "series": len(trials),
        "labelled": labelled,
        "seeds": max(len(runs) for trial in trials for runs in trial.outcomes.values()),
    }


def _is_known(column: _Column, trials: Sequence[Trial]) -> bool:
    """Return whether a measure can be said at all: without times there are no weeks."""
    in_time = column.kind == "seconds" or column.times == _DAYS
    return not in_time or any(trial.series.timed for trial in trials)


def _cell(column: _Column, figure: Figure | None) -> Json:
    if figure is None:
        return {"mean": np.nan, "se": np.nan, "best": False}
    return {"mean": figure.mean * column.times, "se": figure.se * column.times, "best": False}


def _always_rings(name: str, trials: Sequence[Trial]) -> bool:
    """Return whether an entrant is in alarm from the first to the last row, and so says nothing."""
    return all(outcome.alarm.all() for outcome in _runs_of(name, trials))


def _runs_of(name: str, trials: Sequence[Trial]) -> list[Outcome]:
    return [outcome for trial in trials for outcome in trial.outcomes.get(name, ())]


def _mark_best(columns: Sequence[_Column], rows: Sequence[Mapping[str, Any]]) -> None:
    """Mark the best of each measure among those that say something, and said it in time."""
    for at, column in enumerate(columns):
        cells = [row["cells"][at] for row in rows if not (row["mute"] or row["ahead"])]
        means = np.array([cell["mean"] for cell in cells]) * column.better
        top = np.nanmax(means, initial=-np.inf)
        best = means == top
        if not column.better or best.all():  # a race that all have won has no winner
            continue
        if column.better > 0 and top <= 0:  # nor has one in which nobody got anywhere
            continue
        for cell, won in zip(cells, best.tolist(), strict=True):
            cell["best"] = won
