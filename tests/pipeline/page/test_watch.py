import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bundles import ACCEPTED, tiny_bundle
from gallery import (
    PROFILE,
    QUICK,
    START_NS,
    OutageLog,
    a_gallery,
    a_log,
    a_step,
    mark_entry,
    score_entry,
    step_entry,
    until,
    windows,
)
from tocsin.adapters.registry import LogRegistry
from tocsin.core.notices import NoticeContext
from tocsin.core.records import Entry, State
from tocsin.page.forms import Post
from tocsin.page.picture import Picture, PicturePolicy
from tocsin.page.watch import Watch, WatchPolicy
from tocsin.ports import Unavailable
from tocsin_models.bundle import Facts, make_bundle


@asynccontextmanager
async def watching(
    log: OutageLog, policy: WatchPolicy = QUICK
) -> AsyncIterator[tuple[Watch, Picture]]:
    picture = Picture([PROFILE], Post({}, NoticeContext()), PicturePolicy())
    yield Watch(log, LogRegistry(log), ["pump"], picture, policy), picture


def length(picture: Picture, asset: str = "p1") -> int:
    found = picture.trace(asset)
    return 0 if found is None else len(found[1].end_ns)


async def test_what_stood_in_the_log_is_seen_and_then_what_comes() -> None:
    async with a_log() as log, watching(log) as (watch, picture):
        await log.append([score_entry(windows("p1", [0.1, 0.2])), step_entry(a_step("a"))])
        await watch.look()
        assert length(picture) == 2
        assert picture.draw(START_NS)["counts"]["alert"] == 1
        await log.append([score_entry(windows("p1", [0.3], first=2), partition=1)])
        await watch.look()
        assert (length(picture), watch.statistics().entries) == (3, 3)


async def test_of_a_long_past_only_the_newest_is_read_in_its_order() -> None:
    policy = replace(QUICK, back_entries=100)
    async with a_log() as log, watching(log, policy) as (watch, picture):
        await log.append([score_entry(windows("p1", [0.5], first=number)) for number in range(300)])
        await watch.look()
        found = picture.trace("p1")
        assert found is not None
        assert (len(found[1].end_ns), watch.statistics().entries) == (50, 50)


async def test_of_a_past_in_large_pieces_no_more_bytes_are_read_than_are_needed() -> None:
    policy = replace(QUICK, back_bytes=100_000)
    async with a_log() as log, watching(log, policy) as (watch, picture):
        block = windows("p1", [0.5] * 500)
        await log.append([score_entry(block) for _ in range(40)])
        await watch.look()
        assert watch.statistics().entries == 16
        assert length(picture) == 500


async def test_an_alert_that_was_opened_long_ago_is_shown_by_its_later_step() -> None:
    policy = replace(QUICK, back_entries=2)
    async with a_log() as log, watching(log, policy) as (watch, picture):
        await log.append([step_entry(a_step("a")), step_entry(a_step("a", 2))])
        await log.append([step_entry(a_step("b", n)) for n in range(1, 4)])
        await log.append([step_entry(a_step("a", 3, state=State.RESOLVED))])
        await watch.look()
        (alert,) = picture.draw(START_NS)["alerts"]
        assert (alert["id"], alert["state"]) == ("a", State.RESOLVED)


async def test_what_cannot_be_read_is_counted_and_holds_nothing_up() -> None:
    async with a_log() as log, watching(log) as (watch, picture):
        key = b"a|shift"
        await log.append(
            [
                Entry("scores", b"no block", partition=0),
                Entry("scores", None, partition=0),
                Entry("alerts", b"{", partition=0),
                Entry("deliveries", b'{"sequence": "x"}', key, partition=0),
                score_entry(windows("p1")),
            ]
        )
        await watch.look()
        assert watch.statistics().undecodable == 3
        assert length(picture) == 1


async def test_deliveries_are_matched_to_their_alerts() -> None:
    async with a_log() as log, watching(log) as (watch, picture):
        step = a_step("a")
        await log.append([step_entry(step), mark_entry(step, "failed", receiver="a|b")])
        await watch.look()
        (told,) = picture.draw(START_NS)["alerts"][0]["told"]
        assert (told["receiver"], told["outcome"]) == ("a|b", "failed")


async def test_models_tell_what_they_were_learned_from() -> None:
    async with a_log() as log, watching(log) as (watch, picture):
        registry = LogRegistry(log)
        facts: Facts = {"windows": 70, "parent": "cafe"}
        bundle = make_bundle(replace(tiny_bundle(1), facts=facts), tiny_bundle(1).probe.values)
        await registry.publish("pump", bundle, ACCEPTED, START_NS)
        await registry.promote("pump", bundle.version)
        await watch.look()
        (model,) = picture.draw(START_NS)["models"]
        assert (model["version"], model["standing"]) == (bundle.version, "champion")
        assert (model["windows"], model["parent"]) == (70, "cafe")


async def test_without_its_topics_the_page_says_which_one_is_missing() -> None:
    async with OutageLog() as log, watching(log) as (watch, _):
        with pytest.raises(Unavailable, match="no topic alerts"):
            await watch.look()


async def test_a_log_that_goes_away_is_told_and_followed_again_when_it_is_back() -> None:
    async with a_log() as log, watching(log) as (watch, picture):
        await log.append([score_entry(windows("p1"))])
        task = asyncio.create_task(watch.run())
        try:
            await until(lambda: picture.draw(START_NS)["log"]["ok"])
            log.away = "the cable was pulled"
            await until(lambda: not picture.draw(START_NS)["log"]["ok"])
            found = picture.draw(START_NS)
            assert found["log"]["reason"] == "the cable was pulled"
            assert len(found["assets"]) == 1
            log.away = ""
            await log.append([score_entry(windows("p1", [0.7], first=1))])
            await until(lambda: length(picture) == 2 and picture.draw(START_NS)["log"]["ok"])
            assert watch.statistics().failures
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_a_page_that_opens_while_the_log_is_away_waits_for_it() -> None:
    async with a_log() as log:
        log.away = "not yet"
        await log.append([score_entry(windows("p1"))])
        async with a_gallery(log) as gallery:
            found = await gallery.picture(lambda each: each["log"]["reason"] == "not yet")
            assert found["assets"] == []
            log.away = ""
            await gallery.picture(lambda each: each["log"]["ok"] and each["assets"])
