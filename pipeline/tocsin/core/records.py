"""What travels: batches of columns, and the few rare things that are objects.

Times are ``int`` nanoseconds since the Unix epoch in UTC. NaN means "not measured" and nothing
else. A high score always means abnormal, and 1.0 is the boundary for every model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Times = NDArray[np.int64]
Ids = NDArray[np.int32]
Bytes = NDArray[np.uint8]

Headers = tuple[tuple[str, bytes], ...]


class Status(IntEnum):
    """Why a window has a score, or why it has none. Unknown is never normal."""

    OK = 0
    WARMING_UP = 1
    """The asset has not yet been seen for one whole window."""
    NO_MODEL = 2
    """Nothing has been learned for this profile yet."""
    LOW_COVERAGE = 3
    """Too few of the window's cells were measured."""
    ERROR = 4
    """The model gave no finite number."""


class Rule(StrEnum):
    """What an alert is about."""

    ANOMALY = "anomaly"
    SILENT = "silent"


class State(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How urgent an alert is."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Place:
    """One partition of one topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """One log entry as it was read; ``time_ns`` is the log's own time."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    time_ns: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One log entry to be written.

    Without ``partition`` the key chooses it; without ``time_ns`` the log's own clock is taken.
    """

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: Headers = ()
    time_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of one partition's entries, oldest first, as columns of equal length.

    ``low`` is the offset of the first entry and ``high`` the next offset to read: every entry
    with ``low <= offset < high`` that exists is here.
    """

    place: Place
    low: int
    high: int
    offsets: Sequence[int]
    times_ns: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers]

    def __len__(self) -> int:
        return len(self.offsets)

    def record(self, index: int) -> Record:
        """Return the entry at ``index`` as an object."""
        return Record(
            self.place.topic,
            self.place.partition,
            self.offsets[index],
            self.keys[index],
            self.values[index],
            self.headers[index],
            self.times_ns[index],
        )


class Names:
    """Names of assets as small integers; the table only grows."""

    def __init__(self) -> None:
        self.table: list[str] = []
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.table)

    def intern(self, name: str) -> int:
        """Return the id of ``name``, giving it the next free one at first sight."""
        found = self._ids.get(name)
        if found is None:
            found = self._ids[name] = len(self.table)
            self.table.append(name)
        return found


@dataclass(frozen=True, slots=True)
class Readings:
    """N readings in the order of the log."""

    asset: Ids  # [N] index into Names.table
    channel: Ids  # [N] index into the decoder's channels
    time_ns: Times  # [N] the sensor's own time
    value: Floats  # [N] engineering units, finite
    record: Times  # [N] offset of the log entry it came from, never falling
    arrived_ns: Times  # [N] the log's time of that entry

    def __len__(self) -> int:
        return len(self.asset)


@dataclass(frozen=True, slots=True)
class Reject:
    """A log entry, or a reading within it, that could not be used, and why."""

    offset: int
    reason: str
    """A short word for counting: parse, schema, future, ..."""
    detail: str
    """A sentence for a person, at most 500 characters."""


@dataclass(frozen=True, slots=True)
class Windows:
    """B windows that became due, ordered by asset and then by time."""

    asset: Ids  # [B]
    end_ns: Times  # [B] end of the last slot, exclusive
    status: Bytes  # [B] OK, WARMING_UP or LOW_COVERAGE
    values: Floats  # [B, T, F] engineering units, oldest slot first, NaN where not measured
    coverage: Floats  # [B, F] share of the window's slots in which the channel was measured

    def __len__(self) -> int:
        return len(self.asset)


@dataclass(frozen=True, slots=True)
class Scores:
    """B judged windows of one profile; every row has a status, only OK rows have numbers."""

    profile: str
    model: str  # version of the bundle, "" where there is none
    channels: tuple[str, ...]  # F names
    names: Sequence[str]  # what ``asset`` points into
    asset: Ids  # [B]
    end_ns: Times  # [B]
    status: Bytes  # [B]
    score: Floats  # [B] averaged surprise / limit; NaN unless OK
    error: Floats  # [B] this window's own surprise / its profile's limit; NaN unless OK
    blame: Singles  # [B, F] share of the error, sums to 1; NaN unless OK
    expected: Singles  # [B, F] the model's value for the last slot; NaN unless OK
    measured: Singles  # [B, F] the value measured in the last slot; NaN where none
    coverage: Singles  # [B, F]

    def __len__(self) -> int:
        return len(self.asset)


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in the life of an alert."""

    id: str
    sequence: int  # 1 for the first step of this alert
    asset: str
    profile: str
    rule: Rule
    state: State
    severity: Severity
    began_ns: int  # end of the first window (or time of the newest reading) that speaks for it
    opened_ns: int  # event time at which it was opened
    at_ns: int  # event time of this step
    resolved_ns: int | None = None
    score: float | None = None  # highest score so far
    channels: tuple[tuple[str, float], ...] = ()  # most blamed first, with their share
    model: str = ""
    summary: str = ""  # one sentence for a person


@dataclass(frozen=True, slots=True)
class Notice:
    """What one receiver is to be told; ``id`` is the same on every try."""

    id: str
    receiver: str
    body: bytes
    transitions: tuple[Transition, ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True)
class Check:
    """One reason in a verdict: the value that was found and the bound that it was held to."""

    name: str
    passed: bool
    value: float
    bound: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a challenger was promoted or refused."""

    promoted: bool
    checks: tuple[Check, ...]

    @property
    def failing(self) -> str:
        """What it failed, in sentences; empty if that is nothing."""
        return " ".join(check.sentence for check in self.checks if not check.passed)
