"""What the benchmarks of the whole feed: a plant of pumps as wide JSON in Kafka, and its model."""

from collections.abc import Iterator

import numpy as np

from tocsin.adapters.registry import LogRegistry
from tocsin.core.formats.json import encode_wide
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Entry, Floats, Verdict
from tocsin.ports import Log, TopicSpec
from tocsin_models.bundle import Bundle
from tocsin_models.learning import Recipe, TrainingSet, train_bundle
from tocsin_models.networks import NetworkPolicy
from tocsin_models.training import TrainingPolicy

ASSETS = 256
PARTITIONS = 4
READINGS, MODELS = "readings", "models"
START_NS = 1_700_000_000 * SECOND_NS
PROFILE = Profile(
    "pumps",
    ("flow", "head", "power", "current", "speed", "vibration", "bearing", "casing"),
    length=64,
    stride=8,
)

_LEVEL = np.array([120.0, 6.4, 55.0, 88.0, 1480.0, 2.1, 61.0, 44.0])
_SWING = np.array([9.0, 0.5, 4.0, 6.0, 25.0, 0.3, 3.0, 2.0])
_PERIOD_S = np.array([47.0, 47.0, 53.0, 53.0, 61.0, 23.0, 97.0, 113.0])
_FAULTY = 64  # of so many assets one goes wrong, in the middle of the feed, ...
_FAULT_S = 120  # ... for so long
_RETENTION_NS = 50 * 365 * 86_400 * SECOND_NS  # the feed is dated some years back


def signals(asset: int, seconds: int) -> Floats:
    """Return what one pump measures once a second, ``[seconds, F]``."""
    chance = np.random.default_rng(asset)
    turn = 2 * np.pi * (np.arange(seconds)[:, None] / _PERIOD_S + asset / ASSETS)
    found = _LEVEL + _SWING * (np.sin(turn) + 0.1 * chance.normal(size=turn.shape))
    if asset % _FAULTY == 0:
        found[seconds // 2 : seconds // 2 + _FAULT_S, 5:7] += 8 * _SWING[5:7]
    return np.asarray(found.round(3))


async def fill(log: Log, seconds: int) -> int:
    """Write the feed, second by second as a plant would; return how many entries that is."""
    readings = TopicSpec(READINGS, PARTITIONS, retention_ns=_RETENTION_NS)
    await log.declare([readings, TopicSpec(MODELS, 1, compacted=True)], create=True)
    for entries in _entries(seconds):
        await log.append(entries)
    return seconds * ASSETS


async def publish(log: Log, bundle: Bundle) -> None:
    """Let ``bundle`` score."""
    async with LogRegistry(log, MODELS) as registry:
        await registry.publish(PROFILE.name, bundle, Verdict(promoted=True, checks=()), START_NS)
        await registry.promote(PROFILE.name, bundle.version)


def learn() -> Bundle:
    """Return a model of the bench's size; it is not trained for long."""
    pumps, seconds = 8, 1200
    ends = np.arange(PROFILE.length, seconds, PROFILE.stride)
    values = [
        signals(asset, seconds)[end - PROFILE.length : end]
        for asset in range(1, pumps + 1)
        for end in ends
    ]
    return train_bundle(
        TrainingSet(
            np.stack(values),
            np.tile(START_NS + ends * SECOND_NS, pumps),
            np.repeat(np.arange(pumps), len(ends)),
            PROFILE.channels,
            PROFILE.period_ns,
            PROFILE.stride,
        ),
        Recipe(NetworkPolicy(hidden=64, latent=16), TrainingPolicy(epochs=8)),
    )


def _entries(seconds: int) -> Iterator[list[Entry]]:
    """Give the entries of some seconds at a time."""
    plant = np.stack([signals(asset, seconds) for asset in range(ASSETS)], axis=1)
    names = [f"pump-{asset:03d}" for asset in range(ASSETS)]
    for start in range(0, seconds, 50):
        yield [
            _entry(asset, names[asset], START_NS + second * SECOND_NS, row)
            for second in range(start, min(start + 50, seconds))
            for asset, row in enumerate(plant[second].tolist())
        ]


def _entry(asset: int, name: str, time_ns: int, row: list[float]) -> Entry:
    value = encode_wide(name, time_ns, dict(zip(PROFILE.channels, row, strict=True)))
    return Entry(READINGS, value, partition=asset % PARTITIONS, time_ns=time_ns)
