"""What goes wrong in a plant, where and when: faults on order, and so their ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.core.records import Floats
from tocsin.tools.plant import Plant
from tocsin_models.faults import Fault, FaultKind, inject

_CONTEXT_STEPS = 64
"""What a fault may look back on: the last measured value, a lag, another time's stretch."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A fault of some channels of an asset in the steps ``start_ns <= time < end_ns``.

    ``magnitude`` is as for `tocsin_models.faults.FaultKind`.
    """

    asset: str
    channels: tuple[str, ...]
    kind: FaultKind
    start_ns: int
    end_ns: int
    magnitude: float = 4.0

    def __post_init__(self) -> None:
        if not self.channels:
            raise ValueError("episode: name at least one channel")
        if not 0 <= self.start_ns < self.end_ns:
            raise ValueError("episode: choose 0 <= start < end")

    def truth(self) -> dict[str, Any]:
        """Return what a detector should find, as plain values."""
        return {
            "asset": self.asset,
            "channels": list(self.channels),
            "kind": str(self.kind),
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "magnitude": self.magnitude,
        }


class Plan:
    """The episodes of one plant; where two meet on one channel, the later one counts.

    Chance is drawn by an episode's number, which it keeps whatever is added or forgotten.

    Raises:
        ValueError: if an episode names an asset or a channel that the plant does not have.
    """

    def __init__(self, plant: Plant, episodes: Sequence[Episode] = ()) -> None:
        self.plant = plant
        self._count = 0
        self._episodes: dict[int, Episode] = {}
        self._made: dict[int, Floats] = {}
        for episode in episodes:
            self.add(episode)

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """The episodes that are not forgotten, in the order in which they were added."""
        return tuple(self._episodes.values())

    def add(self, episode: Episode) -> None:
        """Let something more go wrong; raises ValueError as for the first episodes."""
        if episode.asset not in self.plant.assets:
            raise ValueError(f"episode: there is no asset {episode.asset!r}")
        for channel in episode.channels:
            if channel not in self.plant.channels:
                raise ValueError(f"episode: there is no channel {channel!r}")
        self._episodes[self._count] = episode
        self._count += 1

    def forget(self, before_ns: int) -> None:
        """Drop the episodes that ended by then: such a stretch is not to be asked for again."""
        ended = [number for number, each in self._episodes.items() if each.end_ns <= before_ns]
        for number in ended:
            del self._episodes[number]
            self._made.pop(number, None)

    def stretch(self, start_ns: int, rows: int) -> Floats:
        """Return the plant's values ``[A, rows, F]`` with all that goes wrong in them.

        As with the plant, two adjoining stretches are the bytes of one long one.
        """
        values = self.plant.stretch(start_ns, rows)
        first = self.plant.step(start_ns)
        for number, episode in self._episodes.items():
            begin, end = self._steps(episode)
            low, high = max(begin, first), min(end, first + rows)
            if low < high:
                asset = self.plant.assets.index(episode.asset)
                columns = [self.plant.channels.index(channel) for channel in episode.channels]
                faulty = self._faulty(number)[low - begin : high - begin, columns]
                values[asset, low - first : high - first, columns] = faulty.T
        return values

    def _steps(self, episode: Episode) -> tuple[int, int]:
        return self.plant.step(episode.start_ns), self.plant.step(episode.end_ns)

    def _faulty(self, number: int) -> Floats:
        """Return the whole episode's values ``[N, F]``, made once."""
        found = self._made.get(number)
        if found is None:
            found = self._made[number] = self._make(number)
        return found

    def _make(self, number: int) -> Floats:
        episode, plant = self._episodes[number], self.plant
        begin, end = self._steps(episode)
        before = min(begin, max(_CONTEXT_STEPS, end - begin, 2 * round(abs(episode.magnitude))))
        clean = plant.stretch((begin - before) * plant.period_ns, before + end - begin)
        values = clean[plant.assets.index(episode.asset)]
        rng = np.random.default_rng([plant.seed, number])
        for name in episode.channels:
            channel = plant.channels.index(name)
            fault = Fault(episode.kind, channel, before, end - begin, episode.magnitude)
            values = inject(values, fault, rng, plant.spread)
        return plant.round(values[before:])


def draw_plan(plant: Plant, seed: int, start_ns: int, end_ns: int, count: int) -> Plan:
    """Return a plan of ``count`` episodes: every kind in turn, one after another in time.

    Each takes half of its share of ``start_ns .. end_ns``, in one channel of one asset.
    """
    rng = np.random.default_rng([seed, count])
    kinds, share_ns = tuple(FaultKind), (end_ns - start_ns) // max(1, count)
    episodes = [
        Episode(
            str(rng.choice(plant.assets)),
            (str(rng.choice(plant.channels)),),
            kinds[at % len(kinds)],
            start_ns + at * share_ns + share_ns // 4,
            start_ns + at * share_ns + share_ns // 4 + share_ns // 2,
            _magnitude(kinds[at % len(kinds)]),
        )
        for at in range(count)
    ]
    return Plan(plant, episodes)


def _magnitude(kind: FaultKind) -> float:
    """Return a size that a person would call a fault: spreads, or steps for a lag."""
    return 30.0 if kind is FaultKind.LAG else 3.0
