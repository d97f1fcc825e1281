"""What makes two JSON objects alike enough to be read by one compiled decoder."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tocsin.core.formats.fields import Fields, is_long, may_be_long, nested_field

_MOST_FIELDS = 256
# what the compiler of decoders cannot have in a field's name
_UNFIT = re.compile(r'[\x00-\x1f"\\]')

FieldsOf = Callable[[tuple[str, ...]], Fields]


@dataclass(frozen=True, slots=True)
class Shape:
    """The names of the fields that carry meaning, and of those that carry none.

    A long object has ``channel`` and ``value``; a wide one has neither, and has its channels in
    the object ``nested`` if that is named.
    """

    asset: str | None
    time: str | None
    channel: str | None = None
    value: str | None = None
    nested: str | None = None
    ignored: tuple[str, ...] = ()
    ignored_within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """An object's shape, and the channels that were seen in it."""

    shape: Shape
    channels: tuple[int, ...]


def see(item: Any, fields_of: FieldsOf, known: Collection[str]) -> Sight | None:
    """Return the shape of one entry's content.

    None where the meaning of its fields hangs on more than their names and which channels are
    among them: such entries are read one by one.
    """
    if type(item) is not dict or not _is_plain(item):
        return None
    if "schema" in item and ("payload" in item or "payload" in known):
        return None  # may be an envelope
    fields = fields_of(tuple(item))
    if is_long(item, fields):
        named = (fields.asset, fields.time, fields.channel, fields.value)
        return Sight(Shape(*named, ignored=_others(item, named)), ())
    if not fields.nested:
        return _flat(item, fields, known)
    return _nested(item, fields, fields_of, known)


def _flat(item: Mapping[str, Any], fields: Fields, known: Collection[str]) -> Sight | None:
    if may_be_long(fields, known):
        return None
    ignored = _others(item, (fields.asset, fields.time), fields)
    return Sight(Shape(fields.asset, fields.time, ignored=ignored), _ids(fields))


def _nested(
    item: Mapping[str, Any], fields: Fields, fields_of: FieldsOf, known: Collection[str]
) -> Sight | None:
    nested = nested_field(item, fields)
    if nested is None or type(item[nested]) is not dict or len(fields.nested) > 1:
        return None
    if not _is_plain(item[nested]):
        return None
    if fields.channels or (fields.channel is not None and fields.value not in (None, nested)):
        return None
    within = fields_of(tuple(item[nested]))
    if within.asset or within.time or may_be_long(within, known):
        return None
    outer = _others(item, (fields.asset, fields.time, nested))
    inner = _others(item[nested], (), within)
    shape = Shape(fields.asset, fields.time, nested=nested, ignored=outer, ignored_within=inner)
    return Sight(shape, _ids(within))


def _is_plain(item: Mapping[str, Any]) -> bool:
    return len(item) <= _MOST_FIELDS and not any(map(_UNFIT.search, item))


def _ids(fields: Fields) -> tuple[int, ...]:
    return tuple(channel for channel, _ in fields.channels)


def _others(
    item: Mapping[str, Any], named: tuple[str | None, ...], fields: Fields | None = None
) -> tuple[str, ...]:
    channels = {name for _, name in fields.channels} if fields else set()
    return tuple(sorted(item.keys() - channels - set(named)))
