"""Small recordings in the form of the public sets, with a fault that anybody would see."""

import csv
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tocsin.adapters.csv import TableFormat, read_table
from tocsin.core.formats.table import Chunk
from tocsin_models.arrays import Flags, Floats

ROWS, TRAIN_ROWS, FAULT_ROW = 600, 300, 500
SKAB_SENSORS = ("Pressure", "Current")
NAB_START = datetime(2014, 4, 1, 0, 1, tzinfo=UTC)


# Readers are functions of a module that another process can import, as a test's own is not.


def read_csv(path: Path, time_column: str) -> Iterator[Chunk]:
    return read_table(path, TableFormat(time_column))


def tell_threads(path: Path, time_column: str) -> Iterator[Chunk]:
    """Read a file, and write beside it how many threads torch has in this process."""
    path.with_suffix(".threads").write_text(str(torch.get_num_threads()))
    return read_csv(path, time_column)


def machine(seed: int = 0, channels: int = 2) -> tuple[Floats, Flags]:
    """Return values ``[ROWS, channels]`` of a machine that breaks, and labels."""
    chance = np.random.default_rng(seed)
    turn = np.arange(ROWS)[:, None] / 5 + np.arange(channels)
    values: Floats = np.sin(turn) + 0.1 * chance.normal(size=turn.shape)
    label = np.arange(ROWS) >= FAULT_ROW
    values[label] += 3 * chance.normal(size=(ROWS - FAULT_ROW, channels))
    return values, label


def write_sets(folder: Path) -> Path:
    """Write one series of every set but SKAB, of which there are two and one without a fault."""
    values, label = machine()
    for name in ("tsb-ad-m", "smd", "smap-msl", "asd", "tep", "nab/real", "skab/valve1"):
        (folder / name).mkdir(parents=True)
    (folder / "skab" / "anomaly-free").mkdir()
    facts: dict[str, Any] = {"train_rows": TRAIN_ROWS, "vus_window": 20}
    np.savez(folder / "tsb-ad-m" / "001_Pump.npz", x=values, label=label.astype(np.uint8), **facts)
    halves: dict[str, Any] = {
        "train": values[:TRAIN_ROWS],
        "test": values[TRAIN_ROWS:],
        "label": label[TRAIN_ROWS:].astype(np.uint8),
    }
    for path in ("smd/machine-1-1", "smap-msl/SMAP-A-1", "smap-msl/MSL-B-2", "asd/omi-1"):
        np.savez(folder / f"{path}.npz", **halves)
    np.savez(folder / "tep" / "d00.npz", x=values[:TRAIN_ROWS])
    for path in ("d00_te", "d01_te", "d01"):
        np.savez(folder / "tep" / f"{path}.npz", x=values[TRAIN_ROWS:])
    for path in ("valve1/0", "valve1/1"):
        write_skab(folder / "skab" / f"{path}.csv")
    (folder / "skab" / "anomaly-free" / "anomaly-free.csv").write_text("datetime;Pressure\n")
    write_nab(folder / "nab")
    return folder


def write_skab(path: Path) -> Path:
    """Write a recording with a hole of nine seconds before its row 100."""
    values, label = machine()
    begin = datetime(2020, 3, 9, 12, 0, tzinfo=UTC)
    with path.open("w", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["datetime", *SKAB_SENSORS, "anomaly", "changepoint"])
        for row in range(ROWS):
            moment = begin + timedelta(seconds=row + 9 * (row >= 100))
            flags = (float(label[row]), float(row == FAULT_ROW))
            rows.writerow([f"{moment:%Y-%m-%d %H:%M:%S}", *values[row].tolist(), *flags])
    return path


def write_nab(folder: Path) -> None:
    """Write a recording every five minutes, and the window of its fault with both its ends."""
    values, _ = machine(channels=1)
    times = [NAB_START + timedelta(minutes=5 * row) for row in range(ROWS)]
    lines = [f"{t:%Y-%m-%d %H:%M:%S},{v}" for t, v in zip(times, values[:, 0], strict=True)]
    (folder / "real" / "pump.csv").write_text("\n".join(["timestamp,value", *lines, ""]))
    window = [f"{times[row]:%Y-%m-%d %H:%M:%S}.000000" for row in (FAULT_ROW, ROWS - 1)]
    (folder / "windows.json").write_text(json.dumps({"real/pump.csv": [window]}))


def real_recordings() -> Path:
    """Return the folder with the real sets, or skip the test."""
    folder = os.environ.get("TOCSIN_TEST_DATA")
    if not folder:
        pytest.skip("TOCSIN_TEST_DATA does not name a folder with real recordings")
    return Path(folder)
