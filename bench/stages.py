"""The stages of a detector one by one, each alone: what the whole is held against."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import feed
import numpy as np
import torch
from aiokafka import AIOKafkaConsumer, TopicPartition

from tocsin.core.engine import Engine
from tocsin.core.intake import Intake
from tocsin.core.records import Batch, Floats, Place
from tocsin.ports import Log
from tocsin_models.bundle import Bundle
from tocsin_models.inference import BATCH_ROWS
from tocsin_models.networks import load_network

Batches = Sequence[Batch]

_AT_ONCE = 8_192  # windows that wait for the network: a short batch is padded, a long one hardly


@dataclass(frozen=True, slots=True)
class Alone:
    """What every stage needs on its own, in seconds."""

    decode_s: float
    lanes_s: float
    forward_s: float  # the padded forward pass, network only
    judge_s: float  # the same with scaling, residuals, blame
    windows: int


async def getmany(bootstrap: str, entries: int, most: int | None) -> float:
    """Return the seconds that a plain consumer needs to fetch the feed, doing nothing with it."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(feed.READINGS, n) for n in range(feed.PARTITIONS)])
        seen, began = 0, time.perf_counter()
        while seen < entries:
            found = await consumer.getmany(timeout_ms=1000, max_records=most)
            seen += sum(map(len, found.values()))
        return time.perf_counter() - began
    finally:
        await consumer.stop()


async def read_batches(log: Log, rows: int) -> list[Batch]:
    """Return the feed in batches as a detector gets them, the partitions in turn."""
    columns = []
    for partition in range(feed.PARTITIONS):
        place = Place(feed.READINGS, partition)
        start, stop = await log.bounds(place)
        found = [part async for batch in log.read(place, start, stop) for part in _cut(batch, rows)]
        columns.append(found)
    return [batch for turn in zip(*columns, strict=True) for batch in turn]


def run_alone(batches: Batches, bundle: Bundle) -> Alone:
    """Put batches through every stage, and time each by itself."""
    engine = Engine([feed.PROFILE])
    intakes = [
        Intake(engine.profiles, engine.columns, engine.names) for _ in range(feed.PARTITIONS)
    ]
    spent = defaultdict[str, float](float)
    held: list[Floats] = []
    for batch in batches:
        with _timing(spent, "decode"):
            decoded = engine.decoder.decode(batch)
        with _timing(spent, "lanes"):
            gathered = intakes[batch.place.partition].gather(
                decoded.readings, decoded.rejects, batch.low, batch.high
            )
        held.append(gathered.shares[0].windows.values)
        if sum(map(len, held)) >= _AT_ONCE:
            _score(np.concatenate(held), bundle, spent)
            held.clear()
    if held:
        _score(np.concatenate(held), bundle, spent)
    return Alone(
        spent["decode"], spent["lanes"], spent["forward"], spent["judge"], int(spent["windows"])
    )


def _score(values: Floats, bundle: Bundle, spent: dict[str, float]) -> None:
    """Time the network alone, and all that a bundle does, on the same windows."""
    spent["windows"] += len(values)
    padded = np.full((-(-len(values) // BATCH_ROWS) * BATCH_ROWS, *values.shape[1:]), np.nan)
    padded[: len(values)] = values
    scaled = torch.from_numpy(bundle.scaler.scale(padded))
    mask = ~scaled.isnan()
    network = load_network(len(bundle.channels), bundle.length, bundle.policy, bundle.weights)
    with _timing(spent, "forward"), torch.inference_mode():
        for x, seen in zip(
            *(torch.split(each, BATCH_ROWS) for each in (scaled, mask)), strict=True
        ):
            network.forward(network.join(x, seen))
    with _timing(spent, "judge"):
        bundle.judge(values)


def _cut(batch: Batch, rows: int) -> Iterator[Batch]:
    for at in range(0, len(batch), rows):
        part = slice(at, at + rows)
        offsets = batch.offsets[part]
        yield Batch(
            batch.place,
            offsets[0],
            offsets[-1] + 1,
            offsets,
            batch.times_ns[part],
            batch.keys[part],
            batch.values[part],
            batch.headers[part],
        )


@contextmanager
def _timing(spent: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    spent[name] += time.perf_counter() - began
