"""The same JSON the fast way: decoders compiled for the forms that entries keep having.

A form accepts an entry only where `objects.ObjectReader` would surely find the same in it, and
leaves every other entry alone: it needs exactly the fields that it was learned from, apart from
channels, each of which may be missing; and every field must have its plain JSON type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from tocsin.core.formats.columns import AssetIds, Part
from tocsin.core.formats.numbers import LARGEST
from tocsin.core.formats.shapes import Shape
from tocsin.core.formats.times import LATEST_NS, UNREADABLE, times_ns
from tocsin.core.records import Batch, Floats, Ids, Times

_MISMATCH = (msgspec.DecodeError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Take:
    """What a form made of a batch: readings, unknown fields, and the entries it left alone."""

    part: Part
    ignored: int
    left: Sequence[int]


class Form:
    """A decoder for one shape; ``channels`` are the ids of fields that a wide form may have."""

    def __init__(self, shape: Shape, channels: Sequence[int], known: Mapping[str, int]) -> None:
        self.shape = shape
        self.channels = tuple(sorted(channels))
        self._known = known
        fields = {channel: name for name, channel in known.items() if channel in self.channels}
        self._decode = msgspec.json.Decoder(_compile(shape, fields)).decode
        self._ids = np.array(self.channels, np.int32)

    def take(self, batch: Batch, rows: Sequence[int], assets: AssetIds, unit: str) -> Take:
        """Read what is of this form among the entries at ``rows``, which rise."""
        found, place, left = self._decode_all(batch.values, rows)
        asset = self._assets(found, place, batch, assets)
        time_ns = self._times(found, place, batch, unit)
        channel, value = self._long(found) if self.shape.channel else self._wide(found)
        odd = (asset < 0) | (time_ns < 0) | (np.abs(value) > LARGEST).any(axis=1)
        row, cell = np.nonzero(~np.isnan(value) & (channel >= 0) & ~odd[:, None])
        part = Part(place[row], asset[row], channel[row, cell], time_ns[row], value[row, cell])
        unknown = int((channel[~odd] < 0).sum())
        ignored = int((~odd).sum()) * (len(self.shape.ignored) + len(self.shape.ignored_within))
        return Take(part, ignored + unknown, sorted([*left, *place[odd].tolist()]))

    def _decode_all(
        self, values: Sequence[bytes | None], rows: Sequence[int]
    ) -> tuple[list[Any], Times, list[int]]:
        decode, found, place, left = self._decode, [], [], []
        for row in rows:
            try:
                found.append(decode(values[row]))  # type: ignore[arg-type]
            except _MISMATCH:
                left.append(row)
            else:
                place.append(row)
        return found, np.array(place, np.int64), left

    def _assets(self, found: list[Any], place: Times, batch: Batch, assets: AssetIds) -> Ids:
        if self.shape.asset is None:
            keys = (batch.keys[row] for row in place.tolist())
            return np.array([assets[key] if key else -1 for key in keys], np.int32)
        return np.array(list(map(assets.__getitem__, _column(found, "asset"))), np.int32)

    def _times(self, found: list[Any], place: Times, batch: Batch, unit: str) -> Times:
        if self.shape.time is not None:
            return times_ns(_column(found, "time"), unit)
        arrived = np.array(batch.times_ns, np.int64)[place]
        return np.where(arrived <= LATEST_NS, arrived, UNREADABLE)

    def _long(self, found: list[Any]) -> tuple[Ids, Floats]:
        """Return channel [n, 1], -1 where unknown, and value [n, 1]."""
        ids = [self._known.get(name, -1) for name in _column(found, "channel")]
        value = np.array(_column(found, "value"), np.float64)
        return np.array(ids, np.int32)[:, None], value[:, None]

    def _wide(self, found: list[Any]) -> tuple[Ids, Floats]:
        """Return channel [n, F] and value [n, F], NaN where the field is null or missing."""
        inner = _column(found, "nested") if self.shape.nested else found
        columns = [_column(inner, f"c{channel}") for channel in self.channels]
        shape = (len(self.channels), len(found))
        value = np.array(columns, np.float64).reshape(shape).T
        return np.broadcast_to(self._ids, value.shape), value


@dataclass(frozen=True, slots=True)
class _Slot:
    attribute: str
    field: str
    kind: Any
    optional: bool = False


def _compile(shape: Shape, fields: Mapping[int, str]) -> type[msgspec.Struct]:
    """Return the type of an entry; ``fields`` names the channels that it may have."""
    cells = [
        _Slot(f"c{channel}", field, float | None, optional=True)
        for channel, field in fields.items()
    ]
    slots = _slots(shape)
    if shape.nested is not None:
        within = [_Slot(f"x{at}", field, Any) for at, field in enumerate(shape.ignored_within)]
        slots.append(_Slot("nested", shape.nested, _struct([*within, *cells])))
    elif shape.channel is None:
        slots.extend(cells)
    return _struct(slots)


def _slots(shape: Shape) -> list[_Slot]:
    named: Mapping[str, tuple[str | None, Any]] = {
        "asset": (shape.asset, str | int),
        "time": (shape.time, int | float | str),
        "channel": (shape.channel, str),
        "value": (shape.value, float | None),
    }
    slots = [_Slot(what, field, kind) for what, (field, kind) in named.items() if field is not None]
    # decoded like any value, so that what makes the general way refuse them is found here too
    slots.extend(_Slot(f"x{at}", field, Any) for at, field in enumerate(shape.ignored))
    return slots


def _struct(slots: Sequence[_Slot]) -> type[msgspec.Struct]:
    fields: list[Any] = [
        (slot.attribute, slot.kind, None) if slot.optional else (slot.attribute, slot.kind)
        for slot in slots
    ]
    return msgspec.defstruct(
        "Entry",
        fields,
        rename={slot.attribute: slot.field for slot in slots},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def _column(found: list[Any], name: str) -> list[Any]:
    return list(map(attrgetter(name), found))
