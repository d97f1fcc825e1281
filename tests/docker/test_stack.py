"""The whole stack with its own settings on real servers; see stack.py for what is replaced."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from compose import runs_once, started
from rigs import until
from stack import Stack, running_stack
from tocsin.adapters.influx import InfluxStore

pytestmark = [
    pytest.mark.integration,
    # Two servers, ten starts of some seconds each, six hours of readings and a training.
    pytest.mark.timeout(400),
]

OTHERS = ("simulate", "--assets=6", "--seed=11", "--for=10m", "--faults=2")
"""Ten more minutes of six pumps at once: those that are there know them already, two are new."""


async def rows(stack: Stack, question: str) -> list[dict[str, Any]]:
    async with InfluxStore(stack.reader()) as influx:
        return await influx.query(question)


def some(stack: Stack, question: str) -> Callable[[], Awaitable[bool]]:
    """Return a condition: the question is answered with at least one row."""

    async def answered() -> bool:
        assert [name for name, each in stack.programs.items() if not each.alive()] == []
        return bool(await rows(stack, question))

    return answered


async def test_the_stack_learns_scores_and_alerts_with_the_settings_that_stand_in_it(
    tmp_path: Path,
) -> None:
    with running_stack(tmp_path) as stack:
        lasting = {name for name, service in started().items() if not runs_once(service)}
        assert set(stack.programs) == lasting - {"kafka", "influxdb", "grafana"}
        await until(some(stack, "SELECT * FROM tocsin_score WHERE status = 0 LIMIT 1"), 180)
        await asyncio.to_thread(stack.call, "plant", *OTHERS)
        await until(some(stack, "SELECT * FROM tocsin_alert WHERE rule = 'anomaly' LIMIT 1"), 60)
        assert {name for name in stack.programs if not stack.healthy(name)} == set()
        assert stack.secret("page-secrets", "token") not in stack.said("page")
        await asyncio.to_thread(stack.call, "doctor")
        codes = {name: program.stop() for name, program in stack.programs.items()}
    del codes["plant"]  # it ends as signals end what does not listen to them
    assert codes == dict.fromkeys(codes, 0)
