"""Learning a model from a table, through the very windows that the stream would have."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from tocsin.core.challenge import Challenge, ChallengePolicy, challenge
from tocsin.core.formats.faults import Faults
from tocsin.core.formats.table import Chunk
from tocsin.core.lessons import LessonPolicy, Lessons
from tocsin.core.profile import Profile
from tocsin.core.records import Ids, Names, Readings
from tocsin.core.windows import Lanes
from tocsin.ports import Registry
from tocsin_models.bundle import Bundle, Facts
from tocsin_models.learning import TrainingSet
from tocsin_models.training import Progress

_FOR_EVER_NS = 2**61


@dataclass(frozen=True, slots=True)
class TrainPolicy:
    """How a model is learned from a table.

    Attributes:
        asset: whose the rows are where the table does not say.
        challenge: how it is learned and judged.
        max_windows: if the table holds more windows, runs of them are left out evenly.
        facts: what the model shall tell of itself, such as the table's name.
    """

    asset: str = ""
    challenge: ChallengePolicy = field(default_factory=ChallengePolicy)
    max_windows: int = 20_000
    facts: Facts = field(default_factory=dict)


def cut_table(chunks: Iterable[Chunk], profile: Profile, policy: TrainPolicy) -> TrainingSet:
    """Return the windows that a table's rows, in their order, become.

    Whether the profile owns the assets does not matter; columns that it has no channel for are
    left aside. An endless table takes no more memory than ``max_windows`` need.

    Raises:
        ValueError: if neither the table nor the policy names an asset.
    """
    names, columns = Names(), {name: column for column, name in enumerate(profile.channels)}
    lanes = Lanes(profile, np.arange(len(columns), dtype=np.int32))
    lessons = Lessons(profile, names, LessonPolicy(_FOR_EVER_NS, policy.max_windows))
    row = 0
    for chunk in chunks:
        asset = _intern(chunk, names, policy.asset)
        lessons.take(lanes.feed(_readings(chunk, asset, columns, row), row).windows)
        row += len(chunk)
    return lessons.all().windows


def train_from_table(
    chunks: Iterable[Chunk],
    profile: Profile,
    policy: TrainPolicy,
    champion: Bundle | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Challenge:
    """Learn a model from a table of normal operation, and judge it beside the champion.

    Raises:
        ValueError: if the table names no asset, cannot be read for the most part, never measures
            a channel or holds too few windows; says what to do.
    """
    windows = cut_table(_demand(chunks, profile), profile, policy)
    facts = {"profile": profile.name, **policy.facts}
    how = policy.challenge.for_alerts(profile.alerts)
    return challenge(windows, champion, how, facts, progress)


async def release(registry: Registry, profile: str, found: Challenge, at_ns: int) -> None:
    """Publish a model with its verdict, and let it score if the verdict says so."""
    await registry.publish(profile, found.bundle, found.verdict, at_ns)
    if found.verdict.promoted:
        await registry.promote(profile, found.bundle.version)


def _demand(chunks: Iterable[Chunk], profile: Profile) -> Iterator[Chunk]:
    """Give the chunks of a table, and refuse it behind the last if it is not one to learn from."""
    faults, measured = Faults(), set[str]()
    for chunk in faults.watch(chunks):
        found = zip(chunk.channels, np.isfinite(chunk.values).T, strict=True)
        measured.update(name for name, cells in found if cells.any())
        yield chunk
    faults.demand()
    missing = [repr(name) for name in profile.channels if name not in measured]
    if missing:
        raise ValueError(
            f"no row measures {', '.join(missing)}: a model would learn nothing of it; record it, "
            f"or take it out of the channels of profile {profile.name}"
        )


def _intern(chunk: Chunk, names: Names, default: str) -> Ids:
    """Return whose the rows of a chunk are [n]."""
    if chunk.asset is not None:
        return np.array([names.intern(name) for name in chunk.asset], np.int32)
    if not default:
        raise ValueError("training: the table has no assets in it, so say which asset it is of")
    return np.full(len(chunk), names.intern(default), np.int32)


def _readings(chunk: Chunk, asset: Ids, columns: Mapping[str, int], first_row: int) -> Readings:
    """Return the measured cells of a chunk, row by row, as if each had arrived in time."""
    place = np.array([columns.get(name, -1) for name in chunk.channels], np.int32)
    row, cell = np.nonzero(np.isfinite(chunk.values) & (place >= 0))
    time_ns = chunk.time_ns[row]
    values = chunk.values[row, cell]
    return Readings(asset[row], place[cell], time_ns, values, row + first_row, time_ns)
