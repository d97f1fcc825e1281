"""What rang, what it met, and what was missed, as a list for a person."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.tools.backtest.blame import find_blamed, find_peaks
from tocsin.tools.backtest.report.thinning import round_off
from tocsin.tools.backtest.series import Outcome, Series
from tocsin_models.arrays import Flags, Indices
from tocsin_models.metrics import find_runs

_NAMED = 3  # channels that an incident names

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Meeting:
    """Events and alarms, and which met which.

    Attributes:
        events: rows [E, 2].
        alarms: rows [A, 2].
        event_of: for each alarm the first event that it overlaps, or -1 [A].
        finder_of: for each event the first alarm that overlaps it, or -1 [E].
    """

    events: Indices
    alarms: Indices
    event_of: Indices
    finder_of: Indices


def meet(label: Flags | None, alarm: Flags) -> Meeting:
    """Return what met what in rows [N]; without labels there are no events."""
    events, alarms = find_runs([] if label is None else label), find_runs(alarm)
    return Meeting(events, alarms, _first_met(alarms, events), _first_met(events, alarms))


def _first_met(ours: Indices, theirs: Indices) -> Indices:
    """Return for each of ``ours`` the first of ``theirs`` that it overlaps, or -1."""
    first = np.searchsorted(theirs[:, 1], ours[:, 0], side="right")
    past = np.searchsorted(theirs[:, 0], ours[:, 1], side="left")
    return np.where(past > first, first, -1).astype(np.int64)


def list_incidents(series: Series, outcome: Outcome, most: int) -> Json:
    """Return the alarms and the events that were missed, in order of time, and what is left out.

    Of more than ``most`` those are left out that had the lowest score, and misses last of all.
    """
    met = meet(series.label, outcome.alarm)
    misses = np.flatnonzero(met.finder_of < 0)
    peaks = np.append(find_peaks(outcome, met.alarms), find_peaks(outcome, met.events[misses]))
    missed = np.arange(len(peaks)) >= len(met.alarms)
    kept = np.sort(np.lexsort((-peaks, ~missed))[:most]).tolist()
    alarms = [_alarm(outcome, met, at) for at in kept if not missed[at]]
    lost = [_miss(outcome, met, int(misses[at - len(met.alarms)])) for at in kept if missed[at]]
    shown = sorted(alarms + lost, key=lambda each: (each["begin"], each["event"] or 0))
    return {"shown": shown, "left_out": len(peaks) - len(shown)}


def _alarm(outcome: Outcome, met: Meeting, at: int) -> Json:
    begin, event = int(met.alarms[at, 0]), int(met.event_of[at])
    known = event >= 0
    first = known and int(met.finder_of[event]) == at
    return {
        **_describe(outcome, met.alarms[at]),
        "event": event if known else None,
        "finds": first,
        "delay": max(begin, int(met.events[event, 0])) if first else None,  # the row of the finding
    }


def _miss(outcome: Outcome, met: Meeting, at: int) -> Json:
    return {**_describe(outcome, met.events[at]), "event": at, "finds": None, "delay": None}


def _describe(outcome: Outcome, interval: Indices) -> Json:
    begin, end = interval.tolist()
    (peak,) = find_peaks(outcome, interval[None])
    return {
        "begin": begin,
        "end": end,
        "score": None if np.isneginf(peak) else float(round_off(peak)),
        "channels": find_blamed(outcome, begin, end)[:_NAMED],
    }
