"""The log in a SQLite file or in memory: Kafka's semantics, without a server."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection, sqlite_version
from types import TracebackType
from typing import Self

from tocsin.adapters.embedded import entries as rows
from tocsin.adapters.embedded import groups
from tocsin.adapters.embedded.database import Database
from tocsin.adapters.embedded.entries import Catalog, Span, Topic, Writer
from tocsin.adapters.embedded.groups import Team
from tocsin.adapters.embedded.membership import EmbeddedMembership, Surroundings
from tocsin.adapters.embedded.policy import SECOND_NS, LogPolicy
from tocsin.adapters.embedded.retention import trim
from tocsin.adapters.embedded.topics import compare, declare
from tocsin.core.records import Batch, Entry, Place, Record
from tocsin.ports import TopicFinding, TopicSpec, Unavailable

_READ = 5_000
_TICK_S = 0.05
_ALONE_TICK_S = 1.0
_SCHEMA = f"{rows.SCHEMA};{groups.SCHEMA}"


class EmbeddedLog:
    """A `tocsin.ports.Log` in one SQLite file, shared by any number of processes of one machine.

    An append is one transaction, acknowledged when it would survive the death of the process. A
    power cut may take the newest appends and commits with it, always together and in order, so
    that a group never stands beyond the end of what is there.

    Attributes:
        clock: gives the time of entries that have none, and of leases, in ns.
    """

    def __init__(
        self, path: str | Path | None, *, clock: Callable[[], int], policy: LogPolicy | None = None
    ) -> None:
        self.clock = clock
        self._policy = policy or LogPolicy()
        self._catalog = Catalog()
        self._writer = Writer(self._catalog, self._policy)
        self._database = Database(path, _SCHEMA)
        self._members: set[EmbeddedMembership] = set()
        self._swept_ns = clock()

    async def __aenter__(self) -> Self:
        await self._database.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    async def ping(self) -> str:
        """Return one line about the log, or raise `Unavailable`."""
        count = await self._database.call(_count_topics)
        return f"embedded log ({self._database.name}), {count} topics, SQLite {sqlite_version}"

    async def declare(self, specs: Sequence[TopicSpec], *, create: bool) -> Sequence[TopicFinding]:
        """Compare topics with what is there, and create the missing ones if ``create``.

        ``partitions=0`` means as many as the first topic of ``specs`` has.
        """
        if not create:
            return await self._database.call(compare, self._catalog, specs)
        return await self._database.call(declare, self._catalog, specs, self._policy)

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; 0 if there is no such topic."""
        found = await self._database.call(self._find, topic)
        return 0 if found is None else len(found.places)

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        """Write all entries or none, and return their offsets.

        Keys choose partitions as in Kafka's own clients. Raises `Unavailable`, or `Rejected` if
        an entry is too large, has no place to go, or lacks the key that a compacted topic needs.
        """
        if not entries:
            return []
        now_ns = self.clock()
        offsets = await self._database.call(self._writer.append, entries, now_ns)
        touched = {entry.topic for entry in entries}
        for member in self._members:
            if not touched.isdisjoint(member.team.topics):
                member.bell.set()
        if abs(now_ns - self._swept_ns) >= self._policy.sweep_ns:
            self._swept_ns = now_ns
            with contextlib.suppress(Unavailable):  # what was written is written
                await self.trim()
        return offsets

    async def bounds(self, place: Place) -> tuple[int, int]:
        """Return the offset of the first entry that is left, and the next one to be written."""
        return await self._database.call(rows.bounds, self._catalog, place)

    async def read(self, place: Place, start: int, stop: int) -> AsyncIterator[Batch]:
        """Give the entries with ``start <= offset < stop`` that exist, in batches, then end."""
        while start < stop:
            span = Span(place, start, stop, _READ)
            batch = await self._database.call(rows.fetch, self._catalog, span)
            if batch is None:
                return
            yield batch
            start = batch.high

    async def last_values(self, place: Place) -> Mapping[bytes, Record]:
        """Return the newest record of every key, no tombstones."""
        return await self._database.call(rows.last_values, self._catalog, place)

    def join(self, group: str, topics: Sequence[str]) -> EmbeddedMembership:
        """Return a membership of ``group``, to be entered."""
        team = Team(group, tuple(topics), self._policy.session_ns)
        # In memory nobody else can change anything, and members of this log ring each other.
        longest_s = _ALONE_TICK_S if self._database.path is None else _TICK_S
        tick_s = min(longest_s, self._policy.session_ns / 10 / SECOND_NS)
        around = Surroundings(self._database, self._catalog, self.clock, self._members, tick_s)
        return EmbeddedMembership(team, around)

    async def trim(self) -> int:
        """Forget what retention and compaction allow; return how many entries went.

        The log does so by itself while it is written to.
        """
        total = 0
        now_ns = self.clock()
        while gone := await self._database.call(trim, self._policy, now_ns):
            total += gone
        return total

    def _find(self, connection: Connection, topic: str) -> Topic | None:
        return self._catalog.find(connection, topic)


def _count_topics(connection: Connection) -> int:
    found: int = connection.execute("SELECT count(*) FROM topics").fetchone()[0]
    return found
