"""How a partition is taken over: read the note, replay, recall, claim."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog

from tocsin.core.blocks import decode_scores
from tocsin.core.checkpoint import Note, Resume, Snapshot
from tocsin.core.engine import Engine, Partition
from tocsin.core.records import Place
from tocsin.ports import Commit, Log, Membership, Registry
from tocsin_models.bundle import Bundle

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a restore reads, and the thread that it decodes in."""

    log: Log
    membership: Membership
    registry: Registry
    scores: str  # topic
    state: str  # topic
    decoder: Executor


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition that is ours and complete up to ``offset``."""

    partition: Partition
    offset: int
    scores_end: int


async def restore(place: Place, engine: Engine, sources: Sources) -> Restored | None:
    """Take over ``place``; None if somebody else got it meanwhile.

    Lanes are rebuilt from the note's replay start, error rings from ``scores``, and the claim is
    the same commit once more: refused, it says that the place is not ours.

    Raises:
        Unavailable: if the log or the registry cannot be read now.
    """
    resume = await _resume(place, engine, sources)
    partition = engine.open(resume)
    note = resume.note
    if note is not None:
        await _replay(place, partition, note.replay_from, resume.offset, sources)
        await _recall(place, partition, note.scores_from, resume.scores_end, sources)
    partition.restored()
    claim = note or _first_note(engine, resume)
    if not await sources.membership.commit(place, Commit(resume.offset, claim.encode())):
        return None
    await sources.membership.seek(place, resume.offset)
    return Restored(partition, resume.offset, resume.scores_end)


async def _resume(place: Place, engine: Engine, sources: Sources) -> Resume:
    commit = await sources.membership.committed(place)
    first, _ = await sources.log.bounds(place)
    _, scores_end = await sources.log.bounds(Place(sources.scores, place.partition))
    note = Note.decode(commit.note) if commit else None
    if commit and (note is None or note.config != engine.config):
        log.warning(
            "starting without memory",
            topic=place.topic,
            partition=place.partition,
            reason="the profiles were changed" if note else "the commit has no note of ours",
        )
        note = None
    snapshots = await _snapshots(place, sources) if note else []
    models = await _models(note.models, sources) if note else dict(engine.champions)
    if note and note.replay_from < first:
        log.warning(
            "replay cut short: the log no longer holds its start, so windows warm up anew",
            topic=place.topic,
            partition=place.partition,
            lost_entries=first - note.replay_from,
        )
    return Resume(
        max(commit.offset if commit else first, first), note, models, snapshots, scores_end
    )


def _first_note(engine: Engine, resume: Resume) -> Note:
    versions = {profile: bundle.version for profile, bundle in resume.models.items()}
    return Note(resume.offset, resume.scores_end, versions, engine.config)


async def _snapshots(place: Place, sources: Sources) -> list[Snapshot]:
    found = await sources.log.last_values(Place(sources.state, place.partition))
    return [Snapshot.decode(record.value) for record in found.values() if record.value]


async def _models(versions: Mapping[str, str], sources: Sources) -> dict[str, Bundle]:
    """Return the bundles that scored from the checkpoint on; a lost one leaves windows unscored."""
    models = {}
    for profile, version in versions.items():
        try:
            models[profile] = await sources.registry.fetch(profile, version)
        except (KeyError, ValueError) as error:
            log.warning("model lost", profile=profile, version=version, reason=str(error))
    return models


async def _replay(
    place: Place, partition: Partition, start: int, stop: int, sources: Sources
) -> None:
    loop = asyncio.get_running_loop()
    async for batch in sources.log.read(place, start, stop):
        await loop.run_in_executor(sources.decoder, partition.replay, batch)


async def _recall(
    place: Place, partition: Partition, start: int, stop: int, sources: Sources
) -> None:
    loop = asyncio.get_running_loop()
    async for batch in sources.log.read(Place(sources.scores, place.partition), start, stop):
        for offset, value in zip(batch.offsets, batch.values, strict=True):
            if value is not None:
                block = decode_scores(value)
                await loop.run_in_executor(sources.decoder, partition.recall, block, offset)
