"""How fast readings become windows: ``python bench/windows.py`` prints JSON.

All is done by one thread, and times are its own: what else the machine does is left out.
"""

import json
import time

import numpy as np

from tocsin.core.profile import SECOND_NS, Profile
from tocsin.core.records import Readings
from tocsin.core.windows import Lanes

CHANNELS = 8
BATCH = 40_000
EPOCH_NS = 1_700_000_000 * SECOND_NS


def second(assets: int, channels: int, at: int) -> Readings:
    """Return one reading of every channel of every asset, ``at`` seconds after the start."""
    size = assets * channels
    stamp = np.full(size, EPOCH_NS + at * SECOND_NS)
    return Readings(
        np.repeat(np.arange(assets, dtype=np.int32), channels),
        np.tile(np.arange(channels, dtype=np.int32), assets),
        stamp,
        np.linspace(0, 1, size) + at,
        np.repeat(np.arange(assets), channels) + at * assets,
        stamp,
    )


def batches(assets: int, channels: int, readings: int) -> list[Readings]:
    """Return whole seconds as one log, cut into batches without regard for seconds."""
    size = assets * channels
    parts = [second(assets, channels, at) for at in range(-(-readings // size))]
    columns = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("asset", "channel", "time_ns", "value", "record", "arrived_ns")
    ]
    cuts = range(0, len(columns[0]), BATCH)
    return [Readings(*(column[cut : cut + BATCH] for column in columns)) for cut in cuts]


def measure(assets: int, channels: int, readings: int) -> dict[str, float]:
    """Feed a log whose lanes exist already, and return what came out and how fast."""
    profile = Profile("plant", tuple(f"c{n}" for n in range(CHANNELS)), length=64, stride=8)
    lanes = Lanes(profile, np.arange(CHANNELS, dtype=np.int32))
    log = batches(assets, channels, readings)
    warm = len(log) // 4
    for batch in log[:warm]:
        lanes.feed(batch, int(batch.record[0]))
    windows = 0
    began = time.process_time()
    for batch in log[warm:]:
        windows += len(lanes.feed(batch, int(batch.record[0])).windows)
    seconds = time.process_time() - began
    fed = sum(len(batch) for batch in log[warm:])
    began = time.process_time()
    lanes.replay_from(readings)
    checkpoint_s = time.process_time() - began
    return {
        "assets": assets,
        "readings": fed,
        "windows": windows,
        "readings_per_s": round(fed / seconds),
        "windows_per_s": round(windows / seconds),
        "replay_bound_ms": round(checkpoint_s * 1e3, 2),
    }


def main() -> None:
    """Print the figures of both shapes."""
    figures = {
        "dense: 256 assets, 8 channels": measure(256, CHANNELS, 4_000_000),
        "sparse: 50,000 assets, one reading each": measure(50_000, 1, 2_000_000),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
