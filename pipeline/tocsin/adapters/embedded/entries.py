"""Topics and their entries as SQL: what runs on the database's thread.

An entry's row number is its partition's number times 2^40 plus its offset. So the entries of a
partition lie side by side in the order of their offsets, and no index is needed.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tocsin.adapters.embedded.database import writing
from tocsin.adapters.embedded.partitioner import partition_of
from tocsin.adapters.embedded.policy import LogPolicy
from tocsin.core.records import Batch, Entry, Headers, Place, Record
from tocsin.ports import Rejected

SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (
  name TEXT PRIMARY KEY, compacted INTEGER NOT NULL, retention_ns INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (
  id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
  next INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
  compacted_to INTEGER NOT NULL DEFAULT 0, kept INTEGER NOT NULL DEFAULT 0,
  UNIQUE (topic, partition)
);
CREATE TABLE IF NOT EXISTS entries (
  id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB
);
CREATE VIEW IF NOT EXISTS sizes AS
  SELECT id, ifnull(length(key), 0) + ifnull(length(value), 0) + ifnull(length(headers), 0) AS bytes
  FROM entries
"""

OFFSET_BITS = 40
_BATCH_BYTES = 8 << 20
_ROWS = 64

Row = tuple[int, int, bytes | None, bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that is there; ``places`` are the numbers of its partitions."""

    name: str
    compacted: bool
    retention_ns: int | None
    places: tuple[int, ...]


class Catalog:
    """The topics that are known to exist. A topic never changes, so it is looked up once."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    def find(self, connection: sqlite3.Connection, name: str) -> Topic | None:
        """Return the topic of this name, or None."""
        found = self._topics.get(name)
        if found is None and (found := _find(connection, name)):
            self._topics[name] = found
        return found

    def number(self, connection: sqlite3.Connection, place: Place) -> int:
        """Return the number of a partition; raises `Rejected` if there is no such partition."""
        topic = self.find(connection, place.topic)
        if topic is None or not 0 <= place.partition < len(topic.places):
            raise Rejected(f"there is no partition {place.partition} of topic {place.topic!r}")
        return topic.places[place.partition]


def _find(connection: sqlite3.Connection, name: str) -> Topic | None:
    row = connection.execute(
        "SELECT compacted, retention_ns FROM topics WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        return None
    places = connection.execute("SELECT id FROM places WHERE topic = ? ORDER BY partition", (name,))
    return Topic(name, bool(row[0]), row[1], tuple(number for (number,) in places))


@dataclass(slots=True)
class Writer:
    """Gives entries their partitions and offsets, and writes them."""

    catalog: Catalog
    policy: LogPolicy
    turn: int = 0

    def append(
        self, connection: sqlite3.Connection, entries: Sequence[Entry], now_ns: int
    ) -> list[int]:
        """Write all entries or none, and return their offsets."""
        numbers = self._route(connection, entries)
        with writing(connection):
            ends = {number: _end(connection, number) for number in set(numbers)}
            sizes = dict.fromkeys(ends, 0)
            offsets, rows = [], []
            for number, entry in zip(numbers, entries, strict=True):
                offset = ends[number]
                ends[number] = offset + 1
                offsets.append(offset)
                rows.append(row := _row((number << OFFSET_BITS) + offset, entry, now_ns))
                sizes[number] += sum(len(part or b"") for part in row[2:])
            connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
            connection.executemany(
                "UPDATE places SET next = ?, bytes = bytes + ? WHERE id = ?",
                [(end, sizes[number], number) for number, end in ends.items()],
            )
        return offsets

    def _route(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> list[int]:
        numbers: list[int] = []
        reasons: dict[int, str] = {}
        topics = {name: self.catalog.find(connection, name) for name in {e.topic for e in entries}}
        for index, entry in enumerate(entries):
            choice = self._choose(entry, topics[entry.topic])
            if isinstance(choice, str):
                reasons[index] = choice
            else:
                numbers.append(choice)
        if reasons:
            raise Rejected(f"{len(reasons)} of {len(entries)} entries cannot be written", reasons)
        return numbers

    def _choose(self, entry: Entry, topic: Topic | None) -> int | str:
        """Return the number of the entry's partition, or why it can have none."""
        if topic is None:
            return f"there is no topic {entry.topic!r}"
        if (size := _size_bytes(entry)) > self.policy.entry_bytes:
            return f"{size} bytes are more than the limit of {self.policy.entry_bytes}"
        if topic.compacted and entry.key is None:
            return f"topic {entry.topic!r} is compacted: its entries need a key"
        partition = entry.partition
        if partition is None and entry.key is not None:
            partition = partition_of(entry.key, len(topic.places))
        if partition is None:
            self.turn += 1
            partition = self.turn % len(topic.places)
        if not 0 <= partition < len(topic.places):
            return f"there is no partition {partition} of topic {entry.topic!r}"
        return topic.places[partition]


def _size_bytes(entry: Entry) -> int:
    size = len(entry.key or b"") + len(entry.value or b"")
    for name, value in entry.headers:
        size += len(name) + len(value)
    return size


def _row(number: int, entry: Entry, now_ns: int) -> Row:
    headers = msgspec.msgpack.encode(entry.headers) if entry.headers else None
    time_ns = now_ns if entry.time_ns is None else entry.time_ns
    return number, time_ns, entry.key, entry.value, headers


def _end(connection: sqlite3.Connection, number: int) -> int:
    found: int = connection.execute("SELECT next FROM places WHERE id = ?", (number,)).fetchone()[0]
    return found


def bounds(connection: sqlite3.Connection, catalog: Catalog, place: Place) -> tuple[int, int]:
    """Return the first offset that is left, and the next one to be written."""
    number = catalog.number(connection, place)
    end = _end(connection, number)
    low = number << OFFSET_BITS
    first = connection.execute(
        "SELECT id FROM entries WHERE id >= ? AND id < ? ORDER BY id LIMIT 1", (low, low + end)
    ).fetchone()
    return (end if first is None else first[0] - low), end


@dataclass(frozen=True, slots=True)
class Span:
    """What to read of a partition: at most ``limit`` entries of ``start <= offset < stop``."""

    place: Place
    start: int
    stop: int
    limit: int


LAST = (1 << OFFSET_BITS) - 1
"""Above every offset."""


def fetch(connection: sqlite3.Connection, catalog: Catalog, span: Span) -> Batch | None:
    """Return the next entries of ``span``, or None if there are none (left)."""
    low = catalog.number(connection, span.place) << OFFSET_BITS
    start, stop = min(max(span.start, 0), LAST), min(span.stop, LAST)
    cursor = connection.execute(
        "SELECT id, time_ns, key, value, headers FROM entries"
        " WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (low + start, low + max(start, stop), span.limit),
    )
    rows = list(_bounded(cursor))
    cursor.close()
    return _columns(span.place, low, rows) if rows else None


def _bounded(cursor: sqlite3.Cursor) -> Iterator[Row]:
    """Give rows until they are some megabytes, so that large entries come in small batches."""
    size = 0
    while size < _BATCH_BYTES and (rows := cursor.fetchmany(_ROWS)):
        size += sum(len(row[3] or b"") for row in rows)
        yield from rows


def _columns(place: Place, low: int, rows: Sequence[Row]) -> Batch:
    numbers, times_ns, keys, values, raw = zip(*rows, strict=True)
    first, high = numbers[0] - low, numbers[-1] - low + 1
    whole = high - first == len(numbers)
    return Batch(
        place,
        first,
        high,
        range(first, high) if whole else [number - low for number in numbers],
        times_ns,
        keys,
        values,
        [decode_headers(each) for each in raw] if any(raw) else ((),) * len(raw),
    )


_headers = msgspec.msgpack.Decoder(Headers)


def decode_headers(raw: bytes | None) -> Headers:
    """Return what was stored of an entry's headers."""
    return () if raw is None else _headers.decode(raw)


_NEWEST = """
SELECT id, time_ns, key, value, headers FROM entries
WHERE id IN (SELECT max(id) FROM entries WHERE id >= ? AND id < ? GROUP BY key)
  AND key IS NOT NULL AND value IS NOT NULL
ORDER BY id
"""


def last_values(
    connection: sqlite3.Connection, catalog: Catalog, place: Place
) -> Mapping[bytes, Record]:
    """Return the newest record of each key; a key whose newest entry is a tombstone has none."""
    low = catalog.number(connection, place) << OFFSET_BITS
    rows: Iterable[Row] = connection.execute(_NEWEST, (low, low + LAST))
    newest = {}
    for number, time_ns, key, value, headers in rows:
        if key is not None:
            where = (place.topic, place.partition, number - low)
            newest[key] = Record(*where, key, value, decode_headers(headers), time_ns)
    return newest
