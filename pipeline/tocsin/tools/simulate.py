"""Runs a plant into the log: readings with ground truth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tocsin.core.formats.table import Chunk
from tocsin.ports import Log
from tocsin.tools.plan import Plan
from tocsin.tools.replay import Pace, Progress, ReplayPolicy, ReplayReport, replay

_CHUNK_CELLS = 200_000


@dataclass(frozen=True, slots=True)
class SimulationPolicy:
    """Which stretch of a plant is sent, and how; ``rows`` are steps of every asset."""

    start_ns: int
    rows: int
    sending: ReplayPolicy = field(default_factory=ReplayPolicy)

    def __post_init__(self) -> None:
        if self.start_ns < 0 or self.rows < 1:
            raise ValueError("simulation: choose start_ns >= 0 and rows >= 1")


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """What was sent, and what a detector should find in it: the episodes that it shows."""

    sent: ReplayReport
    truth: tuple[dict[str, Any], ...]  # times as they were sent


async def simulate(
    log: Log,
    topic: str,
    plan: Plan,
    policy: SimulationPolicy,
    pace: Pace,
    progress: Progress = lambda _: None,
) -> SimulationReport:
    """Send a stretch of the plan's plant to ``topic``: wide JSON, keyed by asset, step by step.

    A row in which nothing was measured is not sent. Raises as `replay.replay` does.
    """
    table = make_table(plan, policy.start_ns, policy.rows)
    sent = await replay(log, topic, table, policy.sending, pace, progress)
    return SimulationReport(sent, _truth(plan, policy))


def make_table(plan: Plan, start_ns: int, rows: int) -> Iterator[Chunk]:
    """Give the rows of a stretch, step by step and asset by asset."""
    plant = plan.plant
    names = np.array(plant.assets, object)
    most = max(1, _CHUNK_CELLS // (len(plant.assets) * len(plant.channels)))
    first = plant.step(start_ns)
    for at in range(0, rows, most):
        count = min(most, rows - at)
        from_ns = (first + at) * plant.period_ns
        # [A, N, F] -> [N * A, F]
        values = plan.stretch(from_ns, count).swapaxes(0, 1).reshape(-1, len(plant.channels))
        time_ns = plant.times(from_ns, count).T.reshape(-1)
        some = ~np.isnan(values).all(axis=1)
        yield Chunk(
            tuple(np.tile(names, count)[some].tolist()),
            time_ns[some],
            plant.channels,
            values[some],
            share=(at + count) / rows,
        )


def _truth(plan: Plan, policy: SimulationPolicy) -> tuple[dict[str, Any], ...]:
    shift_ns = policy.sending.shift_ns
    end_ns = policy.start_ns + policy.rows * plan.plant.period_ns
    return tuple(
        episode.truth()
        | {"start_ns": episode.start_ns + shift_ns, "end_ns": episode.end_ns + shift_ns}
        for episode in plan.episodes
        if episode.start_ns < end_ns and episode.end_ns > policy.start_ns
    )
