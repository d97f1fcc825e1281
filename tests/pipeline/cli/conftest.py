"""Fixtures: an empty folder to type commands in, without anybody else's settings."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from desk import SMALL, Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in os.environ:
        if name.startswith("TOCSIN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield Desk(tmp_path)
    structlog.reset_defaults()
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)


@pytest.fixture
def plant(desk: Desk) -> Desk:
    """A desk with the settings of a plant of pumps."""
    desk.write(SMALL)
    return desk


@pytest.fixture(scope="session")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one pump measures in twenty minutes."""
    return Desk(tmp_path_factory.mktemp("lesson")).table(1_200)
