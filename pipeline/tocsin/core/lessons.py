"""What a profile's next model is learned from: windows of the log and what is known of them.

It is bounded. The same windows, scores and alerts give the same lesson in whatever order assets
and partitions came, as long as the bound was not met on the way.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Ids, Names, Scores, Status, Times, Transition, Windows
from tocsin.core.scoring import window_number
from tocsin.core.trust import STILL_OPEN, Alerts, Judged, Trust, weigh
from tocsin_models.bundle import Bundle
from tocsin_models.learning import TrainingSet

Column = NDArray[Any]
Flags = NDArray[np.bool_]

RUN = 32
"""Windows of one asset, side by side, that are kept or left out together.

A limit is calibrated on averages, and averages need neighbours.
"""

_SPARE = 8  # the bound may be exceeded by its eighth before there is a tidying up
_MOST_PARTS = 256  # of a pile; every part costs some hundred bytes however few rows it has
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: multiples spread evenly


@dataclass(frozen=True, slots=True)
class LessonPolicy:
    """How much is kept to learn from.

    Memory for windows is ``max_windows * length * channels * 4`` bytes and an eighth more: 41 MB
    for 20,000 windows of 64 steps and 8 channels. While a model is fitted it is about twelve times
    that.

    Attributes:
        history_ns: windows older than this, against the newest one, are forgotten.
        max_windows: if there are more, every second run of windows is left out, then every
            second of those that are left, and so on.
    """

    history_ns: int = 14 * 86_400 * SECOND_NS
    max_windows: int = 20_000

    def __post_init__(self) -> None:
        if self.history_ns < 1 or self.max_windows < 16 * RUN:
            raise ValueError(f"lessons: choose a history, and at least {16 * RUN} windows to keep")


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Windows to learn from, oldest first, and how many were left out for which reason."""

    windows: TrainingSet
    left_out: Mapping[str, int]


class Lessons:
    """Everything that one profile's next model may be learned from.

    Args:
        profile: what its windows are cut by.
        names: what the asset ids of windows point into.
        policy: how much is kept.

    Attributes:
        seen: how many windows there were to learn from, whether or not they are kept.
    """

    def __init__(self, profile: Profile, names: Names, policy: LessonPolicy) -> None:
        self.seen = 0
        self._profile = profile
        self._names = names
        self._policy = policy
        shape = (0, profile.length, len(profile.channels))
        self._windows = _Pile(*_no_keys(), np.zeros(shape, np.float32))
        self._scores = _Pile(*_no_keys(), np.zeros(0))
        self._alerts: dict[str, tuple[int, int, int]] = {}  # id -> asset, began_ns, resolved_ns
        self._starts = np.zeros(0, np.uint64)  # [assets] where each begins among the runs
        self._level = 0  # one run in 2**level is kept
        self._newest_ns = 0

    def __len__(self) -> int:
        return len(self._windows)

    def take(self, windows: Windows) -> None:
        """Keep what can be learned from."""
        usable = windows.status == Status.OK
        self.seen += int(usable.sum())
        self._newest_ns = max(self._newest_ns, int(windows.end_ns[usable].max(initial=0)))
        kept = np.flatnonzero(usable & self._wanted(windows.asset, windows.end_ns))
        with np.errstate(over="ignore"):  # what f32 cannot hold becomes infinite, and is clipped
            values = windows.values[kept].astype(np.float32)
        self._windows.add(windows.asset[kept], windows.end_ns[kept], values)
        self._keep_bounded()

    def mark(self, scores: Scores) -> None:
        """Keep what a model said of windows; other channels are another profile's."""
        if scores.profile != self._profile.name or scores.channels != self._profile.channels:
            return
        ids = np.array([self._names.intern(name) for name in scores.names], np.int32)
        judged = np.flatnonzero(scores.status == Status.OK)
        asset, end_ns = ids[scores.asset[judged]], scores.end_ns[judged]
        kept = self._wanted(asset, end_ns)
        self._scores.add(asset[kept], end_ns[kept], scores.score[judged][kept])
        self._keep_bounded()

    def note(self, step: Transition) -> None:
        """Keep where an alert began and ended."""
        if step.profile == self._profile.name:
            end_ns = STILL_OPEN if step.resolved_ns is None else step.resolved_ns
            self._alerts[step.id] = (self._names.intern(step.asset), step.began_ns, end_ns)

    def all(self) -> Lesson:
        """Return all windows: before there is a model, nothing is known against any."""
        asset, end_ns, values = self._tidied()
        return self._lesson(asset, end_ns, values, {})

    def trusted(self, champion: Bundle | None = None) -> Lesson:
        """Return the windows that were judged normal.

        Those that no model has judged, because they are older than the first one, are judged by
        the champion now; without one they are left out.
        """
        asset, end_ns, values = self._tidied()
        judged = Judged(*self._scores.columns())
        trust = self._weigh(asset, end_ns, judged)
        if champion and trust.unjudged.any():
            late = trust.unjudged
            said = champion.judge(values[late].astype(np.float64)).error
            judged = Judged(
                np.concatenate([judged.asset, asset[late]]),
                np.concatenate([judged.end_ns, end_ns[late]]),
                np.concatenate([judged.score, said]),
            )
            trust = self._weigh(asset, end_ns, judged)
        good = trust.trusted
        left_out = {str(doubt): count for doubt, count in trust.left_out.items()}
        return self._lesson(asset[good], end_ns[good], values[good], left_out)

    def _weigh(self, asset: Ids, end_ns: Times, judged: Judged) -> Trust:
        alerts = np.array([*self._alerts.values()], np.int64).reshape(-1, 3)
        return weigh(
            asset,
            end_ns,
            judged,
            Alerts(alerts[:, 0].astype(np.int32), alerts[:, 1], alerts[:, 2]),
            self._profile.length * self._profile.period_ns,
        )

    def _lesson(
        self, asset: Ids, end_ns: Times, values: Column, left_out: Mapping[str, int]
    ) -> Lesson:
        # ids depend on which asset was met first, the order of names does not
        place = {name: number for number, name in enumerate(sorted(self._names.table))}
        group = np.array([place[name] for name in self._names.table], np.int64)[asset]
        order = np.lexsort((group, end_ns))
        windows = TrainingSet(
            values[order].astype(np.float64),
            end_ns[order],
            group[order],
            self._profile.channels,
            self._profile.period_ns,
            self._profile.stride,
            tuple(sorted(self._names.table)),
        )
        return Lesson(windows, left_out)

    def _wanted(self, asset: Ids, end_ns: Times) -> Flags:
        """Return which windows are young enough and of a run that is kept [B]."""
        young = end_ns > self._newest_ns - self._policy.history_ns
        if not self._level:
            return young
        run = (window_number(end_ns, self._profile) // RUN).astype(np.uint64)
        spread = (run + self._starts_of(asset)) * _GOLDEN
        kept: Flags = young & (spread >> np.uint64(64 - self._level) == 0)
        return kept

    def _starts_of(self, asset: Ids) -> NDArray[np.uint64]:
        fresh = [_start(name) for name in self._names.table[len(self._starts) :]]
        self._starts = np.concatenate([self._starts, np.array(fresh, np.uint64)])
        return self._starts[asset]

    def _keep_bounded(self) -> None:
        most = self._policy.max_windows
        spare = most + most // _SPARE
        if len(self._windows) > spare or len(self._scores) > 2 * spare:
            self._tidy()

    def _tidied(self) -> list[Column]:
        self._tidy()
        return self._windows.columns()

    def _tidy(self) -> None:
        """Forget what is too old, then every second run until the rest is few enough."""
        since_ns = self._newest_ns - self._policy.history_ns
        self._alerts = {k: alert for k, alert in self._alerts.items() if alert[2] > since_ns}
        most = self._policy.max_windows
        self._thin()
        while len(self._windows) > most or len(self._scores) > 2 * most:
            self._level += 1
            self._thin()

    def _thin(self) -> None:
        for pile in (self._windows, self._scores):
            pile.keep(self._wanted)


class _Pile:
    """Rows of columns that begin with asset and end_ns, added at one end."""

    def __init__(self, *blank: Column) -> None:
        self._parts: list[Sequence[Column]] = [blank]
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, *columns: Column) -> None:
        """Add rows."""
        if len(columns[0]):
            self._parts.append(columns)
            self._size += len(columns[0])
        if len(self._parts) > _MOST_PARTS:
            self.columns()

    def columns(self) -> list[Column]:
        """Return all rows."""
        if len(self._parts) > 1:
            joined = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
            self._parts = [joined]
        return list(self._parts[0])

    def keep(self, wanted: Callable[[Ids, Times], Flags]) -> None:
        """Keep the rows that are wanted."""
        columns = self.columns()
        chosen = wanted(columns[0], columns[1])
        if not chosen.all():
            self._parts = [[column[chosen] for column in columns]]
            self._size = int(chosen.sum())


def _no_keys() -> tuple[Ids, Times]:
    return np.zeros(0, np.int32), np.zeros(0, np.int64)


def _start(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
