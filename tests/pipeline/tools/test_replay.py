import asyncio
import math
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from json_entries import rows_of
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.formats.json import JsonDecoder
from tocsin.core.formats.table import BadRow, Chunk
from tocsin.core.records import Batch, Entry, Names, Place
from tocsin.ports import TopicSpec, Unavailable
from tocsin.tools.replay import Pace, ReplayPolicy, ReplayReport, Stamp, parse_speed, replay

NOW_NS = 1_800_000_000_000_000_000
START_NS = 1_700_000_000_000_000_000
SECOND_NS = 10**9


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.naps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

    def pace(self) -> Pace:
        return Pace(lambda: self.now_s, self.sleep)


class FlakyLog(EmbeddedLog):
    """An embedded log that is away for the first appends."""

    away = 0

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        if self.away:
            self.away -= 1
            raise Unavailable("away", retry_after_s=7.0)
        return await super().append(entries)


@pytest.fixture
async def log() -> AsyncIterator[FlakyLog]:
    async with FlakyLog(None, clock=lambda: NOW_NS) as log:
        await log.declare([TopicSpec("readings", 1)], create=True)
        yield log


async def entries_of(log: EmbeddedLog) -> Batch:
    (batch,) = [batch async for batch in log.read(Place("readings", 0), 0, 10**6)]
    return batch


def table(rows: int, *, asset: str | None = None, start: int = 0) -> Chunk:
    steps = np.arange(start, start + rows)
    values = np.stack([steps * 1.0, np.where(steps % 2, np.nan, -1.0)], axis=1)
    names = None if asset is None else (asset,) * rows
    return Chunk(names, START_NS + steps * SECOND_NS, ("a", "b"), values)


async def test_every_row_becomes_a_wide_record_keyed_by_its_asset(log: FlakyLog) -> None:
    policy = ReplayPolicy(asset="Pümpe", batch_entries=4)
    report = await replay(log, "readings", [table(10)], policy, Clock().pace())
    assert report == ReplayReport(10, 15, START_NS, START_NS + 9 * SECOND_NS, 0, 1.0)
    batch = await entries_of(log)
    assert set(batch.keys) == {"Pümpe".encode()}
    assert set(batch.times_ns) == {NOW_NS}
    names = Names()
    rows = rows_of(JsonDecoder(("a", "b"), names).decode(batch), names, ("a", "b"))
    assert [row[1:5] for row in rows if row[2] == "a"] == [
        ("Pümpe", "a", START_NS + step * SECOND_NS, float(step)) for step in range(10)
    ]
    assert len(rows) == 15


async def test_a_table_may_name_the_assets_itself(log: FlakyLog) -> None:
    chunks = [table(2, asset="P1"), table(2, asset="P2")]
    await replay(log, "readings", chunks, ReplayPolicy(), Clock().pace())
    assert list((await entries_of(log)).keys) == [b"P1", b"P1", b"P2", b"P2"]


async def test_readings_of_nobody_are_not_sent(log: FlakyLog) -> None:
    with pytest.raises(ValueError, match="name an asset"):
        await replay(log, "readings", [table(2)], ReplayPolicy(), Clock().pace())


async def test_times_may_be_shifted_and_stamped_on_the_entries(log: FlakyLog) -> None:
    shift_ns = NOW_NS - START_NS
    policy = ReplayPolicy("P1", shift_ns=shift_ns, stamp=Stamp.EVENT)
    report = await replay(log, "readings", [table(3)], policy, Clock().pace())
    assert (report.first_ns, report.last_ns) == (NOW_NS, NOW_NS + 2 * SECOND_NS)
    assert list((await entries_of(log)).times_ns) == [NOW_NS + i * SECOND_NS for i in range(3)]


@pytest.mark.parametrize(("speed", "taken_s"), [(1.0, 9.0), (3.0, 3.0), (math.inf, 0.0)])
async def test_a_replay_keeps_step_with_the_data(
    log: FlakyLog, speed: float, taken_s: float
) -> None:
    clock, sent = Clock(), list[tuple[float, int]]()
    await replay(
        log,
        "readings",
        [table(5), table(5, start=5)],
        ReplayPolicy("P1", speed),
        clock.pace(),
        lambda report: sent.append((clock.now_s - 50.0, report.records)),
    )
    assert math.isclose(clock.now_s - 50.0, taken_s, abs_tol=1e-9)
    if speed < math.inf:
        assert [count for _, count in sent] == list(range(1, 11))
        assert [at_s for at_s, _ in sent] == pytest.approx([at / speed for at in range(10)])


async def test_rows_that_are_due_together_go_out_together(log: FlakyLog) -> None:
    clock, sent = Clock(), list[int]()
    policy = ReplayPolicy("P1", speed=1_000.0)
    await replay(
        log, "readings", [table(100)], policy, clock.pace(), lambda r: sent.append(r.records)
    )
    assert len(sent) < 10
    assert sent[-1] == 100


async def test_rows_out_of_order_are_sent_at_once(log: FlakyLog) -> None:
    backwards = table(5)
    chunk = Chunk(None, backwards.time_ns[::-1], backwards.channels, backwards.values)
    clock = Clock()
    report = await replay(log, "readings", [chunk], ReplayPolicy("P1", 1.0), clock.pace())
    assert report.records == 5
    assert not clock.naps


async def test_bad_rows_of_the_table_are_counted(log: FlakyLog) -> None:
    none = np.zeros(0, np.int64)
    bad = Chunk(None, none, ("a",), np.zeros((0, 1)), (BadRow(7, "no"), BadRow(8, "no")))
    report = await replay(log, "readings", [bad, table(1)], ReplayPolicy("P1"), Clock().pace())
    assert (report.bad_rows, report.records) == (2, 1)


async def test_an_unavailable_log_is_tried_again_when_it_says(log: FlakyLog) -> None:
    log.away, clock = 2, Clock()
    report = await replay(log, "readings", [table(3)], ReplayPolicy("P1"), clock.pace())
    assert report.records == len(await entries_of(log)) == 3
    assert clock.naps == [7.0, 7.0]


async def test_a_log_that_stays_away_ends_the_replay(log: FlakyLog) -> None:
    log.away = 3
    with pytest.raises(Unavailable):
        await replay(log, "readings", [table(3)], ReplayPolicy("P1", tries=3), Clock().pace())


async def test_a_cancelled_replay_has_told_what_it_sent(log: FlakyLog) -> None:
    told, waiting = list[ReplayReport](), asyncio.Event()

    async def sleep(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    pace = Pace(lambda: 0.0, sleep)
    policy = ReplayPolicy("P1", speed=1.0)
    task = asyncio.create_task(replay(log, "readings", [table(5)], policy, pace, told.append))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told[-1].records == len(await entries_of(log)) == 1


def test_a_speed_is_a_word_or_a_number() -> None:
    assert parse_speed("max") == math.inf
    assert parse_speed("real") == 1.0
    assert parse_speed("2.5") == 2.5
    for wrong in ("fast", "0", "-1", "nan", ""):
        with pytest.raises(ValueError, match="speed"):
            parse_speed(wrong)


@pytest.mark.parametrize("wrong", [{"speed": 0.0}, {"batch_entries": 0}, {"tries": 0}])
def test_a_policy_that_would_never_send_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="replay"):
        ReplayPolicy("P1", **wrong)  # type: ignore[arg-type]
