"""Recordings of a water circulation rig (SKAB), read without the product's own reader.

Eight sensors, a reading a second with holes, the first 400 rows normal, one labelled interval.
"""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from oracle import Oracle, Reading, Window
from tocsin.core.profile import SECOND_NS, Profile

CHANNELS = (
    "Accelerometer1RMS",
    "Accelerometer2RMS",
    "Current",
    "Pressure",
    "Temperature",
    "Thermocouple",
    "Voltage",
    "Volume Flow RateRMS",
)
NO_CHANNELS = ("anomaly", "changepoint")
NORMAL_ROWS = 400


@dataclass(frozen=True, slots=True)
class Row:
    time_ns: int
    values: Mapping[str, float]
    labelled: bool


def recording(name: str) -> Path:
    """Return the path of a recording, or skip the test."""
    folder = os.environ.get("TOCSIN_TEST_DATA")
    if not folder:
        pytest.skip("TOCSIN_TEST_DATA does not name a folder with real recordings")
    return Path(folder) / "skab" / name


@cache
def rows(path: Path) -> Sequence[Row]:
    with path.open() as file:
        return [_row(cells) for cells in csv.DictReader(file, delimiter=";")]


def labelled_ns(path: Path) -> tuple[int, int]:
    """Return the times of the first and the last labelled row."""
    times = [row.time_ns for row in rows(path) if row.labelled]
    return times[0], times[-1]


def windows(path: Path, profile: Profile) -> Sequence[Window]:
    """Return the windows that a recording holds, said by the oracle of the tests."""
    return _windows(path, replace(profile, name="any"))


@cache
def _windows(path: Path, profile: Profile) -> Sequence[Window]:
    oracle = Oracle(profile, range(len(CHANNELS)))
    found = oracle.feed(
        [
            Reading(0, column, row.time_ns, row.values[channel], arrived_ns=row.time_ns)
            for row in rows(path)
            for column, channel in enumerate(CHANNELS)
        ]
    )
    assert found
    return found


def _row(cells: Mapping[str, str]) -> Row:
    moment = datetime.fromisoformat(cells["datetime"]).replace(tzinfo=UTC)
    values = {channel: float(cells[channel]) for channel in CHANNELS}
    return Row(int(moment.timestamp()) * SECOND_NS, values, cells["anomaly"] == "1.0")
