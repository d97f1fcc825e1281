"""One SQLite connection on a thread of its own, so that no query holds up the event loop."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from tocsin.ports import Rejected, Unavailable

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

_BUSY_S = 5.0
_RETRY_S = 1.0
_OPENINGS = 100
_OPENING_S = 0.02
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


class Database:
    """A SQLite file, or a database in memory if ``path`` is None.

    A file is in WAL mode with ``synchronous=NORMAL``: what was committed survives the death of the
    process at any moment. If the machine loses power, the newest commits may be gone, all of them
    from one moment on: the file is then as it was a little earlier, never damaged.
    https://www.sqlite.org/pragma.html#pragma_synchronous
    """

    def __init__(self, path: str | Path | None, schema: str) -> None:
        self.path = None if path is None else Path(path)
        self._schema = schema
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    @property
    def name(self) -> str:
        """Where it is, for a person."""
        return "memory" if self.path is None else str(self.path)

    async def open(self) -> None:
        """Open the file and create what is missing in it; raises as `call` does."""
        self._thread = ThreadPoolExecutor(1, "sqlite")
        try:
            await self._submit(self._connect)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Finish what was begun, and close. A second time changes nothing."""
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        try:
            thread.submit(self._disconnect).result()
        finally:
            thread.shutdown()

    async def call(
        self,
        work: Callable[Concatenate[sqlite3.Connection, _Args], _Result],
        *args: _Args.args,
        **kwargs: _Args.kwargs,
    ) -> _Result:
        """Return ``work(connection, *args)``, done on the database's thread.

        Work that has begun is finished even if the caller is cancelled.

        Raises:
            Unavailable: if the file is locked, full or out of reach.
            Rejected: if it is no database, or a damaged one.
        """
        connection = self._connection
        if connection is None:
            raise RuntimeError("enter it with 'async with' before using it")
        return await self._submit(lambda: work(connection, *args, **kwargs))

    async def _submit(self, work: Callable[[], _Result]) -> _Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # none where Python itself objects
            if code in _DAMAGED:
                said = f"{self.name} is not Tocsin's, or is damaged; move it away"
                raise Rejected(said) from error
            if code not in _PASSING:
                raise
            raise Unavailable(f"{self.name}: {error}", _RETRY_S) from error
        except OSError as error:
            raise Unavailable(str(error), _RETRY_S) from error

    def _connect(self) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            ":memory:" if self.path is None else self.path, timeout=_BUSY_S, isolation_level=None
        )
        _prepare(self._connection, self._schema)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _prepare(connection: sqlite3.Connection, schema: str) -> None:
    # Two processes that create one file at the same moment: SQLite does not wait for the lock when
    # it switches to WAL, so whoever comes second asks again.
    for left in range(_OPENINGS, -1, -1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not left:
                raise
            time.sleep(_OPENING_S)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA cache_size=-32768")  # KiB
    with writing(connection):
        for statement in schema.split(";"):
            connection.execute(statement)


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all that is written within it, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
