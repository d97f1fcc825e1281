"""Stream and backtest say the same, bit for bit: one is the other, laid out by row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

import skab
from backtesting import quick_model, rig_recording, simulated_pump
from detecting import all_scores, detecting, publish, send, specs, steps, until
from simulation import Input
from tocsin.adapters.embedded import EmbeddedLog, LogPolicy
from tocsin.core.blocks import encode_transition
from tocsin.core.profile import SECOND_NS, AlertPolicy, Profile
from tocsin.core.records import Rule
from tocsin.roles.detect import DetectPolicy
from tocsin.tools.backtest.replay import NO_WINDOW, Replayed, profile_of, replay
from tocsin.tools.backtest.series import Series
from tocsin_models.bundle import Bundle

EAGER = AlertPolicy(open_count=2, open_of=3, calm_count=2)
FAST = DetectPolicy(poll_s=0.02, checkpoint_s=0.05, tick_s=0.05, champion_s=0.05, poll_records=300)

Numbers = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What stands in the log: the numbers of each window by its end, and the steps of alerts."""

    windows: Mapping[int, Numbers]
    steps: set[bytes]


def entries_of(series: Series, closing_ns: int) -> list[Input]:
    """Return a series as JSON entries, and one more at ``closing_ns`` that closes the last slot."""
    entries = []
    for time_ns, values in zip(series.time_ns.tolist(), series.values.tolist(), strict=True):
        named = zip(series.channels, values, strict=True)
        cells = {name: value for name, value in named if not np.isnan(value)}
        wide = json.dumps({"asset": series.name, "time": time_ns, **cells})
        entries.append(Input(time_ns, wide.encode()))
    last = {"asset": series.name, "time": closing_ns, series.channels[0]: 1e9}
    return [*entries, Input(closing_ns, json.dumps(last).encode())]


async def stream(series: Series, bundle: Bundle, profile: Profile) -> Said:
    """Send a series through the detector as it is run, and read back what it wrote."""
    closing_ns = int(series.time_ns[-1]) + profile.period_ns + profile.lateness_ns
    entries = entries_of(series, closing_ns)
    policy = LogPolicy(retention_ns=None)
    async with EmbeddedLog(None, clock=lambda: closing_ns, policy=policy) as log:
        await log.declare(specs(FAST.topics), create=True)
        await publish(log, profile.name, bundle)
        await send(log, entries)
        async with detecting(log, [profile], FAST) as detector:
            await until(lambda: detector.statistics().records == len(entries))
        windows: dict[int, Numbers] = {}
        for block in await all_scores(log):
            columns = (block.status, block.score, block.error, block.blame, block.expected)
            for row, end_ns in enumerate(block.end_ns.tolist()):
                windows[end_ns] = tuple(column[row].tobytes() for column in columns)
        return Said(windows, {encode_transition(step) for step in (await steps(log)).values()})


def ends_of(series: Series, profile: Profile) -> list[int]:
    """Return the end of each row's slot."""
    ends_ns: list[int] = ((series.time_ns // profile.period_ns + 1) * profile.period_ns).tolist()
    return ends_ns


def by_window(said: Replayed, ends_ns: list[int]) -> dict[int, Numbers]:
    columns = (said.status, said.score, said.error, said.blame, said.expected)
    return {
        ends_ns[row]: tuple(column[row].tobytes() for column in columns)
        for row in np.flatnonzero(said.status != NO_WINDOW).tolist()
    }


async def compare(series: Series, profile: Profile) -> Replayed:
    """Assert that the stream says of every row and of every alert what `replay` says."""
    bundle, ends_ns = quick_model(series, profile), ends_of(series, profile)
    found = replay(series, bundle, profile)
    said = await stream(series, bundle, profile)
    of_rows = {end: numbers for end, numbers in said.windows.items() if end in set(ends_ns)}
    assert by_window(found, ends_ns) == of_rows
    assert {encode_transition(step) for step in found.steps} == said.steps
    assert np.isnan(found.score[found.status == NO_WINDOW]).all()
    return found


@pytest.mark.parametrize("name", ["valve1/0.csv", "other/6.csv"])
async def test_a_real_recording_gets_the_bytes_that_the_stream_gives_it(name: str) -> None:
    series = rig_recording(skab.recording(name))
    found = await compare(series, profile_of(series, 32, EAGER))
    assert np.isfinite(found.score).mean() > 0.8
    assert any(step.rule is Rule.ANOMALY for step in found.steps)


async def test_a_simulated_pump_gets_the_bytes_that_the_stream_gives_it() -> None:
    series = simulated_pump()
    found = await compare(series, profile_of(series, 24, EAGER))
    assert np.isfinite(found.score).mean() > 0.9
    assert any(step.rule is Rule.ANOMALY for step in found.steps)


@pytest.mark.parametrize("lateness_s", [0, 3])
async def test_windows_at_a_stride_get_the_bytes_that_the_stream_gives_them(
    lateness_s: int,
) -> None:
    series = simulated_pump()
    profile = replace(
        profile_of(series, 32, EAGER),
        stride=8,
        lateness_ns=lateness_s * SECOND_NS,
        silent_after_ns=10 * SECOND_NS,
    )
    found = await compare(series, profile)
    assert {step.rule for step in found.steps} == {Rule.ANOMALY, Rule.SILENT}
    ends_ns = np.array(ends_of(series, profile))
    at_window = found.status != NO_WINDOW
    assert ((ends_ns[at_window] // SECOND_NS - 1) % 8 == 0).all()
    assert 1 / 10 < at_window.mean() < 1 / 7
