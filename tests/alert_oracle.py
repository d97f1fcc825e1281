"""The rules for alerts, written one window and one reading at a time, to compare with."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tocsin.core.profile import AlertPolicy, Profile
from tocsin.core.records import Names, Rule, Scores, Severity, State, Status, Transition

CHANNELS = ("flow", "heat", "vibration")
PROFILE = Profile(
    "pumps",
    CHANNELS,
    period_ns=1_000,
    length=8,
    stride=4,
    silent_after_ns=100,
    alerts=AlertPolicy(open_count=2, open_of=4, calm_count=2),
)
STRIDE_NS = PROFILE.stride * PROFILE.period_ns


@dataclass(frozen=True)
class Seen:
    """One judged window."""

    asset: str
    end_ns: int
    score: float
    blame: tuple[float, ...] = (0.5, 0.375, 0.125)
    status: Status = Status.OK
    error: float = 1.25  # of the window alone, in scores


@dataclass(frozen=True)
class Told:
    """One reading."""

    asset: str
    arrived_ns: int
    time_ns: int


def names_of(*assets: str) -> Names:
    names = Names()
    for asset in assets:
        names.intern(asset)
    return names


def scores_of(
    windows: Sequence[Seen], names: Names, *, profile: Profile = PROFILE, model: str = "m1"
) -> Scores:
    rows, channels = len(windows), len(profile.channels)
    good = np.array([window.status is Status.OK for window in windows], np.bool_)
    score = np.where(good, [window.score for window in windows], np.nan)
    blame = np.array([window.blame for window in windows], np.float32).reshape(rows, channels)
    blame[~good] = np.nan
    return Scores(
        profile.name,
        model,
        profile.channels,
        names.table,
        np.array([names.intern(window.asset) for window in windows], np.int32),
        np.array([window.end_ns for window in windows], np.int64),
        np.array([window.status for window in windows], np.uint8),
        score,
        score * [window.error for window in windows],
        blame,
        blame * 4,
        blame * 5,
        np.ones((rows, channels), np.float32),
    )


def bare(steps: Sequence[Transition]) -> list[Transition]:
    """Return the steps in one order, without their sentences."""
    bared = [replace(step, summary="") for step in steps]
    return sorted(bared, key=lambda s: (s.at_ns, s.asset, s.rule, s.sequence, s.id))


@dataclass
class _Machine:
    newest_ns: int | None = None
    history: int = 0
    breaches: list[Seen] = field(default_factory=list)
    calm: list[int] = field(default_factory=list)
    alert: Transition | None = None
    heard: Told | None = None
    silence: Transition | None = None


class Oracle:
    """Both rules, for all assets."""

    def __init__(self, profile: Profile, model: str = "m1") -> None:
        self.profile = profile
        self.model = model
        self.machines: dict[str, _Machine] = {}
        self.steps: list[Transition] = []

    def see(self, window: Seen) -> None:
        machine = self.machines.setdefault(window.asset, _Machine())
        breach = window.status is Status.OK and window.score >= 1.0
        policy, stride_ns = self.profile.alerts, self.profile.stride * self.profile.period_ns
        steps = 0 if machine.newest_ns is None else (window.end_ns - machine.newest_ns) // stride_ns
        machine.newest_ns = window.end_ns
        machine.history = (machine.history << steps | breach) & ((1 << policy.open_of) - 1)
        if machine.alert is None:
            machine.breaches = [
                old
                for old in machine.breaches
                if machine.history >> ((window.end_ns - old.end_ns) // stride_ns) & 1
            ]
        if breach:
            machine.breaches.append(window)
        if machine.alert is None:
            self._maybe_open(machine, window)
        else:
            self._follow(machine, window)

    def _maybe_open(self, machine: _Machine, window: Seen) -> None:
        if machine.history.bit_count() < self.profile.alerts.open_count:
            return
        stride_ns = self.profile.stride * self.profile.period_ns
        began_ns = window.end_ns - (machine.history.bit_length() - 1) * stride_ns
        machine.calm = []
        self._say(
            machine,
            Transition(
                self._name(window.asset, Rule.ANOMALY, began_ns),
                1,
                window.asset,
                self.profile.name,
                Rule.ANOMALY,
                State.OPEN,
                self._severity(machine),
                began_ns,
                window.end_ns,
                window.end_ns,
            ),
        )

    def _follow(self, machine: _Machine, window: Seen) -> None:
        assert machine.alert is not None
        step = replace(machine.alert, sequence=machine.alert.sequence + 1, at_ns=window.end_ns)
        if window.status is Status.OK:
            calm = window.score < self.profile.alerts.calm_score
            machine.calm = [*machine.calm, window.end_ns] if calm else []
        if len(machine.calm) == self.profile.alerts.calm_count:
            self._say(machine, replace(step, state=State.RESOLVED, resolved_ns=machine.calm[0]))
            machine.alert, machine.breaches, machine.history = None, [], 0
        elif self._severity(machine) is not machine.alert.severity:
            self._say(machine, replace(step, severity=self._severity(machine)))

    def _say(self, machine: _Machine, step: Transition) -> None:
        total = np.zeros(len(self.profile.channels))
        for breach in machine.breaches:
            blame = np.array(breach.blame, np.float32).astype(np.float64)
            total = total + blame * (breach.score * breach.error)
        share = total / total.sum()
        ranked = sorted(range(len(share)), key=lambda index: (-share[index], index))[:5]
        named = [(self.profile.channels[n], round(float(share[n]), 4)) for n in ranked]
        machine.alert = replace(
            step,
            score=max(breach.score for breach in machine.breaches),
            channels=tuple(each for each in named if each[1] >= 0.05),
            model=self.model,
        )
        self.steps.append(machine.alert)

    def _severity(self, machine: _Machine) -> Severity:
        worst = max(breach.score for breach in machine.breaches)
        critical = worst >= self.profile.alerts.critical_score
        return Severity.CRITICAL if critical else Severity.WARNING

    def hear(self, reading: Told) -> None:
        machine = self.machines.setdefault(reading.asset, _Machine())
        if machine.heard is not None:
            newest_ns = max(reading.time_ns, machine.heard.time_ns)
            if reading.arrived_ns < machine.heard.arrived_ns:
                machine.heard = replace(machine.heard, time_ns=newest_ns)
                return
            self._overdue(machine, machine.heard, reading.arrived_ns)
            if machine.silence is not None:
                self.steps.append(
                    replace(
                        machine.silence,
                        sequence=2,
                        state=State.RESOLVED,
                        at_ns=reading.arrived_ns,
                        resolved_ns=reading.arrived_ns,
                    )
                )
                machine.silence = None
            reading = replace(reading, time_ns=newest_ns)
        machine.heard = reading

    def listen(self, now_ns: int) -> None:
        for machine in self.machines.values():
            if machine.heard is not None and machine.silence is None:
                self._overdue(machine, machine.heard, now_ns)

    def _overdue(self, machine: _Machine, last: Told, now_ns: int) -> None:
        deadline_ns = last.arrived_ns + self.profile.silent_after_ns
        if now_ns < deadline_ns or machine.silence is not None:
            return
        machine.silence = Transition(
            self._name(last.asset, Rule.SILENT, last.arrived_ns),
            1,
            last.asset,
            self.profile.name,
            Rule.SILENT,
            State.OPEN,
            Severity.WARNING,
            last.time_ns,
            deadline_ns,
            deadline_ns,
        )
        self.steps.append(machine.silence)

    def _name(self, asset: str, rule: Rule, began_ns: int) -> str:
        told = f"{self.profile.name}|{asset}|{rule.value}|{began_ns}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]
