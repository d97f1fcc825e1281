from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.point_store import PointStoreContract, Stored
from tocsin.adapters.embedded import EmbeddedStore


class Embedded(PointStoreContract):
    @pytest.fixture
    def stored(self, store: EmbeddedStore) -> Stored:
        return store.select


class TestInMemory(Embedded):
    @pytest.fixture
    async def store(self) -> AsyncIterator[EmbeddedStore]:
        async with EmbeddedStore(None) as store:
            yield store


class TestInAFile(Embedded):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
        async with EmbeddedStore(tmp_path / "store.db") as store:
            yield store
