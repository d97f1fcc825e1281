"""Sends a table of readings into the log, as fast as it takes them or in step with the data."""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import repeat

import numpy as np

from tocsin.core.formats.json import encode_wide
from tocsin.core.formats.table import Chunk
from tocsin.core.records import Entry, Floats
from tocsin.ports import Log, Unavailable

AS_FAST_AS_POSSIBLE = math.inf
REAL_TIME = 1.0
_SPEEDS = {"max": AS_FAST_AS_POSSIBLE, "real": REAL_TIME}

_EARLY_S = 0.02  # entries due within this time go out together
_WAIT_S = 1.0


class Stamp(StrEnum):
    """Which time the log keeps for an entry."""

    LOG = "log"
    """The log's own clock."""
    EVENT = "event"
    """The reading's time: the log's time is then the plant's, however fast it is sent."""


@dataclass(frozen=True, slots=True)
class ReplayPolicy:
    """How a table is sent.

    ``asset`` is whose readings they are where the table does not say. ``speed`` is how many
    seconds of data pass in a second. ``shift_ns`` is added to every time.
    """

    asset: str = ""
    speed: float = AS_FAST_AS_POSSIBLE
    shift_ns: int = 0
    stamp: Stamp = Stamp.LOG
    batch_entries: int = 1_000
    tries: int = 10

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise ValueError("replay: speed must be positive")
        if min(self.batch_entries, self.tries) < 1:
            raise ValueError("replay: batch_entries and tries must be at least 1")


@dataclass(frozen=True, slots=True)
class Pace:
    """The clock that a replay keeps step with: seconds that only rise, and how to wait."""

    now_s: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What the log has taken so far; times as they were sent."""

    records: int = 0
    readings: int = 0
    first_ns: int | None = None  # earliest and latest time
    last_ns: int | None = None
    bad_rows: int = 0
    share: float = 0.0  # of the table that has been sent


Progress = Callable[[ReplayReport], None]


def parse_speed(text: str) -> float:
    """Return the speed that "max", "real" or a positive number stands for.

    Raises:
        ValueError: if it is none of these.
    """
    try:
        speed = _SPEEDS.get(text) or float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise ValueError(f"speed: expected max, real or a positive number, found {text!r}")
    return speed


async def replay(
    log: Log,
    topic: str,
    table: Iterable[Chunk],
    policy: ReplayPolicy,
    pace: Pace,
    progress: Progress = lambda _: None,
) -> ReplayReport:
    """Send every row of ``table`` to ``topic``: wide JSON, keyed by asset, in the table's order.

    ``progress`` is told after every batch that the log has taken, so that what was sent is known
    even if this is cancelled.

    Raises:
        Unavailable: if the log was not there for ``policy.tries`` tries of one batch. What is
            tried again may stand in the log twice.
        ValueError: if neither the table nor the policy names an asset.
    """
    report, begin_s, origin_ns = ReplayReport(), pace.now_s(), None
    for chunk in table:
        if len(chunk) and origin_ns is None:
            origin_ns = int(chunk.time_ns[0])
        due_s = begin_s + (chunk.time_ns - (origin_ns or 0)) / 1e9 / policy.speed  # [N]
        at = 0
        while at < len(chunk):
            ready = _count_ready(due_s[at : at + policy.batch_entries], pace.now_s())
            if ready:
                rows = slice(at, at + ready)
                await _append(log, _entries(topic, chunk, rows, policy), policy, pace)
                report = _account(report, chunk, rows, policy)
                progress(report)
            else:
                await pace.sleep(due_s[at] - pace.now_s())
            at += ready
        report = replace(report, bad_rows=report.bad_rows + len(chunk.bad), share=chunk.share)
    return report


def _count_ready(due_s: Floats, now_s: float) -> int:
    """Return how many of the first entries are due."""
    early = due_s > now_s + _EARLY_S
    return int(early.argmax()) if early.any() else len(due_s)


async def _append(log: Log, entries: Sequence[Entry], policy: ReplayPolicy, pace: Pace) -> None:
    for left in range(policy.tries - 1, -1, -1):
        try:
            await log.append(entries)
        except Unavailable as error:
            if not left:
                raise
            await pace.sleep(_WAIT_S if error.retry_after_s is None else error.retry_after_s)
        else:
            return


def _entries(topic: str, chunk: Chunk, rows: slice, policy: ReplayPolicy) -> list[Entry]:
    asset = repeat(_only_asset(policy)) if chunk.asset is None else chunk.asset[rows]
    times_ns = (chunk.time_ns[rows] + policy.shift_ns).tolist()
    stamp = policy.stamp is Stamp.EVENT
    return [
        Entry(
            topic,
            encode_wide(name, time_ns, dict(zip(chunk.channels, cells, strict=True))),
            name.encode(),
            time_ns=time_ns if stamp else None,
        )
        for name, time_ns, cells in zip(asset, times_ns, chunk.values[rows].tolist(), strict=False)
    ]


def _only_asset(policy: ReplayPolicy) -> str:
    if not policy.asset:
        raise ValueError("replay: the table does not say whose readings these are: name an asset")
    return policy.asset


def _account(report: ReplayReport, chunk: Chunk, rows: slice, policy: ReplayPolicy) -> ReplayReport:
    times_ns = chunk.time_ns[rows] + policy.shift_ns
    first_ns, last_ns = int(times_ns.min()), int(times_ns.max())
    return replace(
        report,
        records=report.records + len(times_ns),
        readings=report.readings + int(np.isfinite(chunk.values[rows]).sum()),
        first_ns=first_ns if report.first_ns is None else min(report.first_ns, first_ns),
        last_ns=last_ns if report.last_ns is None else max(report.last_ns, last_ns),
    )
