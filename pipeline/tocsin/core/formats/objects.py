"""One log entry's JSON -> readings: the general way, which decides what an entry means.

An entry holds an object or an array of objects, possibly inside the envelope
``{"schema": .., "payload": ..}`` of Kafka Connect. An object is *long* if it names a channel and
has a value: one reading. Otherwise it is *wide*: each field that is a known channel is a reading,
and one field may hold an object, or an array of objects, of further fields, which then take over
the asset and the time. An object without an asset takes the entry's key, else its sensor field;
without a time it takes the log's.

Readings of one object come in the order of their channels' ids.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tocsin.core.formats.columns import AssetIds, Sheet
from tocsin.core.formats.fields import Fields, JsonPolicy, find_fields, is_long, nested_field
from tocsin.core.formats.numbers import LARGEST, measured
from tocsin.core.formats.times import LATEST_NS, UNREADABLE, time_ns
from tocsin.core.records import Batch

_STRICT = msgspec.json.Decoder()
_MOST_SHAPES = 512
_MOST_FIELDS = 256
_ENVELOPE = {"schema", "payload"}


@dataclass(frozen=True, slots=True)
class Origin:
    """What an object takes where it does not say: -1 stands for "not known"."""

    asset: int
    time_ns: int


class ObjectReader:
    """Reads entries one by one, and never raises whatever is in them."""

    def __init__(self, known: Mapping[str, int], assets: AssetIds, policy: JsonPolicy) -> None:
        self._known = known
        self._assets = assets
        self._policy = policy
        self._fields: dict[tuple[str, ...], Fields] = {}

    def read(self, batch: Batch, row: int, sheet: Sheet) -> None:
        """Add all that stands in the entry at ``row`` to ``sheet``."""
        sheet.begin(row, batch.offsets[row])
        content, fault = parse(batch.values[row], self._policy.max_bytes)
        if fault:
            sheet.reject(*fault)
            return
        key, arrived_ns = batch.keys[row], batch.times_ns[row]
        origin = Origin(
            self._assets[key] if key else -1,
            arrived_ns if 0 <= arrived_ns <= LATEST_NS else UNREADABLE,
        )
        content = unwrap(content)
        for item in content if type(content) is list else [content]:
            self._item(unwrap(item), origin, sheet, depth=0)

    def fields(self, names: tuple[str, ...]) -> Fields:
        """Return what the fields of an object with these names are."""
        found = self._fields.get(names)
        if found is None:
            found = find_fields(names, self._known, self._policy)
            if len(self._fields) < _MOST_SHAPES and len(names) <= _MOST_FIELDS:
                self._fields[names] = found
        return found

    def _item(self, item: Any, origin: Origin, sheet: Sheet, depth: int) -> None:
        if type(item) is not dict:
            sheet.reject("schema", f"expected an object, found {describe(item)}")
            return
        fields = self.fields(tuple(item))
        if is_long(item, fields):
            self._long(item, fields, origin, sheet)
        else:
            self._wide(item, fields, origin, sheet, depth)

    def _long(self, item: Any, fields: Fields, origin: Origin, sheet: Sheet) -> None:
        used = (fields.asset, fields.time, fields.channel, fields.value)
        sheet.ignored += len(item) - sum(name is not None for name in used)
        channel = self._known.get(item[fields.channel])
        if channel is None:
            sheet.ignored += 1
            return
        here = Origin(self._asset(item, fields.asset, origin), self._time(item, fields, origin))
        if _is_placed(here, item, fields, sheet):
            _add(here, channel, item[fields.channel], item[fields.value], sheet)

    def _wide(self, item: Any, fields: Fields, origin: Origin, sheet: Sheet, depth: int) -> None:
        nested = None if depth else nested_field(item, fields)
        named = fields.asset or (fields.sensor if origin.asset < 0 else None)
        used = sum(name is not None for name in (named, fields.time, nested))
        sheet.ignored += len(item) - len(fields.channels) - used
        here = Origin(self._asset(item, named, origin), self._time(item, fields, origin))
        if fields.channels and _is_placed(here, item, fields, sheet):
            for channel, name in fields.channels:
                _add(here, channel, name, item[name], sheet)
        if nested is not None:
            inner = item[nested]
            for part in inner if type(inner) is list else [inner]:
                self._item(part, here, sheet, depth=1)

    def _asset(self, item: Any, name: str | None, origin: Origin) -> int:
        found = None if name is None else item[name]
        if found is None:
            return origin.asset
        return self._assets[found] if type(found) in (str, int) else -1

    def _time(self, item: Any, fields: Fields, origin: Origin) -> int:
        found = None if fields.time is None else item[fields.time]
        return origin.time_ns if found is None else time_ns(found, self._policy.time_unit)


def parse(value: bytes | None, max_bytes: int) -> tuple[Any, tuple[str, str] | None]:
    """Return the content of ``value``, or the reason and the sentence why there is none.

    What strict JSON forbids but feeds write all the same (NaN, Infinity, a byte order mark) is
    read too.
    """
    if not value:
        return None, ("parse", "the entry has no value")
    if len(value) > max_bytes:
        return None, ("size", f"the value has {len(value)} bytes; at most {max_bytes} are read")
    try:
        return _STRICT.decode(value), None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _parse_leniently(value)


def describe(value: Any) -> str:
    """Return a few printable words about a value of any kind and size."""
    if type(value) is str:
        return ascii(value[:60])
    if value is None or type(value) in (bool, float):
        return repr(value)
    if type(value) is int:
        return repr(value) if abs(value) < 10**40 else "a huge integer"
    return "an array" if type(value) is list else "an object"


def unwrap(content: Any) -> Any:
    """Return what stands in the envelope, or the content itself."""
    wrapped = type(content) is dict and content.keys() == _ENVELOPE
    return content["payload"] if wrapped else content


def _parse_leniently(value: bytes) -> tuple[Any, tuple[str, str] | None]:
    try:
        return json.loads(value.decode("utf-8-sig")), None
    except UnicodeDecodeError:
        return None, ("parse", "the value is not UTF-8")
    except RecursionError:
        return None, ("parse", "the value is nested too deeply")
    except ValueError as error:
        return None, ("parse", f"the value is not JSON: {error}")


def _is_placed(here: Origin, item: Any, fields: Fields, sheet: Sheet) -> bool:
    if here.asset < 0:
        found = "no asset and no key" if fields.asset is None else describe(item[fields.asset])
        sheet.reject("schema", f"expected the name of an asset, found {found}")
        return False
    if here.time_ns < 0:
        found = "none" if fields.time is None else describe(item[fields.time])
        sheet.reject("time", f"expected a time from 1970 to 2262, found {found}")
        return False
    return True


def _add(here: Origin, channel: int, name: str, value: Any, sheet: Sheet) -> None:
    number = measured(value)
    if number is None:
        sheet.reject("schema", f"{name[:60]!a}: expected a number, found {describe(value)}")
    elif abs(number) > LARGEST:
        sheet.reject("range", f"{name[:60]!a}: {describe(value)} is beyond {LARGEST:g}")
    elif number == number:  # noqa: PLR0124 - NaN: not measured
        sheet.add(here.asset, channel, here.time_ns, number)
