"""Detectors that are killed while they work: what they leave behind is what it would have been."""

import asyncio
import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

import skab
from programs import Program, Site
from rigs import PARTITIONS, Feed, Findings, findings, furnish, profile_of, rig_site, until
from servers.servers import KafkaServer
from tocsin.core.records import Place
from tocsin.ports import Log
from tocsin.wiring import make_log

pytestmark = pytest.mark.integration

RECORDINGS = {
    "rig-1": "other/6.csv",
    "rig-2": "valve1/2.csv",  # a hole of 76 s: its windows warm up a second time
    "rig-3": "valve1/4.csv",  # a hole of 54 s: windows with too few values
    "rig-4": "valve1/14.csv",
    "rig-5": "valve2/0.csv",
    "rig-6": "other/11.csv",
}
LIVES = 10
TAKEN_OVER = "partition taken over"


def feed_of(log: Log, site: Site) -> Feed:
    paths = {asset: skab.recording(name) for asset, name in RECORDINGS.items()}
    return Feed(log, site.settings.topics.readings, paths)


async def undisturbed(log: Log, site: Site) -> Findings:
    """Return what one detector makes of all recordings, and nobody hinders it."""
    feed = feed_of(log, site)
    await feed.send(0, len(feed))
    with site.runs("detect") as program:
        found = await complete(program, log, site, feed)
        assert await asyncio.to_thread(program.stop) == 0
    assert not found.repeated
    assert found.steps
    return found


async def complete(program: Program, log: Log, site: Site, feed: Feed) -> Findings:
    """Wait until every window of the recordings has a score, and return all that was found."""
    held = feed.windows(profile_of(site))

    async def all_are_scored() -> bool:
        assert program.alive()
        return (await findings(log, site)).scores.keys() >= held

    await until(all_are_scored, timeout_s=30)
    found = await findings(log, site)
    assert found.scores.keys() == held
    return found


async def partitions_fed(log: Log, site: Site) -> set[int]:
    topic = site.settings.topics.readings
    bounds = {number: await log.bounds(Place(topic, number)) for number in range(PARTITIONS)}
    return {number for number, (low, high) in bounds.items() if high > low}


async def trickle(feed: Feed, low: int, high: int, seconds: float) -> int:
    """Send rows as sensors do, a few every tenth of a second; return the first that is left."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    few = max(1, (high - low) // 20)
    while (left_s := end_s - loop.time()) > 0:
        await feed.send(low, min(low + few, high))
        low = min(low + few, high)
        await asyncio.sleep(min(left_s, 0.1))
    return low


# Twelve starts: of each process 3 s are imports, then 3 s at most until the group has given its
# predecessor up, and 3 s of work; on two cores that may be shared, twice that.
@pytest.mark.timeout(240)
async def test_a_detector_killed_ten_times_writes_what_one_writes_that_never_was(
    log_table: dict[str, object], tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - told where the test fails
    calm, wild = (rig_site(tmp_path, [("kafka", log_table)], name) for name in ("calm", "wild"))
    async with make_log(wild.settings) as log:
        await furnish(log, calm, wild)
        expected = await undisturbed(log, calm)
        feed = feed_of(log, wild)
        await live_and_die(wild, feed, random.Random(seed))
        with wild.runs("detect") as program:
            await until(lambda: took_over(program, PARTITIONS), timeout_s=30)
            found = await complete(program, log, wild, feed)
            assert await asyncio.to_thread(program.stop) == 0
        assert len(await partitions_fed(log, wild)) > 1
    assert found.repeated, "no kill came in the middle of work, so this has shown nothing"
    assert found.scores == expected.scores
    assert found.steps == expected.steps
    assert {len(said) for said in [*found.scores.values(), *found.steps.values()]} == {1}


async def live_and_die(site: Site, feed: Feed, chance: random.Random) -> None:
    """Let detectors begin on one portion of the rows after the other, and kill each at its work.

    A life lasts up to 3 s from the first partition on: it may end during a restore, before the
    first checkpoint (which comes after 2 s) or behind it.
    """
    edges = [len(feed) * portion // LIVES for portion in range(LIVES + 1)]
    for low, high in pairwise(edges):
        with site.runs("detect") as program:
            await until(lambda: took_over(program, 1), timeout_s=30)
            left = await trickle(feed, low, high, chance.uniform(0, 3))
            assert program.alive()
            program.kill()
        await feed.send(left, high)


async def took_over(program: Program, count: int) -> bool:
    assert program.alive()
    return len(program.said(TAKEN_OVER)) >= count


# Three starts of some seconds, twice that where the cores are shared, and a session of 10 s.
@pytest.mark.timeout(120)
async def test_when_one_of_two_detectors_is_killed_the_other_takes_over_within_15_s(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    table = ("kafka", {"bootstrap_servers": kafka_server.bootstrap})  # the default session, 10 s
    calm, pair = (rig_site(tmp_path, [table], name) for name in ("calm", "pair"))
    async with make_log(pair.settings) as log:
        await furnish(log, calm, pair)
        expected = await undisturbed(log, calm)
        feed = feed_of(log, pair)
        with pair.runs("detect") as survivor:
            await until(lambda: took_over(survivor, PARTITIONS), timeout_s=30)
            seconds = await lose_one_of_two(log, pair, feed)
            found = await complete(survivor, log, pair, feed)
            assert await asyncio.to_thread(survivor.stop) == 0
    assert seconds <= 15
    assert found.scores == expected.scores
    assert found.steps == expected.steps


async def lose_one_of_two(log: Log, site: Site, feed: Feed) -> float:
    """Let a second detector come and be killed at its work.

    Returns after how many seconds every asset of its partitions had a score of readings that were
    sent after its death.
    """
    with site.runs("detect") as victim:
        await until(lambda: took_over(victim, PARTITIONS // 2), timeout_s=30)
        orphans = await assets_of(victim, log, feed)
        left = await trickle(feed, 1, 600, seconds=2)
        killed_s = time.monotonic()
        victim.kill()
    await feed.send(left, len(feed))
    sent_ns = {asset: skab.rows(path)[left].time_ns for asset, path in feed.recordings.items()}

    async def all_go_on() -> bool:
        scored = (await findings(log, site)).scores
        return orphans <= {asset for asset, end_ns in scored if end_ns > sent_ns[asset]}

    await until(all_go_on, timeout_s=30)
    return time.monotonic() - killed_s


async def assets_of(program: Program, log: Log, feed: Feed) -> set[str]:
    """Send the first row of every recording; return the assets of the program's partitions."""
    await feed.send(0, 1)
    found: set[str] = set()
    for entry in program.said(TAKEN_OVER):
        place = Place(entry["topic"], entry["partition"])
        async for batch in log.read(place, *await log.bounds(place)):
            found |= {key.decode() for key in batch.keys if key}
    assert found
    assert found < feed.recordings.keys()
    return found
