"""The first stage of a partition's detector: readings -> windows that became due.

Work passes through two stages that share nothing, so that one batch can be scored while the next
is decoded: `Intake` owns the lanes, `Judgement` the error rings and the alert machines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.core.checkpoint import Resume, Tally
from tocsin.core.profile import Profile
from tocsin.core.records import Ids, Names, Readings, Reject, Times, Windows
from tocsin.core.windows import Lanes


@dataclass(frozen=True, slots=True)
class Heard:
    """That assets spoke: one row per log entry and asset, in the order of the log."""

    asset: Ids
    arrived_ns: Times
    time_ns: Times  # the newest reading in it


@dataclass(frozen=True, slots=True)
class Share:
    """What a stretch of the log means for one profile."""

    windows: Windows
    heard: Heard


@dataclass(frozen=True, slots=True)
class Mark:
    """The lanes' half of a checkpoint, taken behind a stretch of the log."""

    replay_from: int
    tally: Tally
    lanes: Sequence[tuple[int, int, Mapping[str, Any]]]  # profile number, asset id, lane


@dataclass(frozen=True, slots=True)
class Gathered:
    """A stretch ``low <= offset < high`` of one partition, ready to be judged."""

    low: int
    high: int
    shares: Sequence[Share]  # one per profile
    rejects: Sequence[Reject]
    now_ns: int  # the newest time of the log itself
    mark: Mark | None = None


class Intake:
    """The first stage: readings -> windows that became due."""

    def __init__(self, profiles: Sequence[Profile], columns: Sequence[Ids], names: Names) -> None:
        self._profiles = profiles
        self._names = names
        self._lanes = [
            Lanes(profile, column) for profile, column in zip(profiles, columns, strict=True)
        ]
        self._frozen: dict[int, int] = {}  # asset -> offset below which its lane is complete
        self._ahead: set[int] = set()  # assets whose lanes were taken over from further ahead
        self._profile_of = np.zeros(0, np.int64)  # [assets], -1: nobody's
        self._tally = Tally()
        self._now_ns = 0
        self._cuts: set[int] = set()

    def resume(self, resume: Resume) -> None:
        """Take over lanes that cannot be replayed cheaply, and the tally."""
        self._tally = resume.note.tally if resume.note else Tally()
        self._cuts = {s.as_of for s in resume.snapshots if s.as_of > resume.offset}
        for snapshot in resume.snapshots:
            if snapshot.kind == "lane":
                asset = self._names.intern(snapshot.asset)
                owner = self._owners(np.array([asset], np.int32))[0]
                if owner >= 0:
                    self._lanes[owner].adopt(asset, snapshot.state["lane"])
                    self._frozen[asset] = snapshot.as_of
                    if snapshot.as_of > resume.offset:
                        self._ahead.add(asset)

    def replay(self, readings: Readings, low: int) -> None:
        """Take in readings whose windows have been judged before."""
        self._share(readings, low)

    def gather(
        self, readings: Readings, rejects: Sequence[Reject], low: int, high: int
    ) -> Gathered:
        """Take in the readings of a stretch of the log."""
        shares, more, tally = self._share(readings, low)
        self._tally = self._tally.plus(replace(tally, rejected=tally.rejected + len(rejects)))
        return Gathered(low, high, shares, [*rejects, *more], self._now_ns)

    def mark(self, offset: int, slow_before: int) -> Mark:
        """Return the lanes' half of a checkpoint at ``offset``.

        Lanes that would hold the replay back before ``slow_before`` are written down instead.
        """
        spilled = []
        for number, lanes in enumerate(self._lanes):
            for asset in lanes.slow(slow_before):
                spilled.append((number, asset, lanes.snapshot(asset)))
                lanes.mark_spilled(asset)
        replay_from = min(lanes.replay_from(offset) for lanes in self._lanes)
        return Mark(replay_from, self._tally, spilled)

    def tick(self, offset: int, quiet_ns: int) -> Gathered:
        """Return an empty stretch at ``offset``, ``quiet_ns`` after the log's newest time."""
        shares, _, _ = self._share(no_readings(), offset)
        return Gathered(offset, offset, shares, [], self._now_ns + quiet_ns)

    def cuts(self) -> list[int]:
        """Return the offsets ahead at which a snapshot was taken that is now in use.

        A stretch must not reach across one: behind it, more is judged than before it.
        """
        return sorted(self._cuts)

    def heard(self) -> list[Heard]:
        """Return when every asset was last heard, per profile.

        What lanes tell that were written down further ahead says nothing of the time it is here:
        taken for that, it would let all others seem silent.
        """
        heard = [Heard(*lanes.arrivals()) for lanes in self._lanes]
        for one in heard:
            here = one.arrived_ns[~np.isin(one.asset, list(self._ahead))]
            self._now_ns = max(self._now_ns, int(here.max(initial=0)))
        return heard

    def _share(self, readings: Readings, low: int) -> tuple[list[Share], list[Reject], Tally]:
        if len(readings):
            self._now_ns = max(self._now_ns, int(readings.arrived_ns.max()))
        readings = self._thaw(readings, low)
        owner = self._owners(readings.asset)
        shares, tally = [], Tally()
        rejects: list[Reject] = []
        for number, lanes in enumerate(self._lanes):
            own = readings if (owner == number).all() else take_readings(readings, owner == number)
            fed = lanes.feed(own, low)
            shares.append(Share(fed.windows, _heard(own, self._profiles[number])))
            rejects.extend(fed.rejects)
            counts = fed.counts
            tally = tally.plus(Tally(counts.accepted, counts.duplicate, counts.late, counts.future))
        return shares, rejects, tally

    def _thaw(self, readings: Readings, low: int) -> Readings:
        """Leave out readings that an adopted lane already holds."""
        self._frozen = {asset: as_of for asset, as_of in self._frozen.items() if as_of > low}
        if not self._frozen or not len(readings):
            return readings
        known_from = np.zeros(len(self._names), np.int64)
        known_from[list(self._frozen)] = list(self._frozen.values())
        return take_readings(readings, readings.record >= known_from[readings.asset])

    def _owners(self, asset: Ids) -> Times:
        unseen = self._names.table[len(self._profile_of) :]
        if unseen:
            fresh = np.array([self._owner(name) for name in unseen], np.int64)
            self._profile_of = np.concatenate([self._profile_of, fresh])
        return self._profile_of[asset]

    def _owner(self, name: str) -> int:
        owners = (n for n, profile in enumerate(self._profiles) if profile.owns(name))
        return next(owners, -1)


def take_readings(readings: Readings, chosen: NDArray[np.bool_]) -> Readings:
    """Return the chosen readings."""
    return Readings(
        readings.asset[chosen],
        readings.channel[chosen],
        readings.time_ns[chosen],
        readings.value[chosen],
        readings.record[chosen],
        readings.arrived_ns[chosen],
    )


def no_readings() -> Readings:
    """Return an empty batch."""
    ids, times = np.zeros(0, np.int32), np.zeros(0, np.int64)
    return Readings(ids, ids, times, np.zeros(0), times, times)


def _heard(readings: Readings, profile: Profile) -> Heard:
    """Return one row for every run of readings of one asset in one log entry.

    What comes from the future is as if it had not come, here as in the lanes.
    """
    told = take_readings(readings, readings.time_ns <= readings.arrived_ns + profile.max_ahead_ns)
    first = np.ones(len(told), np.bool_)
    first[1:] = (told.record[1:] != told.record[:-1]) | (told.asset[1:] != told.asset[:-1])
    starts = np.flatnonzero(first)
    newest_ns = np.maximum.reduceat(told.time_ns, starts) if len(starts) else told.time_ns
    return Heard(told.asset[starts], told.arrived_ns[starts], newest_ns)
