"""Fixtures: real servers, started when a test first asks, skipped with the reason if missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.running import running
from servers.servers import InfluxServer, KafkaServer


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """One broker for all tests that leave it running: use topics and groups of your own."""
    with running(KafkaServer, tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """One InfluxDB for all tests that leave it running: use measurements of your own."""
    with running(InfluxServer, tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker to kill."""
    with running(KafkaServer, tmp_path / "kafka") as server:
        yield server


@pytest.fixture
def own_influx(tmp_path: Path) -> Iterator[InfluxServer]:
    """An InfluxDB to kill."""
    with running(InfluxServer, tmp_path / "influx") as server:
        yield server
