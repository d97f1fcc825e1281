"""A place in a consumer group of the embedded log."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tocsin.adapters.embedded import groups
from tocsin.adapters.embedded.database import Database
from tocsin.adapters.embedded.entries import LAST, Catalog, Span, fetch
from tocsin.adapters.embedded.groups import Team, Title
from tocsin.core.records import Batch, Place
from tocsin.ports import Commit, Poll, Unavailable

_RENEWALS = 10
"""Leases are renewed so many times per session."""


@dataclass(slots=True)
class Holding:
    """A partition that is ours, and where to read on; nowhere before the first seek."""

    title: Title
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What one visit to the database found."""

    member: int | None
    titles: Mapping[Place, Title]
    batches: Sequence[Batch]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a member does in one visit to the database."""

    team: Team
    member: int | None
    renew_ns: int | None  # the time, if the lease is to be renewed
    spans: Sequence[Span]

    def pay(self, connection: sqlite3.Connection, catalog: Catalog) -> Sight:
        """Renew the lease, and see what is ours and what can be read."""
        member = self.member
        if self.renew_ns is not None:
            member = groups.renew(connection, self.team, member, self.renew_ns)
        titles = {} if member is None else groups.titles(connection, member)
        spans = [span for span in self.spans if span.place in titles]
        found = [fetch(connection, catalog, span) for span in spans]
        return Sight(member, titles, [batch for batch in found if batch is not None])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a membership shares with its log."""

    database: Database
    catalog: Catalog
    clock: Callable[[], int]
    members: "set[EmbeddedMembership]"
    tick_s: float  # how long a change made by another process may go unseen


class EmbeddedMembership:
    """One member of a group; see `tocsin.ports.Membership`.

    Polling keeps the lease. Nothing that this object knows changes before a visit to the database
    has come back, so a cancelled poll loses nothing.
    """

    def __init__(self, team: Team, around: Surroundings) -> None:
        self.bell = asyncio.Event()
        self.team = team
        self._around = around
        self._held: dict[Place, Holding] = {}
        self._member: int | None = None
        self._renewed_ns = 0

    async def __aenter__(self) -> Self:
        now_ns = self._around.clock()
        self._member = await self._around.database.call(groups.renew, self.team, None, now_ns)
        self._renewed_ns = now_ns
        self._around.members.add(self)
        self._ring()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        member, self._member = self._member, None
        self._held.clear()
        self._around.members.discard(self)
        if member is None:
            return
        with contextlib.suppress(Unavailable):  # then the lease runs out by itself
            await self._around.database.call(groups.leave, self.team, member, self._around.clock())
        self._ring()

    async def ping(self) -> str:
        """Return one line about the group, or raise `Unavailable`."""
        member = self._member or 0
        mine = await self._around.database.call(groups.titles, member)
        return f"member {member} of {self.team.name} with {len(mine)} partitions"

    async def poll(self, ready: Collection[Place], *, timeout_s: float, max_records: int) -> Poll:
        """Return what changed and what can be read; see `tocsin.ports.Membership`."""
        poll = await self._look(ready, max_records)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not (poll.lost or poll.gained or poll.batches):
                    await self._wait()
                    poll = await self._look(ready, max_records)
        return poll

    async def seek(self, place: Place, offset: int) -> None:
        """Read on from ``offset``; without effect on a partition that is not ours (any more)."""
        if holding := self._held.get(place):
            holding.position = max(offset, 0)
            self.bell.set()

    async def committed(self, place: Place) -> Commit | None:
        """Return the group's last commit."""
        return await self._around.database.call(groups.committed, self.team, place)

    async def commit(self, place: Place, commit: Commit) -> bool:
        """Commit, unless the partition has been anyone else's since it was last gained."""
        holding = self._held.get(place)
        if holding is None:
            return False
        return await self._around.database.call(groups.commit, self.team, holding.title, commit)

    def _ring(self) -> None:
        for member in self._around.members:
            if member.team.name == self.team.name:
                member.bell.set()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._around.tick_s):
                await self.bell.wait()

    async def _look(self, ready: Collection[Place], max_records: int) -> Poll:
        self.bell.clear()
        spans = [
            Span(place, holding.position, LAST, max_records)
            for place, holding in self._held.items()
            if place in ready and holding.position is not None
        ]
        now_ns = self._around.clock()
        due = abs(now_ns - self._renewed_ns) >= self.team.session_ns // _RENEWALS
        visit = Visit(self.team, self._member, now_ns if due else None, spans)
        sight = await self._around.database.call(visit.pay, self._around.catalog)
        self._member = sight.member
        if due:
            self._renewed_ns = now_ns
        lost, gained = self._exchange(sight.titles)
        return Poll(lost, gained, self._advance(spans, sight.batches))

    def _exchange(self, titles: Mapping[Place, Title]) -> tuple[list[Place], list[Place]]:
        """Take over who owns what; return what was lost and what was gained."""
        lost = [place for place, held in self._held.items() if titles.get(place) != held.title]
        for place in lost:
            del self._held[place]
        gained = [place for place in titles if place not in self._held]
        for place in gained:
            self._held[place] = Holding(titles[place])
        return lost, gained

    def _advance(self, spans: Sequence[Span], batches: Sequence[Batch]) -> list[Batch]:
        """Move on behind what was read, except where a place was lost or sought meanwhile."""
        starts = {span.place: span.start for span in spans}
        taken = []
        for batch in batches:
            holding = self._held.get(batch.place)
            if holding is not None and holding.position == starts[batch.place]:
                holding.position = batch.high
                taken.append(batch)
        return taken
