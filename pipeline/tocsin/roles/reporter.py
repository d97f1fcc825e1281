"""Reports: what a role says of itself is written into the log while it works, and at its end."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from tocsin.core.operations import Report, RoleReport, encode_report
from tocsin.core.records import Entry, Place
from tocsin.ports import Log, Rejected, Unavailable
from tocsin.roles.figures import FIGURES

_log = structlog.get_logger()

_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class ReportPolicy:
    """How often a role is reported of, and under which name.

    Attributes:
        instance: what the process is called.
        topic: where reports go; of one partition.
        first_s: from the start to the first report.
        period_s: from one report to the next.
        grace_s: how long the last report may take, once the role has ended.
    """

    instance: str
    topic: str = "operations"
    first_s: float = 1.0
    period_s: float = 10.0
    grace_s: float = 1.0


class Reported(Protocol):
    """What can be reported of: a role with statistics that `FIGURES` reads."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""
        ...

    def statistics(self) -> Any:
        """Return what was done so far."""
        ...


class Reporter:
    """A role that works as it did, and is reported of.

    A report that the log does not take is dropped: the next one says the same and more. The role
    never waits for one.

    Args:
        role: whom it is about.
        name: which role that is, one of `FIGURES`.
        log: an entered log.
        policy: how often, and under which name.
        clock: the time in nanoseconds, for the reports.
    """

    def __init__(
        self, role: Reported, name: str, log: Log, policy: ReportPolicy, clock: Callable[[], int]
    ) -> None:
        self._role = role
        self._name = name
        self._read = FIGURES[name]
        self._log = log
        self._policy = policy
        self._clock = clock
        self._began_s = time.monotonic()
        self._complained = False

    def statistics(self) -> Any:
        """Return what the role has done so far."""
        return self._role.statistics()

    async def run(self, stop: asyncio.Event) -> None:
        """Let the role work until ``stop``, report of it, and once more when it has ended."""
        async with asyncio.TaskGroup() as tasks:
            reporting = tasks.create_task(self._report_regularly())
            await self._role.run(stop)
            reporting.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.grace_s):
                await self._report()

    async def _report_regularly(self) -> None:
        await asyncio.sleep(self._policy.first_s)
        while True:
            await self._report()
            await asyncio.sleep(self._policy.period_s)

    async def _report(self) -> None:
        try:
            report = await self._measure()
            await append_report(self._log, self._policy.topic, report)
            self._complained = False
        except (Unavailable, Rejected) as failure:
            if not self._complained:
                _log.warning("report_dropped", role=self._name, reason=str(failure))
            self._complained = True

    async def _measure(self) -> RoleReport:
        figures = self._read(self._role.statistics())
        numbers = {**figures.numbers, "uptime_s": time.monotonic() - self._began_s}
        if (memory := memory_bytes()) is not None:
            numbers["memory_bytes"] = memory
        if figures.positions:
            numbers["lag_entries"] = await self._lag(figures.positions)
        return RoleReport(self._policy.instance, self._name, self._clock(), numbers)

    async def _lag(self, positions: Mapping[Place, int]) -> int:
        """Return how many entries there are from the positions to the end of the log."""
        lag = 0
        for place, position in positions.items():
            first, end = await self._log.bounds(place)
            lag += max(end - max(position, first), 0)
        return lag


async def append_report(log: Log, topic: str, report: Report) -> None:
    """Write a report into the log, if the log is there.

    A log that is away is only asked a question: what it is given to write then, it goes on trying
    to write, and entries that matter more would wait for that.

    Raises:
        Unavailable: if the log does not take it now.
        Rejected: if it never will: there is no such topic.
    """
    place = Place(topic, 0)
    await log.bounds(place)
    await log.append([Entry(topic, encode_report(report), partition=place.partition)])


def memory_bytes(statm: Path = _STATM) -> int | None:
    """Return the resident memory of this process; None where the system does not tell.

    Linux tells what it is now. Elsewhere it is the most that it ever was.
    """
    try:
        pages = statm.read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return _peak_bytes()


def _peak_bytes() -> int | None:
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
