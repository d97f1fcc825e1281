"""A recorded series through the detector's own engine, as if it were streamed now.

What comes out is what the stream would have written, bit for bit; it is only laid out by row. Row
t depends on rows up to t: a window is given to the row that it ends with, and an alert stands from
the row on that opened it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tocsin.core.checkpoint import Resume
from tocsin.core.engine import Engine
from tocsin.core.formats.json import Decoded
from tocsin.core.formats.numbers import LARGEST
from tocsin.core.judgement import Output
from tocsin.core.profile import AlertPolicy, Profile, suit_alerts
from tocsin.core.records import Bytes, Readings, Rule, Scores, State, Transition
from tocsin.tools.backtest.series import Series
from tocsin_models.arrays import Flags, Floats, Singles, Times
from tocsin_models.bundle import Bundle

ROW_BY_ROW = suit_alerts(1)
"""When alerts open and close where every row ends a window."""

NO_WINDOW = 255
"""In place of a status: no window ends with this row."""

_PART_WINDOWS = 1_000
"""Windows that are held at once, about: 20 MB of 64 steps and 38 channels."""


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """What the engine said of N rows; without a number there is NaN, never 0."""

    score: Floats  # [N] averaged surprise / limit
    error: Floats  # [N] as in `tocsin.core.records.Scores`
    blame: Singles  # [N, F]
    expected: Singles  # [N, F] engineering units
    status: Bytes  # [N] a `tocsin.core.records.Status`, or NO_WINDOW
    alarm: Flags  # [N] whether an alert of rule ``anomaly`` is open once the row was judged
    steps: Sequence[Transition]  # of all alerts, in the order in which they came


def profile_of(series: Series, length: int, alerts: AlertPolicy = ROW_BY_ROW) -> Profile:
    """Return a profile under which every row of ``series`` ends a window of ``length`` slots.

    Nobody is ever silent in it, nothing comes late, and only a hole as long as a window makes an
    asset begin anew.
    """
    return Profile(
        name="backtest",
        channels=series.channels,
        period_ns=series.period_ns,
        length=length,
        stride=1,
        max_gap_ns=length * series.period_ns,
        silent_after_ns=0,
        alerts=alerts,
    )


def replay(series: Series, bundle: Bundle, profile: Profile) -> Replayed:
    """Let ``bundle`` judge all rows of ``series`` under ``profile``, as one asset of that name.

    Rows come in order, so the profile's lateness would only hold windows back: it counts as 0. Of
    rows that share a slot only the last has a score.

    Raises:
        ValueError: If the bundle cannot score this profile's windows, the channels are not the
            series' own, or the profile does not own the asset.
    """
    if profile.channels != series.channels or not profile.owns(series.name):
        raise ValueError(
            f"{series.name}: profile {profile.name} is not for it; choose one that owns an asset "
            f"of this name and has the channels {', '.join(series.channels)}"
        )
    engine = Engine([replace(profile, lateness_ns=0)])
    engine.install(profile.name, bundle)
    engine.names.intern(series.name)
    closing_ns = int(series.time_ns[-1]) + profile.period_ns
    partition = engine.open(Resume(0, None, {profile.name: bundle}, (), 0))
    partition.restored()
    found = _Rows(series, profile)
    for low, high in _parts(series, profile):
        cells = _readings(series, closing_ns, low, high)
        for gathered in partition.gather_decoded(Decoded(cells, [], 0), low, high):
            found.take(partition.judge(gathered))
    return found.finished()


def _parts(series: Series, profile: Profile) -> Iterator[tuple[int, int]]:
    """Cut the rows, and the one that closes the last slot, where enough windows came together."""
    slots = np.diff(series.time_ns // profile.period_ns)
    part = np.minimum(slots, profile.max_gap_slots + 1).cumsum() // _PART_WINDOWS
    cuts = (np.flatnonzero(np.diff(part, prepend=0)) + 1).tolist()
    edges = [0, *cuts, len(series.values) + 1]
    return pairwise(edges)


def _readings(series: Series, closing_ns: int, low: int, high: int) -> Readings:
    """Return the measured cells of rows ``low <= row < high``, each row like one entry of a log.

    A slot closes when a later reading comes. Behind the last row stands one at ``closing_ns`` that
    does only that: its own slot stays open, so nobody sees its value.
    """
    values, time_ns = series.values[low:high], series.time_ns[low:high]
    if high > len(series.values):
        values = np.vstack([values, np.zeros((1, values.shape[1]))])
        time_ns = np.append(time_ns, closing_ns)
    row, channel = np.nonzero(np.abs(values) <= LARGEST)  # false for NaN
    return Readings(
        np.zeros(len(row), np.int32),
        channel.astype(np.int32),
        time_ns[row],
        values[row, channel],
        row + low,
        time_ns[row],
    )


class _Rows:
    """Collects what is said of the rows of a series.

    Args:
        series: N rows.
        profile: the grid whose windows are judged.
    """

    def __init__(self, series: Series, profile: Profile) -> None:
        rows, channels = series.values.shape
        slot = series.time_ns // profile.period_ns
        last = np.diff(slot, append=slot[-1] + 1) > 0  # of its slot
        self._row = np.flatnonzero(last)
        self._end_ns: Times = (slot[last] + 1) * profile.period_ns
        self._known_ns: Times = (slot + last) * profile.period_ns  # [N] windows until here count
        self._score, self._error = np.full(rows, np.nan), np.full(rows, np.nan)
        self._blame = np.full((rows, channels), np.nan, np.float32)
        self._expected = np.full((rows, channels), np.nan, np.float32)
        self._status = np.full(rows, NO_WINDOW, np.uint8)
        self._steps: list[Transition] = []

    def take(self, output: Output) -> None:
        """Take in what was said of a stretch."""
        self._steps += output.transitions
        for scores in output.scores:
            self._place(scores)

    def _place(self, scores: Scores) -> None:
        at = np.searchsorted(self._end_ns, scores.end_ns)
        inside = np.flatnonzero(at < len(self._end_ns))
        ours = inside[self._end_ns[at[inside]] == scores.end_ns[inside]]  # not those of holes
        row = self._row[at[ours]]
        self._score[row], self._error[row] = scores.score[ours], scores.error[ours]
        self._blame[row], self._expected[row] = scores.blame[ours], scores.expected[ours]
        self._status[row] = scores.status[ours]

    def finished(self) -> Replayed:
        """Return all that was said."""
        return Replayed(
            self._score,
            self._error,
            self._blame,
            self._expected,
            self._status,
            self._alarms(),
            tuple(self._steps),
        )

    def _alarms(self) -> Flags:
        """Return whether an alert is open at each row, by when it was said that it is."""
        own = [step for step in self._steps if step.rule is Rule.ANOMALY]
        opened = np.array([s.at_ns for s in own if s.sequence == 1], np.int64)
        resolved = np.array([s.at_ns for s in own if s.state is State.RESOLVED], np.int64)
        open_now = np.searchsorted(np.sort(opened), self._known_ns, "right")
        closed_now = np.searchsorted(np.sort(resolved), self._known_ns, "right")
        return np.asarray(open_now > closed_now)
