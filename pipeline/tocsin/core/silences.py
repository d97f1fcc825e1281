"""The rule ``silent``: an asset from which nothing arrives any more.

Silence is judged against the log's own time. The deadline of an asset is ``silent_after_ns`` after
its newest arrival; an alert opens at the deadline, whether it is found by `Silences.listen` or by
the arrival that ends the silence, and is resolved by that arrival. So the steps depend on the log
alone. An arrival dated before the asset's newest one moves no deadline. A profile whose
``silent_after_ns`` is not positive has no silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tocsin.core.instants import clock_time, duration
from tocsin.core.naming import alert_id
from tocsin.core.profile import Profile
from tocsin.core.records import Ids, Names, Rule, Severity, State, Times, Transition

_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class _Heard:
    """Readings sorted by asset, each with what was known of its asset just before it."""

    asset: Ids  # [N]
    arrived_ns: Times  # [N]
    newest_ns: Times  # [N] newest arrival of the asset, this one counted
    told_ns: Times  # [N] newest of the sensor's own times, this one counted
    newest_before_ns: Times  # [N]
    told_before_ns: Times  # [N]
    last: NDArray[np.bool_]  # [N] is it its asset's last one here?


class Silences:
    """The machines of all assets of one profile in one partition."""

    def __init__(self, profile: Profile, names: Names) -> None:
        self._profile = profile.name
        self._limit_ns = profile.silent_after_ns
        self._names = names
        self._newest_ns: Times = np.zeros(0, np.int64)  # [assets] newest arrival, or _NEVER
        self._told_ns: Times = np.zeros(0, np.int64)  # [assets] newest of the sensor's own times
        self._silent: NDArray[np.bool_] = np.zeros(0, np.bool_)  # [assets] is an alert open?
        self._alerts: dict[int, Transition] = {}  # the first step of those that are open

    def hear(self, asset: Ids, arrived_ns: Times, time_ns: Times) -> list[tuple[int, Transition]]:
        """Return the steps that N readings in the order of the log cause, with their asset."""
        if self._limit_ns <= 0 or not len(asset):
            return []
        heard = self._sort(asset, arrived_ns, time_ns)
        before_ns = heard.newest_before_ns
        later = (heard.arrived_ns > before_ns) & (before_ns != _NEVER)
        overdue = heard.arrived_ns - before_ns >= self._limit_ns
        known = self._silent[heard.asset] & (before_ns == self._newest_ns[heard.asset])
        steps: list[tuple[int, Transition]] = []
        for row in np.flatnonzero(later & (overdue | known)).tolist():
            steps.extend(self._end(heard, row))
        self._keep(heard)
        return steps

    def recall(self, asset: Ids, arrived_ns: Times, time_ns: Times) -> None:
        """Take in readings that were heard before: they cause nothing."""
        if len(asset):
            self._keep(self._sort(asset, arrived_ns, time_ns))

    def listen(self, now_ns: int) -> list[tuple[int, Transition]]:
        """Return the alerts that open because a deadline is not after ``now_ns``."""
        if self._limit_ns <= 0:
            return []
        overdue = (self._newest_ns != _NEVER) & (self._newest_ns <= now_ns - self._limit_ns)
        return [
            (asset, self._open(asset, int(self._newest_ns[asset]), int(self._told_ns[asset])))
            for asset in np.flatnonzero(overdue & ~self._silent).tolist()
        ]

    def open_alerts(self) -> list[Transition]:
        """Return the latest step of every open alert."""
        return list(self._alerts.values())

    def snapshot(self, asset: int) -> dict[str, Any]:
        """Return an asset's machine as plain values; empty if it was never heard."""
        self._reach(len(self._names))
        if self._newest_ns[asset] == _NEVER:
            return {}
        known: dict[str, Any] = {
            "newest_ns": int(self._newest_ns[asset]),
            "told_ns": int(self._told_ns[asset]),
        }
        if self._silent[asset]:
            known["alert"] = msgspec.to_builtins(self._alerts[asset])
        return known

    def adopt(self, asset: int, snapshot: dict[str, Any]) -> None:
        """Take over what `snapshot` returned."""
        self._reach(len(self._names))
        self._newest_ns[asset] = snapshot.get("newest_ns", _NEVER)
        self._told_ns[asset] = snapshot.get("told_ns", _NEVER)
        self._silent[asset] = "alert" in snapshot
        self._alerts.pop(asset, None)
        if "alert" in snapshot:
            self._alerts[asset] = msgspec.convert(snapshot["alert"], Transition)

    def _reach(self, size: int) -> None:
        extra = 2 * size - len(self._silent)
        if size > len(self._silent):
            self._newest_ns = np.pad(self._newest_ns, (0, extra), constant_values=_NEVER)
            self._told_ns = np.pad(self._told_ns, (0, extra), constant_values=_NEVER)
            self._silent = np.pad(self._silent, (0, extra))

    def _sort(self, asset: Ids, arrived_ns: Times, time_ns: Times) -> _Heard:
        self._reach(len(self._names))
        order = np.argsort(asset, kind="stable")
        asset, arrived_ns, time_ns = asset[order], arrived_ns[order], time_ns[order]
        first = np.ones(len(asset), np.bool_)
        first[1:] = asset[1:] != asset[:-1]
        newest_ns = np.maximum(_running_maximum(arrived_ns, first), self._newest_ns[asset])
        told_ns = np.maximum(_running_maximum(time_ns, first), self._told_ns[asset])
        return _Heard(
            asset,
            arrived_ns,
            newest_ns,
            told_ns,
            np.where(first, self._newest_ns[asset], np.roll(newest_ns, 1)),
            np.where(first, self._told_ns[asset], np.roll(told_ns, 1)),
            np.roll(first, -1),
        )

    def _keep(self, heard: _Heard) -> None:
        asset = heard.asset[heard.last]
        self._newest_ns[asset] = heard.newest_ns[heard.last]
        self._told_ns[asset] = heard.told_ns[heard.last]

    def _end(self, heard: _Heard, row: int) -> Iterator[tuple[int, Transition]]:
        asset = int(heard.asset[row])
        if asset not in self._alerts:
            newest_ns = int(heard.newest_before_ns[row])
            yield asset, self._open(asset, newest_ns, int(heard.told_before_ns[row]))
        yield asset, self._resolve(asset, int(heard.arrived_ns[row]))

    def _open(self, asset: int, newest_ns: int, told_ns: int) -> Transition:
        """Open an alert, named after the arrival because sensors may repeat their own times."""
        name = self._names.table[asset]
        deadline_ns = newest_ns + self._limit_ns
        step = Transition(
            id=alert_id(self._profile, name, Rule.SILENT, newest_ns),
            sequence=1,
            asset=name,
            profile=self._profile,
            rule=Rule.SILENT,
            state=State.OPEN,
            severity=Severity.WARNING,
            began_ns=told_ns,
            opened_ns=deadline_ns,
            at_ns=deadline_ns,
            summary=f"{name} has sent nothing for {duration(self._limit_ns)}: its newest reading "
            f"is of {clock_time(told_ns)}.",
        )
        self._alerts[asset] = step
        self._silent[asset] = True
        return step

    def _resolve(self, asset: int, arrived_ns: int) -> Transition:
        """Close an alert, not before its deadline even if the log's time once went backwards."""
        opened = self._alerts.pop(asset)
        self._silent[asset] = False
        at_ns = max(arrived_ns, opened.at_ns)
        quiet_ns = at_ns - opened.at_ns + self._limit_ns
        return replace(
            opened,
            sequence=2,
            state=State.RESOLVED,
            at_ns=at_ns,
            resolved_ns=at_ns,
            summary=f"{opened.asset} is sending again, after {duration(quiet_ns)} of silence.",
        )


def _running_maximum(value: Times, first: NDArray[np.bool_]) -> Times:
    """Return the greatest value so far, anew in every run that begins where ``first`` is set."""
    if (first[1:] | (value[1:] >= value[:-1])).all():
        return value
    distinct, rank = np.unique(value, return_inverse=True)
    run = np.cumsum(first) - 1
    highest: Times = np.maximum.accumulate(run * len(distinct) + rank) % len(distinct)
    return distinct[highest]
