"""The whole stack with its own settings on real servers; see stack.py for what is replaced."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from compose import runs_once, started
from grafana import Database, Range, boards, expected_columns, look, queries
from rigs import until
from stack import Stack, running_stack
from tocsin.adapters.influx import InfluxStore

pytestmark = [
    pytest.mark.integration,
    # Two servers, ten starts of some seconds each, seven hours of readings and a training.
    pytest.mark.timeout(400),
]

OTHERS = ("simulate", "--assets=6", "--seed=11", "--for=1h", "--faults=2")
"""An hour more of six pumps at once: those that are there know it already, two are new, and what
goes wrong with one of these is over some minutes before the hour is."""


ABOUT_MISHAPS = re.compile(
    "learning: .*(Refused|Failed)"  # no fit was
    "|(fleet|operations): .*by status [DE]"  # too few values, and no number from a model
)
"""What the dashboards would say of things that do not happen in the stack's first minutes."""

BINS_S = 120
"""The widest bins that the dashboards' panels cut six hours into."""

HOURS_6_MS = 6 * 3_600_000
"""What the dashboards show if nobody chooses another time."""


def unanswered(stack: Stack, asset: str) -> set[str]:
    """Return which queries of the dashboards find nothing, or other columns than expected."""
    reader, now_ms = stack.reader(), time.time_ns() // 1_000_000
    database = Database(reader.url, reader.bucket, reader.token)
    within, found = Range(now_ms - HOURS_6_MS, now_ms), set()
    for name, board in boards().items():
        view = look(board, database, within, {"asset": asset})
        for query in queries(board):
            for scoped in view.repeats(query):
                answer = view.execute(query, **scoped)
                columns = {tuple(series.columns) for series in answer if series.values}
                place = f"{name}: {query.place}"
                if columns != {tuple(expected_columns(query))} and not ABOUT_MISHAPS.match(place):
                    found.add(place)
    return found


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
        ended = "SELECT score, asset FROM tocsin_episode WHERE rule = 'anomaly' LIMIT 1"
        await until(some(stack, ended), 60)
        (episode, *_) = await rows(stack, ended)
        left: set[str] = set()

        async def all_answered() -> bool:
            left.clear()
            left.update(await asyncio.to_thread(unanswered, stack, episode["asset"]))
            return not left

        with suppress(TimeoutError):  # differences want a report in each of two bins of two minutes
            await until(all_answered, BINS_S + 20)
        assert sorted(left) == []
        assert {name for name in stack.programs if not stack.healthy(name)} == set()
        assert stack.secret("page-secrets", "token") not in stack.said("page")
        await asyncio.to_thread(stack.call, "doctor")
        codes = {name: program.stop() for name, program in stack.programs.items()}
    del codes["plant"]  # it ends as signals end what does not listen to them
    assert codes == dict.fromkeys(codes, 0)
