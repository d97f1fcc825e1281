"""A plant of pumps: linked channels, regimes, a daily cycle, noise, gaps - and faults on order.

Everything is a function of (seed, asset, step), so any stretch can be made at any time and two
adjoining stretches are the bytes of one long one. Steps are ``period_ns`` long and counted from
the Unix epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tocsin.core.records import Floats, Times

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


class Channel(NamedTuple):
    """What a sensor is called, its unit, its spread over all regimes and its noise."""

    name: str
    unit: str
    spread: float
    noise: float
    decimals: int


CHANNELS = (
    Channel("load", "%", 32.0, 0.4, 2),
    Channel("current", "A", 9.6, 0.15, 3),
    Channel("voltage", "V", 1.8, 0.3, 2),
    Channel("flow", "m3/h", 17.0, 0.25, 3),
    Channel("pressure", "bar", 0.7, 0.02, 4),
    Channel("temperature", "degC", 7.0, 0.1, 3),
    Channel("bearing_temperature", "degC", 5.7, 0.1, 3),
    Channel("vibration", "mm/s", 0.8, 0.05, 4),
)
_LOAD, _CURRENT, _VOLTAGE, _FLOW, _PRESSURE, _TEMPERATURE, _BEARING, _VIBRATION = range(8)

_LEVELS = (0.15, 0.60, 0.95)  # idle, part load, full load
_BLOCK = 1_024
"""Steps that are made at once: what makes a step's bytes independent of what is asked for."""
_LAGS = 12
_REGIME, _NOISE, _BUILD = range(3)  # streams of random numbers


@dataclass(frozen=True, slots=True)
class PlantPolicy:
    """How lively a plant is; lengths in steps."""

    regime_steps: int = 600
    transition_steps: int = 60
    missing_share: float = 0.002  # of the cells
    gap_share: float = 0.02  # of the blocks of 1,024 steps that have a hole in them
    gap_steps: int = 20
    jitter_share: float = 0.2  # of the period by which a reading may come late
    day_ns: int = DAY_NS

    def __post_init__(self) -> None:
        if not 1 <= self.transition_steps <= self.regime_steps:
            raise ValueError("plant: choose 1 <= transition_steps <= regime_steps")
        if not 0 <= self.jitter_share < 1:
            raise ValueError("plant: choose 0 <= jitter_share < 1")
        if not 1 <= self.gap_steps < _BLOCK:
            raise ValueError(f"plant: choose 1 <= gap_steps < {_BLOCK}")


class Plant:
    """A number of pumps, each built a little differently."""

    def __init__(
        self,
        seed: int,
        assets: Sequence[str],
        period_ns: int = SECOND_NS,
        policy: PlantPolicy | None = None,
    ) -> None:
        if period_ns < 1 or not assets or seed < 0:
            raise ValueError("plant: needs a seed from 0 up, an asset and a positive period")
        self.assets = tuple(assets)
        self.channels = tuple(channel.name for channel in CHANNELS)
        self.spread = np.array([channel.spread for channel in CHANNELS])
        self.period_ns = period_ns
        self.seed = seed
        self._policy = policy or PlantPolicy()
        self._blocks: dict[tuple[int, int], _Block] = {}

    def stretch(self, start_ns: int, rows: int) -> Floats:
        """Return the values ``[A, rows, F]`` of the steps from ``start_ns`` on, NaN in gaps."""
        return np.stack([part.values for part in self._stretches(start_ns, rows)])

    def times(self, start_ns: int, rows: int) -> Times:
        """Return the readings' times ``[A, rows]``: within their step, with jitter."""
        return np.stack([part.time_ns for part in self._stretches(start_ns, rows)])

    def round(self, values: Floats) -> Floats:
        """Return ``values [N, F]`` with the decimals that the sensors give."""
        columns = [values[:, at].round(channel.decimals) for at, channel in enumerate(CHANNELS)]
        return np.stack(columns, axis=1)

    def step(self, at_ns: int) -> int:
        """Return the number of the first step that begins at ``at_ns`` or later."""
        return -(-at_ns // self.period_ns)

    def _stretches(self, start_ns: int, rows: int) -> list["_Block"]:
        if start_ns < 0 or rows < 1:
            raise ValueError("plant: a stretch has a row or more and starts at the epoch or later")
        first = self.step(start_ns)
        return [self._stretch(asset, first, rows) for asset in range(len(self.assets))]

    def _stretch(self, asset: int, first: int, rows: int) -> "_Block":
        numbers = range(first // _BLOCK, (first + rows - 1) // _BLOCK + 1)
        blocks = [self._block(asset, number) for number in numbers]
        part = slice(first - numbers[0] * _BLOCK, first - numbers[0] * _BLOCK + rows)
        return _Block(
            np.concatenate([block.values for block in blocks])[part],
            np.concatenate([block.time_ns for block in blocks])[part],
        )

    def _block(self, asset: int, number: int) -> "_Block":
        found = self._blocks.get((asset, number))
        if found is None:
            while len(self._blocks) > 4 * len(self.assets):
                del self._blocks[next(iter(self._blocks))]
            found = self._blocks[asset, number] = self._make(asset, number)
        return found

    def _make(self, asset: int, number: int) -> "_Block":
        steps = np.arange(number * _BLOCK, (number + 1) * _BLOCK)
        rng = self._rng(_NOISE, asset, number)
        values = self._physics(asset, steps)
        values += rng.standard_normal(values.shape) * [channel.noise for channel in CHANNELS]
        values = self.round(values)
        values[rng.random(values.shape) < self._policy.missing_share] = np.nan
        hole = int(rng.integers(_BLOCK - self._policy.gap_steps))
        if rng.random() < self._policy.gap_share:
            values[hole : hole + self._policy.gap_steps] = np.nan
        late = rng.random(_BLOCK) * self._policy.jitter_share * self.period_ns
        return _Block(values, steps * self.period_ns + late.astype(np.int64))

    def _physics(self, asset: int, steps: Times) -> Floats:
        """Return what ideal sensors would say ``[N, F]``."""
        build = 1 + 0.05 * self._rng(_BUILD, asset).uniform(-1, 1, len(CHANNELS))
        load, warm, warmer = self._loads(asset, steps)
        day = np.sin(2 * np.pi * (steps * self.period_ns / self._policy.day_ns % 1))
        flow = 52 * load * build[_FLOW]
        columns = {
            _LOAD: 100 * load,
            _CURRENT: (6 + 30 * load) * build[_CURRENT],
            _VOLTAGE: 360 + 40 * build[_VOLTAGE] - 4 * load + 0.3 * day,
            _FLOW: flow,
            _PRESSURE: 6.2 * build[_PRESSURE] - 0.0007 * flow**2,
            _TEMPERATURE: 22 + 2 * day + 24 * warm * build[_TEMPERATURE],
            _BEARING: 24 + 2 * day + 20 * warmer * build[_BEARING],
            _VIBRATION: (0.8 + 1.2 * load + 1.1 * load**2) * build[_VIBRATION],
        }
        return np.stack([columns[channel] for channel in range(len(CHANNELS))], axis=1)

    def _loads(self, asset: int, steps: Times) -> tuple[Floats, Floats, Floats]:
        """Return the load ``[N]``, and as a body and as a heavier one feel it."""
        lag = self._policy.transition_steps
        past = _LAGS * lag
        load = self._load(asset, np.arange(steps[0] - past, steps[-1] + 1))
        return load[past:], _remember(load, past, lag // 3), _remember(load, past, lag)

    def _load(self, asset: int, steps: Times) -> Floats:
        """Return the load ``[N]``, 0 to about 1: regimes, with smooth transitions, and a sway."""
        length, ramp = self._policy.regime_steps, self._policy.transition_steps
        regime = steps // length
        first = int(regime[0]) - 1
        levels = np.array([self._level(asset, at) for at in range(first, int(regime[-1]) + 1)])
        now, before = levels[regime - first], levels[regime - first - 1]
        share = np.minimum((steps - regime * length) / ramp, 1.0)
        smooth = share * share * (3 - 2 * share)
        sway = np.sin(2 * np.pi * (steps % 97) / 97) + np.sin(2 * np.pi * (steps % 41) / 41)
        load: Floats = before + (now - before) * smooth + 0.01 * sway
        return load

    def _level(self, asset: int, regime: int) -> float:
        rng = self._rng(_REGIME, asset, regime)
        return float(rng.choice(_LEVELS) * rng.uniform(0.97, 1.03))

    def _rng(self, *stream: int) -> np.random.Generator:
        # seeds must not be negative, and neither are steps after the epoch
        return np.random.default_rng([self.seed, *(max(0, number) for number in stream)])


@dataclass(frozen=True, slots=True)
class _Block:
    values: Floats  # [N, F]
    time_ns: Times  # [N]


def _remember(load: Floats, past: int, lag: int) -> Floats:
    """Return an exponential memory of the load ``[past + N]`` with a lag of that many steps."""
    weights = np.exp(-np.arange(_LAGS) / 3)
    weights /= weights.sum()
    felt = np.zeros(len(load) - past)
    for at, weight in enumerate(weights.tolist()):
        felt += weight * load[past - at * lag : len(load) - at * lag]
    return felt
