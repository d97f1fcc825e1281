"""What Tocsin needs from outside, and the two ways in which it may be refused.

Every port is an asynchronous context manager with ``ping()``, which returns one line about the
server or raises `Unavailable`. Anything raised other than the two errors here is a bug: it stops
the process, which starts again from its checkpoint.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from tocsin.core.records import Batch, Entry, Notice, Place, Record, Verdict

if TYPE_CHECKING:  # what stores points or tells people need not load torch
    from tocsin_models.bundle import Bundle


class Unavailable(Exception):  # noqa: N818 - a state of the world, read as such where it is caught
    """Keep everything and try again, after ``retry_after_s`` seconds if that is known."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Rejected(Exception):  # noqa: N818
    """These will never be accepted: ``reasons`` maps the index of each to its reason.

    Without reasons nothing will be, as of what is damaged.
    """

    def __init__(self, message: str, reasons: Mapping[int, str] | None = None) -> None:
        super().__init__(message)
        self.reasons = dict(reasons or {})


class Port(Protocol):
    """What all ports have."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    async def ping(self) -> str:
        """Return one line about what is there, or raise `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as Tocsin wants it. ``partitions=0`` means: as many as there are readings'."""

    name: str
    partitions: int
    compacted: bool = False
    retention_ns: int | None = None  # None: the log's default


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """What `Log.declare` found or did: ``state`` is created, present, missing or different."""

    name: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """Where a group stands in a partition, and the note that went with it."""

    offset: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Poll:
    """One look at the log. A partition may be lost and gained at once: lost comes first."""

    lost: Sequence[Place]
    gained: Sequence[Place]
    batches: Sequence[Batch]


class Membership(Port, Protocol):
    """A place in a consumer group. Records come only from places given in ``ready``."""

    async def poll(self, ready: Collection[Place], *, timeout_s: float, max_records: int) -> Poll:
        """Return what changed and what can be read now; an empty poll after ``timeout_s``.

        Never blocks longer than about ``timeout_s``. Batches hold at most ``max_records`` entries
        each, continue where the last batch of that place (or `seek`) ended, and are returned only
        for places that are ours and in ``ready``. A gained place gives nothing before `seek`.
        """
        ...

    async def seek(self, place: Place, offset: int) -> None:
        """Read on from ``offset``; below the first entry that is left, from that one."""
        ...

    async def committed(self, place: Place) -> Commit | None:
        """Return the group's last commit, whoever made it."""
        ...

    async def commit(self, place: Place, commit: Commit) -> bool:
        """Commit in one atomic write. False: the place is no longer ours, and nothing happened."""
        ...


class Log(Port, Protocol):
    """Topics of ordered, partitioned entries: the only thing that must survive."""

    async def declare(self, specs: Sequence[TopicSpec], *, create: bool) -> Sequence[TopicFinding]:
        """Compare topics with what is there, and create the missing ones if ``create``."""
        ...

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; 0 if there is no such topic."""
        ...

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        """Write all entries, in order per partition, and return their offsets once they are safe.

        Raises `Unavailable` if any may not have been written (those that were stay), `Rejected`
        if one can never be (too large, no such topic).
        """
        ...

    async def bounds(self, place: Place) -> tuple[int, int]:
        """Return the offset of the first entry that is left, and the next one to be written."""
        ...

    def read(self, place: Place, start: int, stop: int) -> AsyncIterator[Batch]:
        """Give the entries with ``start <= offset < stop`` that exist, in batches, then end.

        Ends by position, not by having seen ``stop - 1``: compaction may have removed it.
        """
        ...

    async def last_values(self, place: Place) -> Mapping[bytes, Record]:
        """Return the newest record of every key up to the end as it is now; no tombstones."""
        ...

    def join(self, group: str, topics: Sequence[str]) -> Membership:
        """Return a membership of ``group``, to be entered."""
        ...


class PointStore(Port, Protocol):
    """Where points in InfluxDB's line protocol go."""

    async def write(self, lines: Sequence[bytes]) -> None:
        """Store all lines (nanosecond precision, no newline at the end); return when taken.

        Raises `Unavailable`, or `Rejected` with the reason of each line that can never be stored;
        all other lines have then been stored.
        """
        ...


class Notifier(Port, Protocol):
    """One receiver of notices."""

    async def deliver(self, notice: Notice) -> None:
        """Tell the receiver; return when it has said that it understood.

        Raises `Unavailable` (try again) or `Rejected` (this receiver wants no more).
        """
        ...


@dataclass(frozen=True, slots=True)
class Version:
    """One published model and what was said of it."""

    profile: str
    version: str
    created_ns: int
    verdict: Verdict
    standing: str  # champion, previous, refused or retired


class Registry(Port, Protocol):
    """Immutable model bundles per profile, and a pointer to the one that scores."""

    async def publish(self, profile: str, bundle: "Bundle", verdict: Verdict, at_ns: int) -> None:
        """Store ``bundle`` under its version; the pointer stays where it is."""
        ...

    async def fetch(self, profile: str, version: str) -> "Bundle":
        """Return a bundle whose digests and golden probe hold.

        Raises `KeyError` if there is no such version, `ValueError` if it is damaged.
        """
        ...

    async def champion(self, profile: str) -> str | None:
        """Return the version that should score now."""
        ...

    async def promote(self, profile: str, version: str) -> None:
        """Let ``version`` score from now on; raises `KeyError` if there is no such version."""
        ...

    async def rollback(self, profile: str) -> str:
        """Swap champion and previous, return the new champion; `KeyError` if there is none."""
        ...

    async def versions(self, profile: str) -> Sequence[Version]:
        """Return all versions, oldest first."""
        ...
