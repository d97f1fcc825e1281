from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from small_plant import RECIPE, run_plant
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.adapters.registry import LogRegistry
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.engine import Engine
from tocsin.core.formats.json import encode_wide
from tocsin.core.formats.table import BadRow, Chunk
from tocsin.core.intake import Intake
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Batch, Floats, Place, Status
from tocsin.ports import TopicSpec
from tocsin.tools.train import TrainPolicy, cut_table, release, train_from_table
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import Progress, TrainingPolicy

torch.set_num_threads(1)

PROFILE = Profile("plant", ("flow", "heat", "level"), length=16, stride=2, lateness_ns=SECOND_NS)
BEGAN_NS = 1_600_000_000 * SECOND_NS
QUICK = replace(RECIPE, training=TrainingPolicy(epochs=3, batches=8))
POLICY = TrainPolicy(challenge=ChallengePolicy(QUICK), facts={"source": "plant.csv"})


def table(rows: Floats, chunk_rows: int) -> Iterator[Chunk]:
    """Return rows of two assets by turns, with a column that nobody knows."""
    values = np.column_stack([rows[:, ::-1], np.arange(len(rows))])
    for first in range(0, len(rows), chunk_rows):
        number = np.arange(first, min(first + chunk_rows, len(rows)))
        asset = tuple(f"p{each % 2}" for each in number)
        time_ns = BEGAN_NS + number // 2 * SECOND_NS
        yield Chunk(asset, time_ns, ("level", "heat", "flow", "row"), values[number])


def torn(rows: int) -> Floats:
    """Return the plant's rows with missing cells, a gap, and two rows in the wrong order."""
    values = run_plant(rows)
    values[50:90, 1] = np.nan
    values[200:340] = np.nan
    values[[400, 402]] = values[[402, 400]]
    return values


def test_a_table_gives_the_very_windows_that_the_stream_gives() -> None:
    chunks = list(table(torn(800), 100))
    batch = as_log(chunks)
    engine = Engine([PROFILE])
    intake = Intake(engine.profiles, engine.columns, engine.names)
    gathered = intake.gather(engine.decoder.decode(batch).readings, (), batch.low, batch.high)
    streamed = gathered.shares[0].windows
    usable = streamed.status == Status.OK
    order = np.lexsort((streamed.asset[usable], streamed.end_ns[usable]))
    found = cut_table(chunks, PROFILE, POLICY)
    assert found.end_ns.tolist() == streamed.end_ns[usable][order].tolist()
    assert found.group.tolist() == streamed.asset[usable][order].tolist()
    expected = streamed.values[usable][order].astype(np.float32)
    np.testing.assert_array_equal(found.values, expected)
    assert 0 < len(found.values) < len(streamed)


def as_log(chunks: list[Chunk]) -> Batch:
    values, times_ns = [], []
    for chunk in chunks:
        for asset, time_ns, row in zip(
            chunk.asset or (), chunk.time_ns.tolist(), chunk.values.tolist(), strict=True
        ):
            cells = dict(zip(chunk.channels, row, strict=True))
            values.append(encode_wide(asset, time_ns, cells))
            times_ns.append(time_ns)
    size = len(values)
    place, nothing = Place("readings", 0), [None] * size
    return Batch(place, 0, size, range(size), times_ns, nothing, values, [()] * size)


def test_how_a_table_is_cut_into_chunks_changes_nothing() -> None:
    one, other = (cut_table(table(torn(800), size), PROFILE, POLICY) for size in (800, 7))
    np.testing.assert_array_equal(one.values, other.values)
    assert one.end_ns.tolist() == other.end_ns.tolist()
    assert one.group.tolist() == other.group.tolist()


def test_a_table_without_assets_is_of_the_one_that_is_named() -> None:
    rows = run_plant(100)
    chunk = Chunk(None, BEGAN_NS + np.arange(100) * SECOND_NS, PROFILE.channels, rows)
    windows = cut_table([chunk], PROFILE, replace(POLICY, asset="p1"))
    assert set(windows.group.tolist()) == {0}
    with pytest.raises(ValueError, match="which asset"):
        cut_table([chunk], PROFILE, POLICY)


def test_chunks_may_have_their_columns_in_another_order() -> None:
    rows = run_plant(200)
    times = BEGAN_NS + np.arange(200) * SECOND_NS
    whole = Chunk(None, times, PROFILE.channels, rows)
    halves = [
        Chunk(None, times[:100], PROFILE.channels, rows[:100]),
        Chunk(None, times[100:], PROFILE.channels[::-1], rows[100:, ::-1]),
    ]
    policy = replace(POLICY, asset="p1")
    one, other = cut_table([whole], PROFILE, policy), cut_table(halves, PROFILE, policy)
    np.testing.assert_array_equal(one.values, other.values)


async def test_a_model_from_a_table_is_released_and_scores() -> None:
    epochs: list[Progress] = []
    found = train_from_table(table(run_plant(1_600), 500), PROFILE, POLICY, progress=epochs.append)
    assert len(epochs) == 3
    assert found.bundle.channels == PROFILE.channels
    assert (found.bundle.facts["profile"], found.bundle.facts["source"]) == ("plant", "plant.csv")
    async with EmbeddedLog(None, clock=lambda: 1) as log:
        await log.declare([TopicSpec("models", 1, compacted=True)], create=True)
        async with LogRegistry(log) as registry:
            await release(registry, "plant", found, 77)
            assert await registry.champion("plant") == found.bundle.version
            (version,) = await registry.versions("plant")
    assert (version.created_ns, version.verdict) == (77, found.verdict)


async def test_a_model_that_is_worse_than_the_champion_is_released_without_scoring() -> None:
    chunks = list(table(run_plant(1_600), 500))
    good = replace(RECIPE, training=TrainingPolicy(epochs=15, batches=16))
    champion = train_from_table(
        chunks, PROFILE, replace(POLICY, challenge=ChallengePolicy(good))
    ).bundle
    worse = replace(QUICK, network=NetworkPolicy(2, 1))
    policy = replace(POLICY, challenge=ChallengePolicy(worse))
    found = train_from_table(chunks, PROFILE, policy, champion)
    async with EmbeddedLog(None, clock=lambda: 1) as log:
        await log.declare([TopicSpec("models", 1, compacted=True)], create=True)
        async with LogRegistry(log) as registry:
            await release(registry, "plant", found, 77)
            assert await registry.champion("plant") is None
            (version,) = await registry.versions("plant")
    assert version.standing == "refused"


def test_a_short_table_says_that_it_is_short() -> None:
    with pytest.raises(ValueError, match="record for longer"):
        train_from_table(table(run_plant(60), 500), PROFILE, POLICY)


def test_a_channel_that_no_row_measures_is_not_learned() -> None:
    rows = run_plant(400)
    rows[:, 1] = np.nan

    with pytest.raises(ValueError, match=r"no row measures 'heat'.* channels of profile plant"):
        train_from_table(table(rows, 100), PROFILE, POLICY)


def test_a_table_that_cannot_be_read_says_where_and_why() -> None:
    bad = tuple(BadRow(line, "expected a time, found '?'") for line in range(2, 60))
    chunks = [replace(chunk, bad=bad) for chunk in table(run_plant(400), 400)]

    with pytest.raises(ValueError, match=r"line 2: expected a time, found '\?', and 57 more like"):
        train_from_table(chunks, PROFILE, POLICY)
    with pytest.raises(ValueError, match="no row in it"):
        train_from_table([], PROFILE, POLICY)
