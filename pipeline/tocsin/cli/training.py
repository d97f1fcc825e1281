"""What ``train`` does; in a module of its own because it loads torch."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from tocsin.cli.blunting import Onlooker
from tocsin.cli.limits import limit_facts
from tocsin.cli.notes import take_notes
from tocsin.cli.shared import percent
from tocsin.core.challenge import ChallengePolicy
from tocsin.core.formats.faults import Faults
from tocsin.core.formats.table import Chunk
from tocsin.core.profile import Profile
from tocsin.core.scoring import fits
from tocsin.ports import Registry
from tocsin.settings import Settings
from tocsin.tools.train import TrainPolicy, release, train_from_table
from tocsin.wiring import demand_topics, open_log
from tocsin.wiring.models import make_registry, recipe_of
from tocsin_models.bundle import Bundle
from tocsin_models.inference import settle_threads


@dataclass(frozen=True, slots=True)
class Lesson:
    """A table of normal operation: whose it is, what it is called, how many rows count.

    ``faults`` counts what could not be read of them.
    """

    table: Iterable[Chunk]
    asset: str
    name: str
    rows: int | None = None
    faults: Faults = field(default_factory=Faults)


async def learn(settings: Settings, profile: Profile, lesson: Lesson) -> dict[str, Any]:
    """Learn a model, publish it with its verdict, and return what a person wants to know of it.

    Raises:
        ValueError: if the table does not do; says what to do.
    """
    settle_threads()
    onlooker = Onlooker()
    rows = lesson.faults.watch(_first_rows(lesson.table, lesson.rows))
    policy = TrainPolicy(
        lesson.asset, ChallengePolicy(recipe_of(settings)), facts={"table": lesson.name}
    )
    async with open_log(settings) as log:
        await demand_topics(log, settings, ["registry"])
        registry = make_registry(settings, log)
        champion = await _champion(registry, profile)
        with percent(f"learning {profile.name}") as show:
            found = await asyncio.to_thread(
                train_from_table,
                onlooker.watch(rows),
                profile,
                policy,
                champion,
                lambda progress: show(progress.epoch / progress.epochs),
            )
        await release(registry, profile.name, found, time.time_ns())
    bundle = found.bundle
    return {
        "version": bundle.version,
        "promoted": found.verdict.promoted,
        "checks": [asdict(check) for check in found.verdict.checks],
        **limit_facts(bundle.calibration),
        "facts": dict(bundle.facts),
        "notes": list(take_notes(bundle.facts, onlooker.blunted(), settings)),
    }


async def _champion(registry: Registry, profile: Profile) -> Bundle | None:
    """Return what scores now, if it could still score windows of this profile."""
    version = await registry.champion(profile.name)
    if version is None:
        return None
    champion = await registry.fetch(profile.name, version)
    return None if fits(champion, profile) else champion


def _first_rows(table: Iterable[Chunk], rows: int | None) -> Iterator[Chunk]:
    left = rows
    for chunk in table:
        yield chunk if left is None else chunk.head(left)
        left = None if left is None else left - len(chunk)
        if left is not None and left <= 0:
            return
