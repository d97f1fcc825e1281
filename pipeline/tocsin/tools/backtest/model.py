"""Our own models in a backtest: learned from the first rows, then replayed like a stream."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tocsin.core.challenge import recipe_for
from tocsin.core.formats.table import Chunk
from tocsin.core.profile import AlertPolicy, Profile
from tocsin.tools.backtest.replay import ROW_BY_ROW, profile_of, replay
from tocsin.tools.backtest.series import Outcome, Series
from tocsin.tools.train import TrainPolicy, cut_table
from tocsin_models.learning import Recipe, TrainingSet, train_bundle
from tocsin_models.sizes import choose_sizes
from tocsin_models.training import Progress

_CHUNK_ROWS = 1_000
"""Rows whose windows are held at once before they are rounded and thinned out."""


@dataclass(frozen=True, slots=True)
class ReplayPolicy:
    """How a series becomes windows, and windows become alerts.

    Attributes:
        length: slots a window; None: what suits the rows that are learned from.
        alerts: when an alert opens and closes.
        max_windows: if there are more to learn from, runs of them are left out evenly.
        clock: seconds that only rise, to say how long it took.
    """

    length: int | None = 64
    alerts: AlertPolicy = ROW_BY_ROW
    max_windows: int = 40_000
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class ModelEntrant:
    """One of our models, by the recipe that it is learned by.

    Attributes:
        name: what it is called in tables.
        recipe: how it is learned; its seed is the run's.
        policy: how a series becomes windows and alerts.
        progress: told which share of the learning is done.
    """

    name: str
    recipe: Recipe
    policy: ReplayPolicy = field(default_factory=ReplayPolicy)
    progress: Callable[[float], None] = field(default=lambda _: None, repr=False)

    def run(self, series: Series, seed: int) -> Outcome:
        """Learn from ``series.values[:train_rows]`` alone, then replay every row in order.

        Raises:
            ValueError: If there are too few rows to learn from; says what to do.
        """
        length, clock = choose_length(series, self.policy), self.policy.clock
        profile = profile_of(series, length, self.policy.alerts)
        seeded = replace(self.recipe, training=replace(self.recipe.training, seed=seed))
        recipe = recipe_for(seeded, profile.alerts)
        began_s = clock()
        windows = cut_lesson(series, profile, self.policy.max_windows)
        try:
            bundle = train_bundle(windows, recipe, {"series": series.name}, self._tell)
        except ValueError as error:
            raise ValueError(f"{series.name}: {error}") from error
        learned_s = clock()
        said = replay(series, bundle, profile)
        return Outcome(
            score=said.score,
            alarm=said.alarm,
            fit_s=learned_s - began_s,
            judge_s=clock() - learned_s,
            error=said.error,
            blame=said.blame,
            expected=said.expected,
            steps=said.steps,
            bundle=bundle,
        )

    def _tell(self, progress: Progress) -> None:
        self.progress(progress.epoch / progress.epochs)


def choose_length(series: Series, policy: ReplayPolicy) -> int:
    """Return how many slots a window has: as told, or what suits the rows to learn from."""
    if policy.length is not None:
        return policy.length
    return choose_sizes(series.values[: series.train_rows]).length


def cut_lesson(series: Series, profile: Profile, max_windows: int = 40_000) -> TrainingSet:
    """Return the windows of the rows to learn from, cut as the stream cuts them.

    Raises:
        ValueError: If they hold none; says what to do.
    """
    rows, policy = series.train_rows, TrainPolicy(series.name, max_windows=max_windows)
    windows = cut_table(_chunks(series, rows), profile, policy)
    if not len(windows.values):
        raise ValueError(
            f"{series.name}: its first {rows} rows hold no whole window of {profile.length} "
            f"slots; learn from more rows, or choose shorter windows"
        )
    return windows


def _chunks(series: Series, rows: int) -> Iterator[Chunk]:
    for low in range(0, rows, _CHUNK_ROWS):
        part = slice(low, min(low + _CHUNK_ROWS, rows))
        yield Chunk(None, series.time_ns[part], series.channels, series.values[part])
