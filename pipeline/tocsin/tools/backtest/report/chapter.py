"""One series as the report's page gets it: what was measured, what each entrant said, and why.

A chapter has a number of bytes to keep to. Short recordings are in it whole; of long ones the rows
that stand out are, and only the alarms and the levels of the scores are kept of every row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.report.incidents import list_incidents, meet
from tocsin.tools.backtest.report.latent import show_latent
from tocsin.tools.backtest.report.levels import Grid, find_levels, find_rule, write_levels
from tocsin.tools.backtest.report.tail import show_tail
from tocsin.tools.backtest.report.thinning import bucket_edges, choose_rows, highest, round_off
from tocsin.tools.backtest.series import Outcome, Series
from tocsin.tools.backtest.trial import Trial, judged_rows
from tocsin_models.arrays import Flags, Indices
from tocsin_models.metrics import find_runs

_MOST_CHANNELS = 40
_POINTS = (240, 20_000)  # of a line: at least and at most
_COLUMNS = (60, 480)  # of a heat map
_INCIDENTS = (20, 200)  # in a list
_NUMBER_BYTES, _PLACE_BYTES, _SHARE_BYTES = 8, 6, 4  # as they are written, with their comma
_INCIDENT_BYTES, _LEVEL_BYTES = 150, 4 / 3
_OTHER_BYTES = 12_000  # that an entrant takes for its map, its tail and its facts
_MOST_BLAME = 9.99
_LEAST_SCORE, _MOST_SCORE = 0.01, 1e4  # that are told apart in the picture

Json = dict[str, Any]
Said = Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What there is room for.

    Attributes:
        points: rows of a line that is drawn.
        columns: of a heat map.
        levelled: how many entrants have the levels of all their rows, the first ones first.
        incidents: that are listed of an entrant.
    """

    points: int
    columns: int
    levelled: int
    incidents: int


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """What all that is written of a series has in common."""

    series: Series
    slots: Indices  # of each row on the grid in time, from 0 on [N]
    channels: Indices  # that are shown
    plan: _Plan
    grid: Grid


def write_chapter(trial: Trial, grid: Grid, most_bytes: int) -> Json:
    """Return what the page shows of a series: of each entrant that which its first seed said."""
    series = trial.series
    said = {name: runs[0] for name, runs in trial.outcomes.items() if runs}
    channels = _choose_channels(series, said)
    plan = _plan(series, said, len(channels), most_bytes)
    slots = series.time_ns // series.period_ns
    frame = _Frame(series, slots - slots[0], channels, plan, grid)
    return {
        "name": series.name,
        "channels": [series.channels[at] for at in channels],
        "all_channels": series.channels,
        "rows": len(series.values),
        "train": series.train_rows,
        "judged": judged_rows(series).start,
        "timed": series.timed,
        "begin_ms": int(slots[0]) * series.period_ns / 1e6,
        "period_ms": series.period_ns / 1e6,
        "runs": _write_slots(frame.slots),
        "events": None if series.label is None else find_runs(series.label),
        "refusals": trial.refusals,
        "thinned": len(series.values) > plan.points,
        "signals": [_write_signal(frame, said, at) for at in channels.tolist()],
        "said": {
            name: _write_said(frame, outcome) | {"try": _write_levels(frame, outcome, at)}
            for at, (name, outcome) in enumerate(said.items())
        },
    }


def _choose_channels(series: Series, said: Said) -> Indices:
    """Return the channels that are shown: all, or the most blamed of too many, in their order."""
    weight = np.zeros(len(series.channels))
    for outcome in said.values():
        if outcome.blame is not None:
            blamed = np.nan_to_num(outcome.blame[outcome.score >= 1.0].astype(np.float64))
            weight += blamed.sum(axis=0) / max(1, len(blamed))
    return np.sort(np.argsort(-weight, kind="stable")[:_MOST_CHANNELS])


def _plan(series: Series, said: Said, channels: int, most_bytes: int) -> _Plan:
    rows = len(series.values)
    models = sum(outcome.expected is not None for outcome in said.values())
    blamers = sum(outcome.blame is not None for outcome in said.values())
    incidents = int(np.clip(most_bytes / 8 / len(said) / _INCIDENT_BYTES, *_INCIDENTS))
    lists = len(said) * (incidents * _INCIDENT_BYTES + _OTHER_BYTES)
    levelled = min(len(said), int(max(most_bytes - lists, 0) / 2 / (rows * _LEVEL_BYTES)))
    left = most_bytes - lists - levelled * rows * _LEVEL_BYTES
    column_bytes = max(1, blamers * channels * _SHARE_BYTES)
    columns = int(np.clip(left / 4 / column_bytes, *_COLUMNS))
    point_bytes = channels * (_PLACE_BYTES + _NUMBER_BYTES * (1 + models))
    point_bytes += len(said) * (_PLACE_BYTES + _NUMBER_BYTES)
    points = (left - columns * column_bytes) / point_bytes
    return _Plan(int(np.clip(points, *_POINTS)), columns, levelled, incidents)


def _write_slots(slots: Indices) -> Sequence[tuple[int, int]]:
    """Return row and slot at the begin of every run of rows without a hole."""
    starts = np.flatnonzero(np.diff(slots, prepend=-2) != 1)
    return list(zip(starts.tolist(), slots[starts].tolist(), strict=True))


def _write_signal(frame: _Frame, said: Said, channel: int) -> Json:
    """Return what was measured of a channel, and what each model expected in the same rows."""
    measured = frame.series.values[:, channel]
    expected = {
        name: outcome.expected[:, channel].astype(np.float64)
        for name, outcome in said.items()
        if outcome.expected is not None
    }
    gaps = [measured - each for each in list(expected.values())[:1]]
    rows = choose_rows(frame.plan.points, measured, *gaps)
    return {
        "at": _places(rows, frame),
        "measured": round_off(measured[rows]),
        "expected": {name: round_off(each[rows]) for name, each in expected.items()},
    }


def _places(rows: Indices, frame: _Frame) -> Indices | None:
    """Return rows, or None where that is all of them."""
    return None if len(rows) == len(frame.slots) else rows


def _write_said(frame: _Frame, outcome: Outcome) -> Json:
    rows = choose_rows(frame.plan.points, outcome.score)
    score = np.clip(outcome.score[rows], _LEAST_SCORE, _MOST_SCORE)
    return {
        "score": {"at": _places(rows, frame), "values": round_off(score, 4)},
        "alarms": find_runs(outcome.alarm),
        "tally": _write_tally(frame.series, outcome),
        "incidents": list_incidents(frame.series, outcome, frame.plan.incidents),
        "blame": _write_blame(frame, outcome),
        "latent": show_latent(frame.series, outcome),
        "tail": show_tail(frame.series, outcome),
        "ahead": outcome.looks_ahead,
        "facts": _facts(outcome),
    }


def _write_levels(frame: _Frame, outcome: Outcome, place: int) -> Json | None:
    """Return the levels of all rows, and the rule by which they make this outcome's alarms."""
    if place >= frame.plan.levelled:
        return None
    levels = find_levels(outcome.score, frame.grid)
    rule, apart = find_rule(levels, frame.slots, outcome.alarm, frame.grid)
    return {
        "levels": write_levels(levels),
        "rule": [rule.open_count, rule.open_of, rule.calm_count, rule.calm_steps],
        "apart": apart,
    }


def _write_blame(frame: _Frame, outcome: Outcome) -> Json | None:
    """Return each channel's part of a row's own error: 1 where it alone reaches the limit."""
    if outcome.blame is None:
        return None
    edges = bucket_edges(len(outcome.score), frame.plan.columns)
    heat = outcome.blame[:, frame.channels] * outcome.blamed[:, None]
    cells = np.minimum(highest(heat, edges), _MOST_BLAME).round(2)
    return {"edges": edges, "cells": cells.T}


def _write_tally(series: Series, outcome: Outcome) -> Json:
    """Return what came of the shipped limit in the rows that count; delays are in rows."""
    rows = judged_rows(series)
    alarm = outcome.alarm[rows]
    label = np.zeros_like(alarm) if series.label is None else series.label[rows]
    met = meet(label, alarm)
    found = met.finder_of >= 0
    late = met.alarms[met.finder_of[found], 0] - met.events[found, 0]
    return {
        "events": None if series.label is None else len(met.events),
        "hits": int(found.sum()),
        "stood": int((late < 0).sum()),
        "false": int((met.event_of < 0).sum()),
        "delay": float(np.median(np.maximum(late, 0))) if len(late) else np.nan,
        "alarms": len(met.alarms),
        "normal_rows": 0 if series.label is None else int((~label).sum()),
        "false_rows": 0 if series.label is None else int((alarm & ~label).sum()),
        "in_alarm": _share(alarm),
        "unknown": _share(np.isnan(outcome.score[rows])),
    }


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def _facts(outcome: Outcome) -> Json:
    bundle = outcome.bundle
    found: Json = {"fit_s": outcome.fit_s, "judge_s": outcome.judge_s, "model": None}
    if bundle is not None:
        found["model"] = {
            "version": bundle.version,
            "form": str(bundle.policy.form),
            "hidden": bundle.policy.hidden,
            "latent": bundle.policy.latent,
            "length": bundle.length,
            "seconds": bundle.length * bundle.period_ns / SECOND_NS,
        }
    return found
