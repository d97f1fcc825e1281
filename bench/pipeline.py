"""The detector end to end on a real Kafka, against the least that it could cost.

``python bench/pipeline.py`` prints JSON. Every round measures, one after the other on the same
topic: a plain consumer's ``getmany`` alone; decoding, lanes, the padded forward pass and the whole
judgement alone; and the real detector in one process, from its first poll until Kafka has
acknowledged the last score block. What counts are the ratios within a round.
"""

import argparse
import asyncio
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import feed
import stages
import structlog
import whole
from broker import running_kafka
from machine import describe_machine

from tocsin_models.bundle import Bundle
from tocsin_models.inference import settle_threads

SECONDS, ROUNDS = 2_400, 5
POLLS: Mapping[str, int | None] = {"all": None, "500": 500, "250": 250}
"""How many records `getmany` is asked for at a time: the fastest counts."""
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Round:
    """What one round took, in seconds."""

    getmany_s: Mapping[str, float]
    alone: stages.Alone
    end_to_end: whole.Whole
    load: float  # of the machine over the last minute, when the round began


async def measure(bootstrap: str, seconds: int, rounds: int) -> list[Round]:
    """Fill the topic and measure some rounds."""
    bundle = feed.learn()
    async with whole.open_log(bootstrap) as log:
        entries = await feed.fill(log, seconds)
        await feed.publish(log, bundle)
        return [await _round(bootstrap, log, bundle, entries, n) for n in range(rounds)]


async def _round(
    bootstrap: str, log: whole.TimedLog, bundle: Bundle, entries: int, number: int
) -> Round:
    load = os.getloadavg()[0]
    getmany_s = {name: await stages.getmany(bootstrap, entries, n) for name, n in POLLS.items()}
    alone = stages.run_alone(await stages.read_batches(log, BATCH), bundle)
    end_to_end = await whole.detect(log, f"bench-{number}", alone.windows)
    return Round(getmany_s, alone, end_to_end, round(load, 2))


def summarise(rounds: Sequence[Round], entries: int) -> dict[str, object]:
    """Return the medians of rates and ratios over the rounds."""
    rates = [_rates(each, entries) for each in rounds]
    middle = {name: statistics.median(rate[name] for rate in rates) for name in rates[0]}
    ratios = [_ratios(rate) for rate in rates]
    return {
        "messages_per_s": {name: round(value) for name, value in middle.items()},
        "readings_per_s": round(middle["end_to_end"] * len(feed.PROFILE.channels)),
        "windows_per_s": round(middle["end_to_end"] * rounds[0].alone.windows / entries),
        "ratios": {
            name: round(statistics.median(ratio[name] for ratio in ratios), 3) for name in ratios[0]
        },
        "least_and_most": {
            name: [round(pick(ratio[name] for ratio in ratios), 3) for pick in (min, max)]
            for name in ratios[0]
        },
    }


def _rates(one: Round, entries: int) -> dict[str, float]:
    """Return messages per second of every stage; a window is worth ``stride`` messages."""
    scored, alone = one.alone.windows * feed.PROFILE.stride, one.alone
    return {
        "getmany": entries / min(one.getmany_s.values()),
        "decode": entries / alone.decode_s,
        "lanes": entries / alone.lanes_s,
        "forward": scored / alone.forward_s,
        "judge": scored / alone.judge_s,
        "end_to_end": entries / one.end_to_end.seconds,
    }


def _ratios(rates: Mapping[str, float]) -> dict[str, float]:
    whole_rate = rates["end_to_end"]
    return {
        "to_getmany": whole_rate / rates["getmany"],
        "to_forward": whole_rate / rates["forward"],
        "to_the_smaller": whole_rate / min(rates["getmany"], rates["forward"]),
    }


def main() -> None:
    """Measure, print, and write the results down if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of the plant's time")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    settle_threads()
    with running_kafka() as bootstrap:
        rounds = asyncio.run(measure(bootstrap, options.seconds, options.rounds))
    entries = options.seconds * feed.ASSETS
    results = {
        "machine": describe_machine(),
        "feed": {
            "messages": entries,
            "assets": feed.ASSETS,
            "partitions": feed.PARTITIONS,
            "channels": len(feed.PROFILE.channels),
            "length": feed.PROFILE.length,
            "stride": feed.PROFILE.stride,
        },
        **summarise(rounds, entries),
        "rounds": [asdict(each) for each in rounds],
    }
    text = json.dumps(results, indent=2)
    print(text)
    if options.json:
        options.json.write_text(f"{text}\n")


if __name__ == "__main__":
    main()
