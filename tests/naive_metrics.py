"""The measures written down as they are defined, row by row: slow, and plain enough to be read."""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from tocsin_models.arrays import Flags, Floats

Span = tuple[int, int]


def runs(rows: Sequence[bool]) -> list[Span]:
    """Return begin and end, not included, of every run of true rows."""
    found: list[Span] = []
    for row, on in enumerate(rows):
        if on and row and rows[row - 1]:
            found[-1] = (found[-1][0], row + 1)
        elif on:
            found.append((row, row + 1))
    return found


def volumes(label: Flags, score: Floats, window: int) -> tuple[float, float]:
    """Return both volumes under the surface."""
    areas = [_areas(label.tolist(), score, width) for width in range(window + 1)]
    return sum(pr for pr, _ in areas) / len(areas), sum(roc for _, roc in areas) / len(areas)


def _areas(label: list[bool], score: Floats, width: int) -> tuple[float, float]:
    n, half = len(label), width // 2
    events = runs(label)
    weight = [1.0 if on else 0.0 for on in label]
    for row in range(n):
        for begin, end in events:
            distance = begin - row if row < begin else row - (end - 1)
            if not label[row] and distance <= half:
                weight[row] += sqrt(1 - distance / width)
    weight = [min(each, 1.0) for each in weight]
    zones: list[set[int]] = []
    for begin, end in events:
        zone = set(range(begin - half, end + half))
        if zones and zones[-1] & zone:
            zones[-1] |= zone
        else:
            zones.append(zone)
    falling = sorted(score.tolist(), reverse=True)
    pr, roc, recall_before, fallout_before = 0.0, 0.0, 0.0, 0.0
    for place in np.linspace(0, n - 1, 250).astype(int):
        flagged = [row for row in range(n) if score[row] >= falling[place]]
        hits = sum(weight[row] for row in flagged)
        margins = sum(weight[row] for row in flagged if not label[row])
        abnormal = sum(label) + margins / 2
        found = sum(1 for zone in zones if zone & set(flagged)) / len(zones)
        recall = min(hits / abnormal, 1) * found
        fallout = (len(flagged) - hits) / (n - abnormal)
        pr += (recall - recall_before) * hits / len(flagged)
        roc += (fallout - fallout_before) * (recall + recall_before) / 2
        recall_before, fallout_before = recall, fallout
    return pr, roc + (1 - fallout_before) * (1 + recall_before) / 2


def find_events(events: list[Span], alarms: list[Span], lead: int | None) -> list[int | None]:
    """Return the delay of each event, or None where no alarm finds it."""
    return [
        min(
            (max(alarm[0] - event[0], 0) for alarm in alarms if finds(alarm, event, lead)),
            default=None,
        )
        for event in events
    ]


def finds(alarm: Span, event: Span, lead: int | None) -> bool:
    """Return whether an alarm overlaps an event and had not stood for too long before it."""
    if not set(range(*alarm)) & set(range(*event)):
        return False
    return lead is None or event[0] - alarm[0] <= lead


def affiliate(events: list[Span], alarms: list[Span], rows: int) -> tuple[list[float], list[float]]:
    """Return affiliation precision and recall of each event by sums over small bits of time."""
    bits = 40  # of a row
    times = (np.arange(rows * bits) + 0.5) / bits
    far = np.stack([_distances(times, [event]) for event in events])
    owner = far.argmin(axis=0)
    precisions, recalls = [], []
    for index, event in enumerate(events):
        zone = times[owner == index]
        alarmed = zone[[any(b <= time < e for b, e in alarms) for time in zone]]
        if not len(alarmed):
            precisions.append(float("nan"))
            recalls.append(0.0)
            continue
        usual = _distances(zone, [event])
        precisions.append(
            float(np.mean([(usual >= d).mean() for d in _distances(alarmed, [event])]))
        )
        within = zone[(zone >= event[0]) & (zone < event[1])]
        recalls.append(float(np.mean([_nearness(time, alarmed, zone) for time in within])))
    return precisions, recalls


def _distances(times: Floats, spans: list[Span]) -> Floats:
    """Return how far each time is from the nearest of the spans."""
    apart = [np.maximum(np.maximum(begin - times, times - end), 0) for begin, end in spans]
    return np.asarray(np.min(apart, axis=0))


def _nearness(time: float, alarmed: Floats, zone: Floats) -> float:
    return float((np.abs(zone - time) >= np.abs(alarmed - time).min() - 1e-12).mean())


def flag_by_rule(above: Sequence[bool], window: int) -> list[bool]:
    """Return SKAB's rows, window by window: n_windows flags in, one a row out."""
    rows = [False] * (len(above) + window - 1)
    for row in range(window - 1, len(above) - window + 1):
        rows[row] = all(above[begin] for begin in range(row - window + 1, row))
    return rows
