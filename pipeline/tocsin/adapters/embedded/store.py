"""The store of points in a SQLite file or in memory, for where there is no InfluxDB."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

import msgspec

from tocsin.adapters.embedded.database import Database, writing
from tocsin.adapters.embedded.lines import Field, LineError, parse_head, parse_line
from tocsin.ports import Rejected

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
  id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, tags TEXT NOT NULL,
  UNIQUE (measurement, tags)
);
CREATE TABLE IF NOT EXISTS points (
  series INTEGER NOT NULL, time_ns INTEGER NOT NULL, fields TEXT NOT NULL,
  PRIMARY KEY (series, time_ns)
) WITHOUT ROWID
"""

# A merge keeps the fields that the new point does not have.
_UPSERT = """
INSERT INTO points VALUES (?, ?, ?)
ON CONFLICT (series, time_ns) DO UPDATE SET fields = json_patch(fields, excluded.fields)
"""
_HEADS = 1 << 16
_MIN_NS, _MAX_NS = -(1 << 63), (1 << 63) - 1


class Point(TypedDict):
    """One stored point."""

    time_ns: int
    tags: dict[str, str]
    fields: dict[str, Field]


class EmbeddedStore:
    """A `tocsin.ports.PointStore` in one SQLite file; points can be read back with `select`.

    As in InfluxDB, a point is its measurement, tags and time: written again, new fields are added
    and old ones replaced. Unlike InfluxDB, a field may change its type. What a crash or a power
    cut may cost is told in `Database`.
    """

    def __init__(self, path: str | Path | None) -> None:
        self._database = Database(path, _SCHEMA)
        self._series: dict[bytes, int] = {}

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
        """Return one line about the store, or raise `Unavailable`."""
        count = await self._database.call(_count_series)
        return f"embedded store ({self._database.name}), {count} series"

    async def write(self, lines: Sequence[bytes]) -> None:
        """Store all lines; see `tocsin.ports.PointStore`."""
        reasons = await self._database.call(self._write, lines)
        if reasons:
            raise Rejected(f"{len(reasons)} of {len(lines)} lines are bad", reasons)

    async def select(
        self,
        measurement: str,
        *,
        start_ns: int | None = None,
        stop_ns: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[Point]:
        """Return the points with ``start_ns <= time_ns < stop_ns`` that have all ``tags``.

        In the order of time.
        """
        span = (_MIN_NS if start_ns is None else start_ns, _MAX_NS if stop_ns is None else stop_ns)
        return await self._database.call(_select, measurement, dict(tags or {}), span)

    async def trim(self, before_ns: int) -> int:
        """Forget all points before ``before_ns``; return how many there were."""
        return await self._database.call(_trim, before_ns)

    def _write(self, connection: sqlite3.Connection, lines: Sequence[bytes]) -> dict[int, str]:
        reasons: dict[int, str] = {}
        try:
            with writing(connection):
                rows = list(self._rows(connection, lines, reasons))
                connection.executemany(_UPSERT, rows)
        except BaseException:
            self._series.clear()  # it may name rows that are not there now
            raise
        return reasons

    def _rows(
        self, connection: sqlite3.Connection, lines: Iterable[bytes], reasons: dict[int, str]
    ) -> Iterator[tuple[int, int, str]]:
        for index, raw in enumerate(lines):
            try:
                line = parse_line(raw)
                series = self._number(connection, line.head)
            except LineError as error:
                reasons[index] = str(error)
            else:
                yield series, line.time_ns, msgspec.json.encode(line.fields).decode()

    def _number(self, connection: sqlite3.Connection, head: bytes) -> int:
        """Return the number of the series that ``head`` names; raises `LineError`."""
        if (known := self._series.get(head)) is not None:
            return known
        measurement, tags = parse_head(head)
        row = (measurement, msgspec.json.encode(tags).decode())
        connection.execute(
            "INSERT INTO series (measurement, tags) VALUES (?, ?) ON CONFLICT DO NOTHING", row
        )
        number: int = connection.execute(
            "SELECT id FROM series WHERE measurement = ? AND tags = ?", row
        ).fetchone()[0]
        if len(self._series) >= _HEADS:
            self._series.clear()
        self._series[head] = number
        return number


def _select(
    connection: sqlite3.Connection, measurement: str, tags: dict[str, str], span: tuple[int, int]
) -> list[Point]:
    points: list[Point] = []
    series = connection.execute("SELECT id, tags FROM series WHERE measurement = ?", (measurement,))
    for number, raw in series.fetchall():
        own = msgspec.json.decode(raw, type=dict[str, str])
        if not tags.items() <= own.items():
            continue
        rows = connection.execute(
            "SELECT time_ns, fields FROM points WHERE series = ? AND time_ns >= ? AND time_ns < ?",
            (number, *span),
        )
        for time_ns, fields in rows:
            points.append({"time_ns": time_ns, "tags": own, "fields": msgspec.json.decode(fields)})
    return sorted(points, key=lambda point: point["time_ns"])


def _trim(connection: sqlite3.Connection, before_ns: int) -> int:
    return connection.execute(
        "DELETE FROM points WHERE series IN (SELECT id FROM series) AND time_ns < ?", (before_ns,)
    ).rowcount


def _count_series(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("SELECT count(*) FROM series").fetchone()[0]
    return found
