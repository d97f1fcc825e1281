"""Fixtures: an InfluxDB that a plant at work has filled, once for all tests."""

import asyncio
from collections.abc import Iterator

import pytest

from filling import Filled, fill
from grafana import Database, Range
from servers.running import running
from servers.servers import InfluxServer
from tocsin.adapters.influx import InfluxPolicy, InfluxStore

HOURS_6_MS = 6 * 3_600_000


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Range]]:
    """The database, and the dashboards' own time range, which reaches back over all of it."""
    with running(InfluxServer, tmp_path_factory.mktemp("influx")) as server:
        end_ms = asyncio.run(_fill(server)).to_ms
        database = Database(server.url, server.bucket, server.token)
        yield database, Range(end_ms - HOURS_6_MS, end_ms)


async def _fill(server: InfluxServer) -> Filled:
    policy = InfluxPolicy(server.url, server.org, server.bucket, server.token)
    async with InfluxStore(policy) as store:
        return await fill(store)
