"""How fast JSON becomes readings on one core: ``python bench/decode.py`` prints one JSON object."""

import json
import os
import platform
import time
from collections.abc import Callable, Sequence

import numpy as np

from tocsin.core.formats.json import JsonDecoder, encode_wide
from tocsin.core.records import Batch, Names, Place

ASSETS = 256
CHANNELS = tuple(f"channel{index}" for index in range(8))
ENTRIES = 5_000
ROUNDS = 15
START_NS = 1_700_000_000_000_000_000


def main() -> None:
    """Measure every feed and print the rates."""
    results = {name: measure(feed()) for name, feed in FEEDS.items()}
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps({"machine": machine, "entries": ENTRIES, "feeds": results}, indent=2))


def measure(values: Sequence[bytes]) -> dict[str, float]:
    """Return rates of the best of some rounds, and of the first batch ever seen."""
    batch = Batch(
        Place("readings", 0),
        0,
        len(values),
        range(len(values)),
        [START_NS] * len(values),
        [None] * len(values),
        values,
        [()] * len(values),
    )
    decoder = JsonDecoder(CHANNELS, Names())
    first_s = _seconds(lambda: decoder.decode(batch))
    best_s = min(_seconds(lambda: decoder.decode(batch)) for _ in range(ROUNDS))
    readings = len(decoder.decode(batch).readings)
    return {
        "bytes_per_entry": round(sum(map(len, values)) / len(values)),
        "entries_per_s": round(len(values) / best_s),
        "readings_per_s": round(readings / best_s),
        "first_batch_entries_per_s": round(len(values) / first_s),
    }


def wide() -> list[bytes]:
    """One object an entry, 8 channels."""
    cells = np.random.default_rng(1).normal(50, 10, (ENTRIES, len(CHANNELS))).round(3)
    return [
        encode_wide(
            f"pump-{index % ASSETS:03d}",
            START_NS + index // ASSETS * 10**9,
            dict(zip(CHANNELS, row, strict=True)),
        )
        for index, row in enumerate(cells.tolist())
    ]


def nested() -> list[bytes]:
    """The wide form with its channels one level down, RFC 3339 times and an unknown field."""
    found = []
    for value in wide():
        content = json.loads(value)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(content["time"] // 10**9))
        cells = {name: content[name] for name in CHANNELS}
        outer = {"device": content["asset"], "ts": moment, "site": "north", "values": cells}
        found.append(json.dumps(outer, separators=(",", ":")).encode())
    return found


def long() -> list[bytes]:
    """One reading an entry."""
    cells = np.random.default_rng(1).normal(50, 10, ENTRIES).round(3)
    return [
        b'{"asset":"pump-%03d","channel":"channel%d","time":%d,"value":%.3f}'
        % (index % ASSETS, index // ASSETS % 8, START_NS // 10**6 + index, cell)
        for index, cell in enumerate(cells.tolist())
    ]


def texts() -> list[bytes]:
    """The wide form with its numbers as texts: no compiled form, read one by one."""
    return [
        json.dumps({name: str(cell) for name, cell in json.loads(value).items()}).encode()
        for value in wide()
    ]


def spoiled() -> list[bytes]:
    """The wide form, one entry in a hundred broken."""
    return [value[:-1] if index % 100 == 50 else value for index, value in enumerate(wide())]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


FEEDS: dict[str, Callable[[], list[bytes]]] = {
    "wide": wide,
    "nested": nested,
    "long": long,
    "wide_texts": texts,
    "wide_spoiled": spoiled,
}

if __name__ == "__main__":
    main()
