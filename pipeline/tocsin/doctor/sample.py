"""The newest entries of readings, and which assets and channels are in them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tocsin.core.formats.fields import JsonPolicy, find_fields, is_long, nested_field
from tocsin.core.formats.json import JsonDecoder
from tocsin.core.formats.objects import parse, unwrap
from tocsin.core.records import Batch, Names, Place, Readings
from tocsin.ports import Log

_ENTRIES = 400
_LEAST_ENTRIES = 20
_MOST_PARTITIONS = 32


@dataclass(slots=True)
class Sample:
    """What was found in some entries.

    Attributes:
        entries: how many were looked at.
        channels: asset -> the known channels that were measured for it.
        others: names of numbers that no profile knows.
        newest: the sensors' newest time, and what was measured then; None without a reading.
        fault: why the first entry that cannot be used cannot be.
    """

    entries: int = 0
    channels: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    others: set[str] = field(default_factory=set)
    newest: tuple[int, str] | None = None
    fault: str = ""


async def take_sample(log: Log, topic: str, channels: Sequence[str]) -> Sample:
    """Look at the newest entries of every partition of ``topic`` (of the first 32)."""
    sample, names = Sample(), Names()
    decoder = JsonDecoder(channels, names)
    partitions = min(await log.partitions(topic), _MOST_PARTITIONS)
    most = max(_LEAST_ENTRIES, _ENTRIES // max(1, partitions))
    for place in (Place(topic, partition) for partition in range(partitions)):
        first, end = await log.bounds(place)
        async for batch in log.read(place, max(first, end - most), end):
            sample.entries += len(batch)
            decoded = decoder.decode(batch)
            _add_readings(sample, decoded.readings, names, channels)
            sample.others |= other_names(batch, channels)
            if decoded.rejects and not sample.fault:
                sample.fault = decoded.rejects[0].detail
    return sample


def _add_readings(
    sample: Sample, readings: Readings, names: Names, channels: Sequence[str]
) -> None:
    if not len(readings):
        return
    for asset, channel in zip(readings.asset.tolist(), readings.channel.tolist(), strict=True):
        sample.channels[names.table[asset]].add(channels[channel])
    last = int(readings.time_ns.argmax())
    asset, channel = names.table[readings.asset[last]], channels[readings.channel[last]]
    what = f"{asset} {channel} = {float(readings.value[last]):g}"
    sample.newest = max(sample.newest or (0, ""), (int(readings.time_ns[last]), what))


def other_names(batch: Batch, channels: Sequence[str]) -> set[str]:
    """Return the names in a batch under which there are numbers, and which are no ``channels``."""
    known, policy = {name: index for index, name in enumerate(channels)}, JsonPolicy()
    found: set[str] = set()
    for value in batch.values:
        content = unwrap(parse(value, policy.max_bytes)[0])
        for item in content if isinstance(content, list) else [content]:
            found.update(_names(unwrap(item), known, policy))
    return found - known.keys()


def _names(item: Any, known: dict[str, int], policy: JsonPolicy, depth: int = 0) -> Iterator[str]:
    if not isinstance(item, dict):
        return
    fields = find_fields(tuple(item), known, policy)
    if is_long(item, fields):
        yield str(item[fields.channel])
        return
    used = {fields.asset, fields.time, fields.sensor}
    yield from (name for name in item if name not in used and type(item[name]) in (int, float))
    nested = None if depth else nested_field(item, fields)
    if nested is not None:
        inner = item[nested]
        for part in inner if isinstance(inner, list) else [inner]:
            yield from _names(part, known, policy, depth=1)
