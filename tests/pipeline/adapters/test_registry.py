from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

pytest.register_assert_rewrite("contracts.registry")

from bundles import ACCEPTED, LENGTH, tiny_bundle  # noqa: E402
from contracts.registry import PROFILE, RegistryContract  # noqa: E402
from tocsin.adapters.embedded import EmbeddedLog  # noqa: E402
from tocsin.adapters.registry import CHUNK_BYTES, LogRegistry  # noqa: E402
from tocsin.core.records import Batch, Entry, Place  # noqa: E402
from tocsin.ports import Registry, TopicSpec, Unavailable  # noqa: E402
from tocsin_models.bundle import pack  # noqa: E402

MODELS = Place("models", 0)


class FailingLog(EmbeddedLog):
    """Takes ``left`` more entries, then is gone until it is told otherwise; counts what is read."""

    left = 1 << 30
    read_entries = 0

    async def read(self, place: Place, start: int, stop: int) -> AsyncIterator[Batch]:
        async for batch in super().read(place, start, stop):
            self.read_entries += len(batch)
            yield batch

    async def append(self, entries: Sequence[Entry]) -> Sequence[int]:
        offsets: list[int] = []
        for entry in entries:
            if self.left == 0:
                raise Unavailable("down for a test", 0.01)
            self.left -= 1
            offsets += await super().append([entry])
        return offsets


@pytest.fixture
async def log() -> AsyncIterator[FailingLog]:
    async with FailingLog(None, clock=lambda: 1_000) as log:
        await log.declare([TopicSpec("models", 1, compacted=True)], create=True)
        yield log


class TestLogRegistry(RegistryContract):
    @pytest.fixture
    async def registry(self, log: FailingLog) -> AsyncIterator[Registry]:
        async with LogRegistry(log) as registry:
            yield registry

    @pytest.fixture
    async def beside(self, log: FailingLog) -> AsyncIterator[Registry]:
        async with LogRegistry(log) as registry:
            yield registry


async def test_a_bundle_larger_than_a_piece_travels_in_several(log: FailingLog) -> None:
    bundle = tiny_bundle(1, hidden=200)
    assert len(pack(bundle)["weights.safetensors"]) > 2 * CHUNK_BYTES
    await LogRegistry(log).publish(PROFILE, bundle, ACCEPTED, at_ns=5)
    sizes = [len(entry) async for entry in values(log)]
    assert max(sizes) == CHUNK_BYTES
    assert pack(await LogRegistry(log).fetch(PROFILE, bundle.version)) == pack(bundle)


async def test_a_crash_anywhere_in_a_publication_leaves_the_old_champion_alone(
    log: FailingLog,
) -> None:
    old, new = tiny_bundle(1), tiny_bundle(2)
    registry = LogRegistry(log)
    await registry.publish(PROFILE, old, ACCEPTED, at_ns=5)
    await registry.promote(PROFILE, old.version)
    whole = len(pack(new)) + 1
    for taken in range(whole):
        log.left = taken
        with pytest.raises(Unavailable):
            await LogRegistry(log).publish(PROFILE, new, ACCEPTED, at_ns=6)
        for each in (registry, LogRegistry(log)):
            assert await each.champion(PROFILE) == old.version
            assert [version.version for version in await each.versions(PROFILE)] == [old.version]
            with pytest.raises(KeyError):
                await each.fetch(PROFILE, new.version)
            with pytest.raises(KeyError):
                await each.promote(PROFILE, new.version)
    assert (await registry.fetch(PROFILE, old.version)).version == old.version
    log.left = whole
    await registry.publish(PROFILE, new, ACCEPTED, at_ns=6)
    assert (await registry.fetch(PROFILE, new.version)).version == new.version


async def test_a_flipped_bit_in_any_file_of_a_bundle_is_refused(log: FailingLog) -> None:
    bundle = tiny_bundle(1)
    await LogRegistry(log).publish(PROFILE, bundle, ACCEPTED, at_ns=5)
    rng = np.random.default_rng(0)
    for name, content in pack(bundle).items():
        spoilt = bytearray(content)
        spoilt[rng.integers(len(spoilt))] ^= 1 << int(rng.integers(8))
        await put(log, bundle.version, name, bytes(spoilt))
        with pytest.raises(ValueError, match="bundle"):
            await LogRegistry(log).fetch(PROFILE, bundle.version)
        await put(log, bundle.version, name, content)
    assert (await LogRegistry(log).fetch(PROFILE, bundle.version)).length == LENGTH


async def test_a_lost_piece_is_refused_by_name(log: FailingLog) -> None:
    bundle = tiny_bundle(1)
    registry = LogRegistry(log)
    await registry.publish(PROFILE, bundle, ACCEPTED, at_ns=5)
    await put(log, bundle.version, "config.json", None)
    for each in (registry, LogRegistry(log)):
        with pytest.raises(ValueError, match=r"config\.json"):
            await each.fetch(PROFILE, bundle.version)


async def test_a_bundle_under_the_name_of_another_is_refused(log: FailingLog) -> None:
    real, other = tiny_bundle(1), tiny_bundle(2)
    await LogRegistry(log).publish(PROFILE, real, ACCEPTED, at_ns=5)
    for name, content in pack(other).items():
        await put(log, real.version, name, content)
    with pytest.raises(ValueError, match="under the name of"):
        await LogRegistry(log).fetch(PROFILE, real.version)


async def test_entries_that_cannot_be_read_change_nothing(log: FailingLog) -> None:
    bundle = tiny_bundle(1)
    registry = LogRegistry(log)
    await registry.publish(PROFILE, bundle, ACCEPTED, at_ns=5)
    await registry.promote(PROFILE, bundle.version)
    rubbish = [b"", b"\xc1", b"{}", b"\x81\xa8champion\x01"]
    keys = [b"pumps/pointer", b"pumps/0123", b"x", b"\xff#1", b"pumps//#", b"/"]
    await log.append([Entry("models", value, key, 0) for key in keys for value in rubbish])
    assert await registry.champion(PROFILE) == bundle.version
    assert [each.version for each in await registry.versions(PROFILE)] == [bundle.version]


async def test_looking_again_reads_only_what_is_new(log: FailingLog) -> None:
    bundle = tiny_bundle(1)
    registry = LogRegistry(log)
    await registry.publish(PROFILE, bundle, ACCEPTED, at_ns=5)
    await registry.champion(PROFILE)
    assert log.read_entries == len(pack(bundle)) + 1
    await registry.champion(PROFILE)
    await registry.promote(PROFILE, bundle.version)
    assert log.read_entries == len(pack(bundle)) + 1
    assert await registry.champion(PROFILE) == bundle.version
    assert log.read_entries == len(pack(bundle)) + 2


async def put(log: EmbeddedLog, version: str, name: str, content: bytes | None) -> None:
    key = f"{PROFILE}/{version}/{name}#0".encode()
    await log.append([Entry("models", content, key, 0)])


async def values(log: EmbeddedLog) -> AsyncIterator[bytes]:
    low, high = await log.bounds(MODELS)
    async for batch in log.read(MODELS, low, high):
        for value in batch.values:
            yield value or b""
