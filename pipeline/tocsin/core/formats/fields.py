"""Which field of a JSON object means what: the usual spellings, and how a feed may pin its own.

A field whose name is exactly that of a known channel is that channel and nothing else, so a
channel may be called ``t``, ``data`` or ``source``. The usual spellings are matched without
regard to case; where an object has several, the first in the list below wins.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tocsin.core.formats.times import UNITS

_ASSET = (
    *("asset", "asset_id", "assetid", "asset_name", "device", "device_id", "deviceid"),
    *("device_name", "machine", "machine_id", "machineid", "equipment", "equipment_id"),
    *("equipmentid", "unit_id", "source", "source_id", "host", "hostname"),
)
_SENSOR = ("sensor", "sensor_id", "sensorid", "sensor_name")
_CHANNEL = (
    *("channel", *_SENSOR, "tag", "tag_name", "tagname", "metric", "signal", "name"),
    *("measurement", "parameter", "variable"),
)
_TIME = (
    *("time", "timestamp", "ts", "t", "datetime", "date_time", "@timestamp", "event_time"),
    *("eventtime", "time_ns", "timestamp_ns", "time_ms", "timestamp_ms", "date"),
)
_VALUE = ("value", "v", "val", "reading", "data")
_NESTED = ("values", "fields", "readings", "payload", "data", "measurements")


@dataclass(frozen=True, slots=True)
class JsonPolicy:
    """How one feed writes JSON, where that is not to be found out from the fields themselves.

    ``asset``, ``time``, ``channel`` and ``value`` pin a field by its exact name, in place of the
    usual spellings. With "" the value never holds it: the asset is then the record's key, the
    time the record's own. ``time_unit`` is "auto" or one of `times.UNITS`.
    """

    asset: str | None = None
    time: str | None = None
    channel: str | None = None
    value: str | None = None
    time_unit: str = "auto"
    max_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        pins = [pin for pin in (self.asset, self.time, self.channel, self.value) if pin]
        if len(set(pins)) != len(pins):
            raise ValueError("format: asset, time, channel and value must be different fields")
        if self.time_unit not in ("auto", *UNITS):
            raise ValueError(f"format: time_unit is one of auto, {', '.join(UNITS)}")
        if self.max_bytes < 1:
            raise ValueError("format: max_bytes must be positive")

    @property
    def pinned(self) -> frozenset[str]:
        """The pinned names; none of them is ever a channel."""
        pins = (self.asset, self.time, self.channel, self.value)
        return frozenset(pin for pin in pins if pin)


@dataclass(frozen=True, slots=True)
class Fields:
    """What the fields of an object with one set of names are; None where it has no such field.

    ``sensor`` is the field that names the asset where nothing else does (and nothing is pinned
    that says otherwise). ``nested`` are the
    fields that may hold an object of further fields, the likeliest first.
    """

    asset: str | None
    time: str | None
    channel: str | None
    value: str | None
    sensor: str | None
    nested: tuple[str, ...]
    channels: tuple[tuple[int, str], ...]  # (channel id, field), by id


def find_fields(names: tuple[str, ...], known: Mapping[str, int], policy: JsonPolicy) -> Fields:
    """Return what the fields ``names`` are, given the ``known`` channels and their ids."""
    pinned = policy.pinned
    channels = [(known[name], name) for name in names if name in known and name not in pinned]
    free: dict[str, str] = {}
    for name in names:
        if name not in known and name not in pinned:
            free.setdefault(name.lower(), name)
    # "value" beside "channel" is the long form's, though a channel may be called "value" too
    every = free | {name.lower(): name for _, name in reversed(channels)}
    is_free = policy.asset is None and not policy.channel
    return Fields(
        _pick(names, free, policy.asset, _ASSET),
        _pick(names, free, policy.time, _TIME),
        _pick(names, free, policy.channel, _CHANNEL),
        _pick(names, every, policy.value, _VALUE),
        _pick(names, free, None, _SENSOR) if is_free else None,
        tuple(free[spelling] for spelling in _NESTED if spelling in free),
        tuple(sorted(channels)),
    )


def is_long(item: Mapping[str, Any], fields: Fields) -> bool:
    """Whether an object is one reading that names its channel."""
    if fields.channel is None or fields.value is None:
        return False
    return type(item[fields.channel]) is str and type(item[fields.value]) not in (dict, list)


def nested_field(item: Mapping[str, Any], fields: Fields) -> str | None:
    """Return the field that holds further fields."""
    return next((name for name in fields.nested if type(item[name]) in (dict, list)), None)


def may_be_long(fields: Fields, known: Collection[str]) -> bool:
    """Whether adding ``known`` channels to an object could turn its fields into the long form's."""
    if fields.channel is None:
        return False
    return fields.value is not None or any(name.lower() in _VALUE for name in known)


def _pick(
    names: Collection[str], free: Mapping[str, str], pin: str | None, spellings: tuple[str, ...]
) -> str | None:
    if pin is not None:
        return pin if pin and pin in names else None
    return next((free[spelling] for spelling in spellings if spelling in free), None)
