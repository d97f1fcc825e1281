"""What a log forgets: old entries, and in compacted topics those that a newer one replaced."""

import sqlite3
from dataclasses import dataclass

from tocsin.adapters.embedded.database import writing
from tocsin.adapters.embedded.entries import LAST, OFFSET_BITS
from tocsin.adapters.embedded.policy import LogPolicy

_STEP = 10_000
"""Entries deleted in one transaction, so that writers do not wait long."""
_WORTHWHILE = 1_000
"""New entries below which compacting is not worth reading the partition."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A partition as retention sees it: ``kept`` entries were left below ``compacted_to``."""

    number: int
    end: int
    size_bytes: int
    compacted: bool
    compacted_to: int
    kept: int
    retention_ns: int | None

    @property
    def low(self) -> int:
        """Row number of offset 0."""
        return self.number << OFFSET_BITS

    @property
    def high(self) -> int:
        """Above all row numbers of this partition."""
        return self.low + LAST


def trim(connection: sqlite3.Connection, policy: LogPolicy, now_ns: int) -> int:
    """Do one step of forgetting and return how many entries went; 0 when nothing is left to do."""
    for shelf in _shelves(connection, policy):
        if shelf.compacted:
            gone = _compact(connection, shelf, now_ns - policy.tombstone_ns)
        else:
            gone = _expire(connection, shelf, now_ns) or _shrink(connection, shelf, policy)
        if gone:
            return gone
    return 0


def _shelves(connection: sqlite3.Connection, policy: LogPolicy) -> list[Shelf]:
    rows = connection.execute(
        "SELECT id, next, bytes, compacted, compacted_to, kept, ifnull(retention_ns, ?)"
        " FROM places JOIN topics ON topics.name = topic WHERE next > 0",
        (policy.retention_ns,),
    )
    return [Shelf(*row) for row in rows]


def _expire(connection: sqlite3.Connection, shelf: Shelf, now_ns: int) -> int:
    """Delete from the oldest on what is too old.

    Age is counted from the newest entry, or from now if that is earlier: a recording from years
    ago is not old while it is being replayed, and one clock that is ahead makes nothing old.
    """
    newest = connection.execute(
        "SELECT time_ns FROM entries WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1",
        (shelf.low, shelf.high),
    ).fetchone()
    if newest is None or shelf.retention_ns is None:
        return 0
    oldest_ns = min(newest[0], now_ns) - shelf.retention_ns
    young = connection.execute(
        "SELECT id FROM entries WHERE id >= ? AND id < ? AND time_ns >= ? ORDER BY id LIMIT 1",
        (shelf.low, shelf.high, oldest_ns),
    ).fetchone()
    return _delete_below(connection, shelf, shelf.high if young is None else young[0])


def _shrink(connection: sqlite3.Connection, shelf: Shelf, policy: LogPolicy) -> int:
    """Delete from the oldest on until the partition is small enough."""
    if policy.retention_bytes is None or shelf.size_bytes <= policy.retention_bytes:
        return 0
    excess = shelf.size_bytes - policy.retention_bytes
    rows = connection.execute(
        "SELECT id, bytes FROM sizes WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (shelf.low, shelf.high, _STEP),
    )
    for number, size in rows.fetchall():
        if excess <= 0:
            return _delete_below(connection, shelf, number)
        excess -= size
    return _delete_below(connection, shelf, shelf.high)


def _delete_below(connection: sqlite3.Connection, shelf: Shelf, stop: int) -> int:
    """Delete the partition's oldest rows below ``stop``, one step's worth at most."""
    with writing(connection):
        count, last, size = connection.execute(
            "SELECT count(*), max(id), sum(bytes) FROM"
            " (SELECT id, bytes FROM sizes WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)",
            (shelf.low, stop, _STEP),
        ).fetchone()
        if not count:
            return 0
        connection.execute("DELETE FROM entries WHERE id >= ? AND id <= ?", (shelf.low, last))
        connection.execute("UPDATE places SET bytes = bytes - ? WHERE id = ?", (size, shelf.number))
    return int(count)


def _compact(connection: sqlite3.Connection, shelf: Shelf, tombstones_ns: int) -> int:
    """Keep the newest entry of every key, and young tombstones; worth it once half is new."""
    if shelf.end - shelf.compacted_to < max(_WORTHWHILE, shelf.kept):
        return 0
    span = (shelf.low, shelf.high)
    with writing(connection):
        gone = connection.execute(
            "DELETE FROM entries WHERE id >= ? AND id < ? AND id NOT IN"
            " (SELECT max(id) FROM entries WHERE id >= ? AND id < ? GROUP BY key)",
            span * 2,
        ).rowcount
        gone += connection.execute(
            "DELETE FROM entries WHERE id >= ? AND id < ? AND value IS NULL AND time_ns < ?",
            (*span, tombstones_ns),
        ).rowcount
        connection.execute(
            "UPDATE places SET compacted_to = ?, (kept, bytes) ="
            " (SELECT count(*), ifnull(sum(bytes), 0) FROM sizes WHERE id >= ? AND id < ?)"
            " WHERE id = ?",
            (shelf.end, *span, shelf.number),
        )
    return gone
