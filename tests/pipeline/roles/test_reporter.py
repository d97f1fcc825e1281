import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from draining import (
    BEGAN_NS,
    TOPICS,
    MemoryNotifier,
    alert_entries,
    running,
    score_entry,
    some_scores,
    step,
    until,
    whole,
)
from pumps import Flickering
from tocsin.adapters.embedded import EmbeddedStore
from tocsin.core.operations import RoleReport, decode_report, encode_report
from tocsin.core.points import MEASUREMENTS
from tocsin.core.records import Entry, Place
from tocsin.ports import Log, Unavailable
from tocsin.roles.notify import Notify, NotifyPolicy
from tocsin.roles.reporter import Reported, Reporter, ReportPolicy, memory_bytes
from tocsin.roles.sink import Sink, SinkPolicy, SinkStatistics

OFTEN = ReportPolicy("plant-7", first_s=0.01, period_s=0.02, grace_s=0.2)
SELDOM = replace(OFTEN, first_s=3_600.0)
REPORTS = Place("operations", 0)


class Idler:
    """A role that does nothing until it is told to stop, and says what it is given to say."""

    def __init__(self, said: SinkStatistics | None = None) -> None:
        self.said = said or SinkStatistics()
        self.error: Exception | None = None

    def statistics(self) -> SinkStatistics:
        return self.said

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.said = replace(self.said, entries=self.said.entries + 1)
        if self.error:
            raise self.error


class Counted(Flickering):
    """A log that counts what it is asked, and may never come to the end of an append."""

    asked = 0
    appends = 0
    hangs = False

    async def bounds(self, place: Place) -> tuple[int, int]:
        self.asked += 1
        return await super().bounds(place)

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        self.appends += 1
        if self.hangs:
            await asyncio.sleep(3_600)
        return await super().append(entries)


@pytest.fixture
async def log() -> AsyncIterator[Counted]:
    async with Counted(None, clock=time.time_ns) as log:
        await log.declare(TOPICS, create=True)
        yield log


def reported(
    role: Reported, log: Log, policy: ReportPolicy = OFTEN, name: str = "sink"
) -> Reporter:
    return Reporter(role, name, log, policy, lambda: BEGAN_NS)


async def reports(log: Log) -> list[RoleReport]:
    found = [decode_report(record.value or b"") for record in await whole(log, REPORTS)]
    return [each for each in found if isinstance(each, RoleReport)]


async def arrived(log: Log, count: int) -> None:
    async with asyncio.timeout(20):
        while len(await reports(log)) < count:  # noqa: ASYNC110 - what it looks at tells nobody
            await asyncio.sleep(0.005)


async def test_a_role_is_reported_of_soon_and_regularly_and_once_more_at_its_end(
    log: Counted,
) -> None:
    async with running(reported(Idler(SinkStatistics(entries=4, retries=2)), log)):
        await arrived(log, 3)
    *earlier, last = await reports(log)
    assert {(each.instance, each.role, each.at_ns) for each in [*earlier, last]} == {
        ("plant-7", "sink", BEGAN_NS)
    }
    assert {each.numbers["entries"] for each in earlier} == {4}
    assert (last.numbers["entries"], last.numbers["retries"]) == (5, 2)
    assert 0 <= earlier[0].numbers["uptime_s"] < last.numbers["uptime_s"] < 20
    assert last.numbers["memory_bytes"] > 1e6
    assert "lag_entries" not in last.numbers


async def test_the_first_report_does_not_wait_for_a_period(log: Counted) -> None:
    async with running(reported(Idler(), log, replace(OFTEN, period_s=3_600.0))):
        await arrived(log, 1)


async def test_the_lag_is_what_stands_between_the_positions_and_the_end(log: Counted) -> None:
    await log.append([score_entry(some_scores("p", 1), n % 2) for n in range(9)])
    said = SinkStatistics(positions={Place("scores", 0): 1, Place("scores", 1): 4})
    async with running(reported(Idler(said), log, SELDOM)):
        pass
    (last,) = await reports(log)
    assert last.numbers["lag_entries"] == 4  # four of five, none of four


async def test_a_log_that_is_gone_costs_reports_and_nothing_else(log: Counted) -> None:
    role = reported(Idler(), log)
    async with running(role) as task:
        await arrived(log, 1)
        asked, appends, log.failures = log.asked, log.appends, 1 << 30
        with capture_logs() as said:
            await until(lambda: log.asked > asked + 5)
        assert not task.done()
        assert log.appends <= appends + 1  # it was asked, and not given what it cannot take
        log.failures = 0
        await arrived(log, appends + 3)
    assert role.statistics().entries == 1
    assert [line["event"] for line in said] == ["report_dropped"]


async def test_without_its_topic_a_report_is_dropped() -> None:
    async with Counted(None, clock=time.time_ns) as log:
        role = reported(Idler(), log)
        async with running(role) as task:
            await until(lambda: log.asked > 2)
            assert not task.done()
        assert role.statistics().entries == 1
        assert await log.partitions("operations") == 0


async def test_a_log_that_hangs_does_not_keep_a_role_from_its_end(log: Counted) -> None:
    log.hangs = True
    async with running(reported(Idler(), log)):
        await until(lambda: log.appends > 0)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 2


async def test_a_role_that_fails_fails_as_it_would_have(log: Counted) -> None:
    idler = Idler()
    idler.error = ZeroDivisionError("a bug")
    with pytest.RaisesGroup(ZeroDivisionError):
        async with running(reported(idler, log)):
            await arrived(log, 1)


async def test_a_report_becomes_a_point_through_the_sink_that_it_is_about(log: Counted) -> None:
    await log.append([score_entry(some_scores("p1", 5)), *alert_entries([step("a1", 1)])])
    async with EmbeddedStore(None) as store:
        sink = Sink(log, store, SinkPolicy(poll_s=0.02))
        notify = Notify(log, {"shift": MemoryNotifier()}, NotifyPolicy(poll_s=0.02), time.time_ns)
        clock = iter(range(BEGAN_NS, BEGAN_NS + 10**6)).__next__
        told = Reporter(notify, "notify", log, OFTEN, clock)
        async with (
            running(Reporter(sink, "sink", log, OFTEN, clock)),
            running(told),
        ):
            found = await newest(store, "sink", lambda said: said["entries"] >= 2)
            assert found["lines"] >= 11
            assert found["lag_entries"] >= 0
            # between a delivery and its place in the log a step is delivered and still pending
            await newest(store, "notify", lambda said: said["delivered"] == 1 > said["pending"])
        assert len(await store.select("tocsin_score")) == 5
        for point in await store.select("tocsin_role"):
            assert tuple(point["tags"]) == MEASUREMENTS["tocsin_role"].tags
            assert all(isinstance(value, float) for value in point["fields"].values())


async def newest(
    store: EmbeddedStore, role: str, enough: Callable[[Mapping[str, float]], bool]
) -> Mapping[str, float]:
    """Wait for a point that says enough, and return its fields."""
    async with asyncio.timeout(20):
        while True:
            for point in await store.select("tocsin_role", tags={"role": role}):
                fields = {name: float(value) for name, value in point["fields"].items()}
                if enough(fields):
                    return fields
            await asyncio.sleep(0.01)


class Shut(EmbeddedStore):
    """A store that takes nothing."""

    async def write(self, lines: Sequence[bytes]) -> None:
        raise Unavailable(f"no room for {len(lines)} lines", 0.01)


async def test_a_sink_says_how_much_waits_while_the_store_is_away(log: Counted) -> None:
    await log.append([score_entry(some_scores("p1", 1, n), n % 2) for n in range(200)])
    async with Shut(None) as store:
        sink = Sink(log, store, SinkPolicy(poll_s=0.02))
        async with running(reported(sink, log)):
            await until(lambda: sink.statistics().retries > 1)
            told = len(await reports(log))
            await arrived(log, told + 2)
    *_, before_the_end, _ = await reports(log)
    assert before_the_end.numbers["lag_entries"] >= 200
    assert before_the_end.numbers["retries"] > 1


async def test_the_same_report_is_the_same_point_when_it_is_stored_again(log: Counted) -> None:
    report = encode_report(RoleReport("h", "sink", BEGAN_NS, {"lines": 1 / 3, "uptime_s": 2.0}))
    await log.append([Entry("operations", report, partition=0)] * 2)
    async with EmbeddedStore(None) as store:
        sink = Sink(log, store, SinkPolicy(poll_s=0.02))
        async with running(sink):
            await until(lambda: sink.statistics().lines == 2)
        (point,) = await store.select("tocsin_role")
    assert point["fields"] == {"lines": 1 / 3, "uptime_s": 2.0}


def test_memory_is_what_the_system_says_it_is_now(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    statm.write_text("9000 1234 100 1 0 50 0\n")
    assert memory_bytes(statm) in {1234 * 4096, 1234 * 16384, 1234 * 65536}


def test_memory_is_the_most_it_ever_was_where_the_system_says_no_more(tmp_path: Path) -> None:
    now, most = memory_bytes(), memory_bytes(tmp_path / "none")
    assert now is not None
    assert most is not None
    assert most > now / 2
