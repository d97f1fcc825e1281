"""Installations of Tocsin that watch the rig of the SKAB recordings, and what comes of them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import skab
from detecting import publish, values
from programs import Site, Tables, make_site
from simulation import rows, wide
from tocsin.adapters.csv import TableFormat, read_table
from tocsin.adapters.embedded import EmbeddedStore
from tocsin.adapters.influx import InfluxStore
from tocsin.core.blocks import decode_scores, decode_transition
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.profile import Profile
from tocsin.core.records import Entry
from tocsin.ports import Log
from tocsin.settings import Settings
from tocsin.tools.train import TrainPolicy, train_from_table
from tocsin.wiring import make_store, profiles_of
from tocsin_models.bundle import Bundle
from tocsin_models.inference import settle_threads
from tocsin_models.learning import Recipe
from tocsin_models.networks import NetworkPolicy

PARTITIONS = 4
HIDDEN, LATENT = 32, 8
HEALTHY = "valve2/2.csv"
"""The recording whose first rows models are learned from: it has one fault, and is calm again."""

_TOPICS = ("readings", "scores", "alerts", "state", "dead_letters", "deliveries", "operations")


def rig_site(folder: Path, tables: Tables, name: str = "rig") -> Site:
    """Write the settings of one Tocsin; all in one folder have the log and the models in common.

    A window is half a minute of the rig, whose controls settle within seconds. From one to the
    next are 4 s: the 400 normal rows of a recording are then some ninety windows. No clock is to
    take part, so nobody is silent before an hour is over.
    """
    topics = {topic: f"{folder.name}-{name}-{topic}" for topic in _TOPICS}
    profile = {
        "name": folder.name,
        "channels": skab.CHANNELS,
        "period": "1s",
        "length": 32,
        "stride": 4,
        "silent_after": "1h",
    }
    return make_site(
        folder / f"{name}.toml",
        [
            ("", {"data_dir": str(folder / "data")}),
            ("topics", {**topics, "models": f"{folder.name}-models", "partitions": PARTITIONS}),
            ("train", {"hidden": HIDDEN, "latent": LATENT}),
            ("[profiles]", profile),
            *tables,
        ],
    )


def profile_of(site: Site) -> Profile:
    (profile,) = profiles_of(site.settings)
    return profile


async def furnish(log: Log, *sites: Site) -> None:
    """Create the topics, and let a model score that has learned the rig's normal operation."""
    for site in sites:
        await asyncio.to_thread(site.call, "topics", "create")
    profile = profile_of(sites[0])
    bundle = await asyncio.to_thread(_learn, replace(profile, name="rig"))
    await publish(log, profile.name, bundle, sites[0].settings.topics.models)


@cache
def _learn(profile: Profile) -> Bundle:
    settle_threads()
    form = TableFormat("datetime", channels=profile.channels, chunk_rows=skab.NORMAL_ROWS)
    normal = islice(read_table(skab.recording(HEALTHY), form), 1)
    policy = TrainPolicy("rig-1", ChallengePolicy(Recipe(NetworkPolicy(HIDDEN, LATENT))))
    return train_from_table(normal, profile, policy).bundle


@dataclass(frozen=True, slots=True)
class Feed:
    """Recordings that are sent side by side, a row of each in turn."""

    log: Log
    topic: str
    recordings: Mapping[str, Path]  # by asset

    def __len__(self) -> int:
        return max(len(skab.rows(path)) for path in self.recordings.values())

    async def send(self, low: int, high: int) -> None:
        """Send the rows ``low <= row < high`` of every recording that has them."""
        entries = [
            Entry(self.topic, wide(asset, row.time_ns, row.values), asset.encode())
            for n in range(low, high)
            for asset, path in self.recordings.items()
            for row in skab.rows(path)[n : n + 1]
        ]
        await self.log.append(entries)

    def windows(self, profile: Profile) -> set[tuple[str, int]]:
        """Return the windows that the recordings hold: asset and end."""
        return {
            (asset, window.end_ns)
            for asset, path in self.recordings.items()
            for window in skab.windows(path, profile)
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """What detectors wrote: every score and every step of an alert, with all its bytes."""

    scores: Mapping[tuple[str, int], set[bytes]]
    steps: Mapping[tuple[str, int], set[bytes]]
    repeated: int  # scores that stand in the log more than once


async def findings(log: Log, site: Site) -> Findings:
    topics = site.settings.topics
    scores: dict[tuple[str, int], set[bytes]] = {}
    count: Counter[tuple[str, int]] = Counter()
    for value in await values(log, topics.scores, PARTITIONS):
        for key, content in rows(decode_scores(value).scores):
            scores.setdefault(key, set()).add(content)
            count[key] += 1
    steps: dict[tuple[str, int], set[bytes]] = {}
    for value in await values(log, topics.alerts, PARTITIONS):
        step = decode_transition(value)
        steps.setdefault((step.id, step.sequence), set()).add(value)
    return Findings(scores, steps, count.total() - len(count))


async def points(settings: Settings, measurement: str) -> list[dict[str, Any]]:
    """Return what stands in the store, wherever that is: tags, fields and time of every point."""
    profile = settings.profiles[0].name
    async with make_store(settings) as store:
        if isinstance(store, InfluxStore):
            question = f"SELECT * FROM {measurement} WHERE \"profile\" = '{profile}'"  # noqa: S608
            return await store.query(question)
        assert isinstance(store, EmbeddedStore)
        found = await store.select(measurement, tags={"profile": profile})
    return [{"time": point["time_ns"], **point["tags"], **point["fields"]} for point in found]


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(timeout_s):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.1)
