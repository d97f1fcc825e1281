"""The rule ``anomaly``: scores above the limit open an alert, a calm stretch ends it.

A window is a *breach* if it scores 1.0 or more, *calm* if it scores less than ``calm_score``, and
*unknown* if it has no score. An alert opens when ``open_count`` of the last ``open_of`` windows of
the grid are breaches; a window that is missing there counts like an unknown one. It closes after
``calm_count`` calm windows with no other scored one between them. Unknown is never normal and
never abnormal: it neither breaks off a calm stretch nor makes it longer.

Most assets are in order and have no state here at all, so that only those cost time that had a
breach a short while ago or have an open alert.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tocsin.core.instants import clock_time
from tocsin.core.naming import alert_id
from tocsin.core.profile import Profile
from tocsin.core.records import (
    Bytes,
    Floats,
    Names,
    Rule,
    Scores,
    Severity,
    State,
    Status,
    Transition,
)

TOP_CHANNELS = 5
"""How many channels an alert names at most."""
TOP_SHARE = 0.05
"""The share of the error that a channel must have to be named."""


class _Kind(IntEnum):
    UNKNOWN = 0
    BETWEEN = 1
    CALM = 2
    BREACH = 3


class _Window(NamedTuple):
    end_ns: int
    kind: int
    score: float
    blame: Floats | None  # [F], of a breach: each channel's part of the window's own error


@dataclass(slots=True)
class _Alarm:
    """An open alert.

    Attributes:
        latest: its latest step.
        peak: highest score so far.
        blame: sum over its breaches [F]; a window that only remembers adds little.
        calm: length of the present calm stretch.
        calm_ns: end of the first window of that stretch.
    """

    latest: Transition
    peak: float
    blame: Floats
    calm: int = 0
    calm_ns: int = 0

    def take(self, window: _Window) -> None:
        """Take in the next window."""
        if window.blame is not None:
            self.peak = max(self.peak, window.score)
            self.blame = self.blame + window.blame
        if window.kind == _Kind.CALM:
            self.calm_ns = self.calm_ns if self.calm else window.end_ns
            self.calm += 1
        elif window.kind != _Kind.UNKNOWN:
            self.calm = 0


class Anomalies:
    """The machines of all assets of one profile in one partition."""

    def __init__(self, profile: Profile, names: Names) -> None:
        self._profile = profile.name
        self._channels = profile.channels
        self._policy = profile.alerts
        self._span_ns = profile.alerts.open_of * profile.stride * profile.period_ns
        self._names = names
        self._watched: NDArray[np.bool_] = np.zeros(0, np.bool_)  # [assets] is there a state?
        self._suspects: dict[int, list[_Window]] = {}  # asset -> breaches of late, oldest first
        self._alarms: dict[int, _Alarm] = {}

    def judge(self, scores: Scores) -> tuple[list[Transition], list[int]]:
        """Return the steps that B windows cause, and the assets whose state they touched."""
        kind = self._kinds(scores)
        self._reach(len(self._names))
        self._watched[scores.asset[kind == _Kind.BREACH]] = True
        rows = np.flatnonzero(self._watched[scores.asset])
        assets = scores.asset[rows].tolist()
        steps = []
        for asset, window in zip(assets, _windows(scores, kind, rows), strict=True):
            step = self._see(asset, window, scores.model)
            if step is not None:
                steps.append(step)
        touched = sorted(set(assets))
        self._watched[touched] = [self._knows(asset) for asset in touched]
        return steps, touched

    def open_alerts(self) -> list[Transition]:
        """Return the latest step of every open alert."""
        return [alarm.latest for alarm in self._alarms.values()]

    def snapshot(self, asset: int) -> dict[str, Any]:
        """Return an asset's machine as plain values; empty if it is idle."""
        alarm = self._alarms.get(asset)
        if alarm is not None:
            return {
                "latest": msgspec.to_builtins(alarm.latest),
                "peak": alarm.peak,
                "blame": alarm.blame.tolist(),
                "calm": alarm.calm,
                "calm_ns": alarm.calm_ns,
            }
        breaches = self._suspects.get(asset, [])
        return {"suspect": [_plain(window) for window in breaches]} if breaches else {}

    def adopt(self, asset: int, snapshot: dict[str, Any]) -> None:
        """Take over what `snapshot` returned."""
        self._reach(len(self._names))
        self._alarms.pop(asset, None)
        self._suspects.pop(asset, None)
        if "latest" in snapshot:
            known = dict(snapshot)
            known["latest"] = msgspec.convert(known["latest"], Transition)
            known["blame"] = np.array(known["blame"], np.float64)
            known.pop("breaches", None)  # snapshots of earlier versions have it
            self._alarms[asset] = _Alarm(**known)
        elif snapshot:
            self._suspects[asset] = [
                _Window(end_ns, _Kind.BREACH, score, np.array(blame, np.float64))
                for end_ns, score, blame in snapshot["suspect"]
            ]
        self._watched[asset] = self._knows(asset)

    def _kinds(self, scores: Scores) -> Bytes:
        kind = np.zeros(len(scores), np.uint8)  # [B]
        known = scores.status == Status.OK
        kind[known] = _Kind.BETWEEN
        kind[known & (scores.score < self._policy.calm_score)] = _Kind.CALM
        kind[known & (scores.score >= 1.0)] = _Kind.BREACH
        return kind

    def _reach(self, size: int) -> None:
        if size > len(self._watched):
            self._watched = np.pad(self._watched, (0, 2 * size - len(self._watched)))

    def _knows(self, asset: int) -> bool:
        return asset in self._alarms or asset in self._suspects

    def _see(self, asset: int, window: _Window, model: str) -> Transition | None:
        alarm = self._alarms.get(asset)
        if alarm is None:
            return self._suspect(asset, window, model)
        alarm.take(window)
        if alarm.calm == self._policy.calm_count:
            return self._resolve(asset, alarm, window.end_ns, model)
        worse = alarm.latest.severity is not self._severity(alarm.peak)
        return self._worsen(alarm, window.end_ns, model) if worse else None

    def _suspect(self, asset: int, window: _Window, model: str) -> Transition | None:
        breaches = [
            earlier
            for earlier in self._suspects.pop(asset, [])
            if earlier.end_ns > window.end_ns - self._span_ns
        ]
        if window.kind == _Kind.BREACH:
            breaches.append(window)
        if len(breaches) >= self._policy.open_count:
            return self._open(asset, breaches, model)
        if breaches:
            self._suspects[asset] = breaches
        return None

    def _open(self, asset: int, breaches: Sequence[_Window], model: str) -> Transition:
        """Open an alert on the breaches, which from now on belong to it alone.

        That no later alert counts them again is what makes an alert's beginning its name.
        """
        began_ns, at_ns = breaches[0].end_ns, breaches[-1].end_ns
        name = self._names.table[asset]
        step = Transition(
            id=alert_id(self._profile, name, Rule.ANOMALY, began_ns),
            sequence=0,
            asset=name,
            profile=self._profile,
            rule=Rule.ANOMALY,
            state=State.OPEN,
            severity=Severity.WARNING,
            began_ns=began_ns,
            opened_ns=at_ns,
            at_ns=at_ns,
        )
        alarm = _Alarm(step, 0.0, np.zeros(len(self._channels)))
        for window in breaches:
            alarm.take(window)
        self._alarms[asset] = alarm
        return self._worsen(alarm, at_ns, model)

    def _worsen(self, alarm: _Alarm, at_ns: int, model: str) -> Transition:
        return self._step(alarm, at_ns=at_ns, model=model, severity=self._severity(alarm.peak))

    def _resolve(self, asset: int, alarm: _Alarm, at_ns: int, model: str) -> Transition:
        del self._alarms[asset]
        return self._step(
            alarm, at_ns=at_ns, model=model, state=State.RESOLVED, resolved_ns=alarm.calm_ns
        )

    def _step(self, alarm: _Alarm, **changes: Any) -> Transition:
        step = replace(
            alarm.latest,
            sequence=alarm.latest.sequence + 1,
            score=alarm.peak,
            channels=_top(self._channels, alarm.blame),
            **changes,
        )
        alarm.latest = replace(step, summary=_summary(step, alarm.peak))
        return alarm.latest

    def _severity(self, peak: float) -> Severity:
        critical = peak >= self._policy.critical_score
        return Severity.CRITICAL if critical else Severity.WARNING


def _windows(scores: Scores, kind: Bytes, rows: NDArray[np.intp]) -> Iterable[_Window]:
    columns = (rows, scores.end_ns[rows], kind[rows], scores.score[rows])
    for row, end_ns, sort, score in zip(*(column.tolist() for column in columns), strict=True):
        blame = scores.blame[row] * scores.error[row] if sort == _Kind.BREACH else None
        yield _Window(end_ns, sort, score, blame)


def _plain(window: _Window) -> list[Any]:
    blame = [] if window.blame is None else window.blame.tolist()
    return [window.end_ns, window.score, blame]


def _top(channels: Sequence[str], blame: Floats) -> tuple[tuple[str, float], ...]:
    """Return the channels that are blamed most, each with its share."""
    share = blame / (blame.sum() or 1.0)
    order = np.argsort(-share, kind="stable")[:TOP_CHANNELS].tolist()
    named = ((channels[index], round(float(share[index]), 4)) for index in order)
    return tuple(each for each in named if each[1] >= TOP_SHARE)


def _summary(step: Transition, peak: float) -> str:
    where = ", ".join(f"{name} ({share:.0%})" for name, share in step.channels[:3])
    mostly = f", mostly in {where}" if where else ""
    since = clock_time(step.began_ns)
    if step.resolved_ns is None:
        how = "critically abnormal" if step.severity is Severity.CRITICAL else "abnormal"
        far = f"up to {peak:.2f} times its limit{mostly}"
        return f"{step.asset} has been {how} since {since}: {far}."
    return (
        f"{step.asset} is back to normal since {clock_time(step.resolved_ns)}: it was abnormal "
        f"from {since} on, up to {peak:.2f} times its limit{mostly}."
    )
