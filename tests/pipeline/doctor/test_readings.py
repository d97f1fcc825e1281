"""What the doctor says of the newest entries, on an embedded log in memory."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Entry
from tocsin.doctor import Finding
from tocsin.doctor.readings import judge_sample
from tocsin.doctor.sample import take_sample
from tocsin.ports import TopicSpec

NOW_NS = 1_795_000_000 * SECOND_NS
PUMP = Profile("pump", ("flow", "load"), ("pump-*",))


async def look(
    contents: Sequence[Any], profiles: Sequence[Profile] = (PUMP,), partitions: int = 2
) -> dict[str, Finding]:
    """Return what is found in entries with ``contents``, spread over the partitions."""
    async with EmbeddedLog(None, clock=lambda: NOW_NS) as log:
        await log.declare([TopicSpec("readings", partitions)], create=True)
        for number, content in enumerate(contents):
            value = content if isinstance(content, bytes) else json.dumps(content).encode()
            await log.append([Entry("readings", value, partition=number % partitions)])
        channels = tuple(dict.fromkeys(c for profile in profiles for c in profile.channels))
        sample = await take_sample(log, "readings", channels)
        return {each.what: each for each in judge_sample(sample, profiles, NOW_NS)}


def wide(asset: str, seconds_ago: float = 12, **values: object) -> dict[str, object]:
    return {"asset": asset, "time": int(NOW_NS - seconds_ago * SECOND_NS), **values}


async def test_what_is_well_is_said_with_its_age() -> None:
    found = await look([wide("pump-1", 90, flow=1.5, load=2), wide("pump-2", 12, flow=3, load=4)])
    assert found["readings"] == Finding("readings", well=True, found="pump-2 flow = 3, 12s ago")
    assert found["channels of pump"].well
    assert set(found) == {"readings", "channels of pump"}


async def test_all_partitions_are_looked_at() -> None:
    found = await look([wide("pump-1", 1, flow=1), wide("pump-1", 2, load=1)])
    assert found["channels of pump"].well


async def test_an_empty_topic_is_told_with_how_to_fill_it() -> None:
    found = await look([])
    assert list(found) == ["readings"]
    assert not found["readings"].well
    assert "tocsin simulate" in found["readings"].remedy


async def test_a_channel_that_never_comes_is_told_with_the_name_that_was_meant() -> None:
    profile = Profile("pump", ("flow", "presure", "humidity"))
    found = await look([wide("pump-1", flow=1, pressure=2, Heat=3)], [profile])
    told = found["channels of pump"]
    assert not told.well
    assert told.found == "never in the newest 1 entries: presure, humidity"
    assert told.remedy.startswith("did you mean pressure for presure? mend profiles.pump.channels")
    assert found["other channels"].well
    assert found["other channels"].found.startswith("Heat, pressure: no profile names them")


async def test_entries_without_any_known_channel_are_told_with_what_they_have() -> None:
    found = await look([wide("pump-1", Flow=1)], [Profile("pump", ("flow",))])
    assert not found["readings"].well
    assert found["readings"].found == "none of flow in the newest 1 entries"
    assert found["readings"].remedy.startswith("did you mean Flow for flow?")


async def test_entries_that_cannot_be_read_are_told_with_why() -> None:
    found = await look([b"flow=1"])
    assert "not JSON" in found["readings"].found
    assert "getting-started" in found["readings"].remedy


@pytest.mark.parametrize(
    "content",
    [
        {"asset": "pump-1", "channel": "speed", "value": 3},
        {"asset": "pump-1", "speed": 3, "state": "on", "ok": True},
        {"asset": "pump-1", "values": {"speed": 3}},
        {"asset": "pump-1", "values": [{"speed": 3}, {"flow": 1}]},
        [{"asset": "pump-1", "flow": 1}, {"asset": "pump-1", "speed": 3}],
        {"schema": {}, "payload": {"asset": "pump-1", "speed": 3}},
    ],
)
async def test_unknown_channels_are_found_in_every_form_of_entry(content: object) -> None:
    found = await look([wide("pump-1", flow=1, load=2), content])
    assert found["other channels"].found.startswith("speed: ")


async def test_assets_of_no_profile_are_told_and_no_fault() -> None:
    found = await look([wide("pump-1", flow=1, load=2), wide("fan-1", flow=1, load=2)])
    assert found["other assets"].well
    assert found["other assets"].found.startswith("fan-1: of no profile")


async def test_a_profile_whose_assets_never_come_is_told() -> None:
    found = await look([wide("fan-1", flow=1, load=2)])
    told = found["channels of pump"]
    assert not told.well
    assert "none of its assets (pump-*)" in told.found
    assert "profiles.pump.assets" in told.remedy


async def test_an_asset_counts_for_the_first_profile_that_takes_it() -> None:
    second = Profile("late", ("load",), ("*",))
    found = await look([wide("pump-1", flow=1, load=2)], [PUMP, second])
    assert found["channels of pump"].well
    assert not found["channels of late"].well


async def test_readings_from_the_future_are_told_with_how_far() -> None:
    found = await look([wide("pump-1", -7_200, flow=1, load=2)])
    told = found["readings"]
    assert not told.well
    assert "2h in the future, which is refused" in told.found
    assert "max_ahead" in told.remedy


async def test_readings_a_little_ahead_are_no_fault() -> None:
    found = await look([wide("pump-1", -3, flow=1, load=2)])
    assert found["readings"].well
    assert "ahead of this clock" in found["readings"].found


async def test_only_the_newest_entries_are_looked_at() -> None:
    many = [wide("pump-1", 1_000 - n, flow=n, load=n) for n in range(500)]
    found = await look([wide("pump-1", 2_000, old=1), *many], partitions=1)
    assert "other channels" not in found
    assert found["channels of pump"].found == "all in the newest 400 entries"
