import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from servers.servers import InfluxServer
from tocsin.adapters.influx import InfluxPolicy, InfluxStore
from tocsin.ports import Rejected, Unavailable

pytestmark = pytest.mark.integration


def policy_of(server: InfluxServer) -> InfluxPolicy:
    return InfluxPolicy(server.url, server.org, server.bucket, server.token)


@pytest.fixture
async def store(influx_server: InfluxServer) -> AsyncIterator[InfluxStore]:
    async with InfluxStore(policy_of(influx_server)) as store:
        yield store


async def count(store: InfluxStore, measurement: str) -> int:
    rows = await store.query(f"SELECT count(v) FROM {measurement}")  # noqa: S608
    return int(rows[0]["count"]) if rows else 0


async def test_the_server_says_that_it_is_there(store: InfluxStore) -> None:
    assert "InfluxDB" in await store.ping()


async def test_lines_written_twice_are_there_once_to_the_nanosecond(store: InfluxStore) -> None:
    began_ns = time.time_ns()
    lines = [b"twice,asset=a v=%d,w=0.1 %d" % (n, began_ns + n) for n in range(10_000)]
    await store.write(lines)
    await store.write(lines)
    assert await count(store, "twice") == 10_000
    rows = await store.query("SELECT * FROM twice ORDER BY time DESC LIMIT 1")
    assert rows == [{"time": began_ns + 9_999, "asset": "a", "v": 9_999, "w": 0.1}]


async def test_a_malformed_line_and_a_conflict_are_named_and_the_rest_is_stored(
    store: InfluxStore,
) -> None:
    now_ns = time.time_ns()
    lines = [b"mixed v=%d %d" % (n, now_ns + n) for n in range(2_000)]
    await store.write(lines[:1])
    lines[7], lines[1_999] = b"no line at all", b'mixed v="text" %d' % now_ns
    with pytest.raises(Rejected) as rejected:
        await store.write(lines)
    assert sorted(rejected.value.reasons) == [7, 1_999]
    assert "unable to parse" in rejected.value.reasons[7]
    assert "field type conflict" in rejected.value.reasons[1_999]
    assert await count(store, "mixed") == 1_998


async def test_a_wrong_token_and_a_wrong_bucket_name_the_setting(
    influx_server: InfluxServer,
) -> None:
    right = policy_of(influx_server)
    wrong = {
        "influx.token": replace(right, token="no" * 3),
        "influx.bucket": replace(right, bucket="?"),
    }
    for setting, policy in wrong.items():
        async with InfluxStore(policy) as store:
            with pytest.raises(Unavailable, match=setting):
                await store.write([b"m v=1 1"])


async def test_a_question_that_is_none_is_an_error(store: InfluxStore) -> None:
    with pytest.raises(ValueError, match="expected SELECT"):
        await store.query("SELEC")


async def test_a_server_killed_and_started_again_has_all_that_it_acknowledged(
    own_influx: InfluxServer,
) -> None:
    now_ns = time.time_ns()
    async with InfluxStore(policy_of(own_influx)) as store:
        await store.write([b"kept v=1 %d" % (now_ns + n) for n in range(100)])
        await asyncio.to_thread(own_influx.kill)
        with pytest.raises(Unavailable, match="InfluxDB at"):
            await store.write([b"kept v=1 %d" % now_ns])
        await asyncio.to_thread(own_influx.start)
        await store.write([b"kept v=1 %d" % (now_ns + 100)])
        assert await count(store, "kept") == 101
