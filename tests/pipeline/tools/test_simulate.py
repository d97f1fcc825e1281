import asyncio
import json
import math
import time
from dataclasses import asdict

import numpy as np
import pytest

from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.formats.json import JsonDecoder
from tocsin.core.records import Names, Place, Readings
from tocsin.ports import TopicSpec
from tocsin.tools.plan import Episode, Plan
from tocsin.tools.plant import Plant
from tocsin.tools.replay import Pace, ReplayPolicy, Stamp
from tocsin.tools.simulate import SimulationPolicy, make_table, simulate
from tocsin_models.faults import FaultKind

SECOND_NS = 10**9
START_NS = 1_700_000_000 * SECOND_NS
PACE = Pace(time.monotonic, asyncio.sleep)


def plan() -> Plan:
    fault = Episode(
        "P2", ("flow",), FaultKind.SHIFT, START_NS + 50 * SECOND_NS, START_NS + 80 * SECOND_NS
    )
    late = Episode(
        "P1", ("flow",), FaultKind.STUCK, START_NS + 900 * SECOND_NS, START_NS + 950 * SECOND_NS
    )
    return Plan(Plant(5, ("P1", "P2")), [fault, late])


async def read(log: EmbeddedLog, channels: tuple[str, ...], names: Names) -> list[Readings]:
    decoder = JsonDecoder(channels, names)
    batches = [batch async for batch in log.read(Place("readings", 0), 0, 10**9)]
    decoded = [decoder.decode(batch) for batch in batches]
    assert not any(each.rejects or each.ignored for each in decoded)
    return [each.readings for each in decoded]


async def test_what_is_read_from_the_log_is_the_plant_value_for_value() -> None:
    names, wanted = Names(), plan().stretch(START_NS, 300)
    plant = plan().plant
    async with EmbeddedLog(None, clock=lambda: 0) as log:
        await log.declare([TopicSpec("readings", 1)], create=True)
        policy = SimulationPolicy(START_NS, 300, ReplayPolicy(stamp=Stamp.EVENT))
        report = await simulate(log, "readings", plan(), policy, PACE)
        found = np.full_like(wanted, math.nan)
        for part in await read(log, plant.channels, names):
            assert np.array_equal(part.arrived_ns, part.time_ns)
            rows = np.array([plant.assets.index(name) for name in names.table])[part.asset]
            steps = (part.time_ns - START_NS) // SECOND_NS
            found[rows, steps, part.channel] = part.value
    assert np.array_equal(found, wanted, equal_nan=True)
    assert report.sent.readings == np.isfinite(wanted).sum()
    assert report.sent.records == np.isfinite(wanted).any(axis=2).sum()
    truth = json.loads(json.dumps(asdict(report)))["truth"]
    assert truth == [
        {
            "asset": "P2",
            "channels": ["flow"],
            "kind": "shift",
            "start_ns": START_NS + 50 * SECOND_NS,
            "end_ns": START_NS + 80 * SECOND_NS,
            "magnitude": 4.0,
        }
    ]


async def test_a_shifted_simulation_has_a_shifted_truth() -> None:
    async with EmbeddedLog(None, clock=lambda: 0) as log:
        await log.declare([TopicSpec("readings", 1)], create=True)
        policy = SimulationPolicy(START_NS, 100, ReplayPolicy(shift_ns=SECOND_NS))
        report = await simulate(log, "readings", plan(), policy, PACE)
    assert report.truth[0]["start_ns"] == START_NS + 51 * SECOND_NS
    assert report.sent.first_ns is not None
    assert report.sent.first_ns >= START_NS + SECOND_NS


def test_a_table_goes_step_by_step_whatever_its_chunks() -> None:
    (chunk,) = make_table(plan(), START_NS, 50)
    assert len(chunk) <= 100
    assert chunk.asset is not None
    assert set(chunk.asset[:2]) == {"P1", "P2"}
    assert (np.diff(chunk.time_ns // SECOND_NS) >= 0).all()
    assert np.isfinite(chunk.values).any(axis=1).all()
    many = list(make_table(plan(), START_NS, 30_000))
    assert len(many) > 1
    assert many[-1].share == 1.0


def test_a_simulation_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="simulation"):
        SimulationPolicy(START_NS, 0)
