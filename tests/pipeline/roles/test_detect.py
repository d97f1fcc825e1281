import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import pytest

from detecting import all_scores, detecting, publish, score_rows, send, specs, steps, until, values
from simulation import Input, World, wide
from small_models import small_model
from tocsin.adapters.embedded import EmbeddedLog, LogPolicy
from tocsin.core.profile import SECOND_NS, AlertPolicy, Profile
from tocsin.core.records import Entry, Place, Status
from tocsin.roles.detect import DetectPolicy

START_NS = 1_700_000_000 * SECOND_NS
PROFILE = Profile(
    "p",
    ("flow", "heat"),
    length=8,
    stride=2,
    silent_after_ns=30 * SECOND_NS,
    alerts=AlertPolicy(open_count=2, open_of=3, calm_count=2),
)
FAST = DetectPolicy(poll_s=0.02, checkpoint_s=0.05, tick_s=0.05, champion_s=0.05, poll_records=40)


@pytest.fixture
async def log() -> AsyncIterator[EmbeddedLog]:
    policy = LogPolicy(retention_ns=None)
    async with EmbeddedLog(None, clock=lambda: START_NS, policy=policy) as embedded:
        await embedded.declare(specs(FAST.topics), create=True)
        yield embedded


def plant(seconds: int, first: int = 0, spike: range = range(0)) -> list[Input]:
    entries = []
    for second in range(first, first + seconds):
        time_ns = START_NS + second * SECOND_NS
        for asset in ("a", "b"):
            flow = 9.0 if second in spike and asset == "a" else 0.5
            values = {"flow": flow, "heat": 0.25}
            entries.append(Input(time_ns, wide(asset, time_ns, values)))
    return entries


async def test_a_running_detector_says_what_the_engine_says(log: EmbeddedLog) -> None:
    bundle, entries = small_model(PROFILE), plant(120, spike=range(40, 70))
    world = World(entries, [PROFILE], {"p": bundle})
    world.start()
    world.feed(0, len(entries))
    await publish(log, "p", bundle)
    await send(log, entries)
    async with detecting(log, [PROFILE], FAST) as detector:
        await until(lambda: detector.statistics().records == len(entries))
    found, conflicts = await score_rows(log)
    assert conflicts == []
    assert found == world.rows
    assert dict.fromkeys(await steps(log), True) == dict.fromkeys(world.steps, True)
    assert world.steps


async def test_a_detector_that_is_started_again_goes_on_where_it_was(log: EmbeddedLog) -> None:
    bundle, entries = small_model(PROFILE), plant(120, spike=range(40, 70))
    await publish(log, "p", bundle)
    for at in range(0, len(entries), 60):
        await send(log, entries[at : at + 60])
        async with detecting(log, [PROFILE], FAST) as detector:
            await until(lambda: detector.statistics().records == 60)
    world = World(entries, [PROFILE], {"p": bundle})
    world.start()
    world.feed(0, len(entries))
    found, conflicts = await score_rows(log)
    assert conflicts == []
    assert found == world.rows


async def test_windows_without_a_model_say_so_until_one_is_there(log: EmbeddedLog) -> None:
    async with detecting(log, [PROFILE], FAST) as detector:
        await send(log, plant(60))
        await until(lambda: detector.statistics().windows.get("no_model", 0) > 0)
        assert "ok" not in detector.statistics().windows
        await publish(log, "p", small_model(PROFILE))
        await until(lambda: detector.statistics().swaps == 1)
        await send(log, plant(60, first=60))
        await until(lambda: detector.statistics().windows.get("ok", 0) > 0)
    for scores in await all_scores(log):
        unscored = scores.status != Status.OK
        assert not (scores.score[unscored] == scores.score[unscored]).any()  # all NaN
        assert (scores.status == Status.NO_MODEL).any() == (scores.model == "")


async def test_a_new_champion_takes_over_at_a_checkpoint_and_no_window_is_lost(
    log: EmbeddedLog,
) -> None:
    first, second = small_model(PROFILE), small_model(PROFILE, seed=1)
    await publish(log, "p", first)
    async with detecting(log, [PROFILE], FAST) as detector:
        await send(log, plant(60))
        await until(lambda: detector.statistics().records == 120)
        await publish(log, "p", second)
        await until(lambda: detector.statistics().swaps == 1)
        await send(log, plant(60, first=60))
        await until(lambda: detector.statistics().records == 240)
    found, conflicts = await score_rows(log)
    ends = sorted({end for _, end in found})
    assert conflicts == []
    assert {b - a for a, b in pairwise(ends)} == {2 * SECOND_NS}
    assert {scores.model for scores in await all_scores(log)} == {first.version, second.version}


async def test_what_cannot_be_read_is_a_dead_letter_with_its_reason(log: EmbeddedLog) -> None:
    await log.append([Entry("readings", b"{nonsense", b"key", 0, (("h", b"1"),), START_NS)])
    async with detecting(log, [PROFILE], FAST) as detector:
        await until(lambda: detector.statistics().rejects == 1)
    found = [r async for b in log.read(Place("dead-letters", 0), 0, 9) for r in [b.record(0)]]
    headers = dict(found[0].headers)
    assert (found[0].key, found[0].value, headers["h"]) == (b"key", b"{nonsense", b"1")
    assert headers["__connect.errors.topic"] == b"readings"
    assert headers["__connect.errors.offset"] == b"0"
    assert headers["__connect.errors.stage"] == b"parse"


async def test_a_partition_that_falls_silent_is_told_by_the_time_of_the_log(
    log: EmbeddedLog,
) -> None:
    quick = replace(PROFILE, silent_after_ns=2 * SECOND_NS)
    async with detecting(log, [quick], FAST) as detector:
        await send(log, plant(20))
        await until(lambda: detector.statistics().transitions == 2)
    said = list((await steps(log)).values())
    assert {(step.asset, step.rule, step.state) for step in said} == {
        ("a", "silent", "open"),
        ("b", "silent", "open"),
    }
    assert {step.at_ns for step in said} == {START_NS + 21 * SECOND_NS}


async def test_the_commit_says_where_a_restore_begins_and_what_became_of_every_reading(
    log: EmbeddedLog,
) -> None:
    await send(log, plant(200))
    async with detecting(log, [PROFILE], FAST) as detector:
        await until(lambda: detector.statistics().records == 400)
    async with log.join(FAST.group, ["readings"]) as membership:
        commit = await membership.committed(Place("readings", 0))
    assert commit is not None
    note = json.loads(commit.note)
    assert commit.offset == 400
    assert 0 < note["l"] < 400
    assert note["n"] == [800, 0, 0, 0]
    assert len(await values(log, "scores")) > 0


async def test_a_detector_that_was_frozen_takes_its_partitions_over_anew(log: EmbeddedLog) -> None:
    bundle, entries = small_model(PROFILE), plant(120, spike=range(40, 70))
    await publish(log, "p", bundle)
    await send(log, entries[:100])
    async with detecting(log, [PROFILE], replace(FAST, lease_s=0.5)) as detector:
        await until(lambda: detector.statistics().records == 100)
        time.sleep(1.0)  # noqa: ASYNC251 - the whole process stands still, as under SIGSTOP
        await until(lambda: detector.statistics().takeovers == 2)
        await send(log, entries[100:])
        end = {Place("readings", 0): len(entries)}  # it may have begun anew at the first entry
        await until(lambda: detector.statistics().positions == end)
    world = World(entries, [PROFILE], {"p": bundle})
    world.start()
    world.feed(0, len(entries))
    found, conflicts = await score_rows(log)
    assert conflicts == []
    assert found == world.rows
