"""InfluxDB's line protocol as Tocsin writes it, read strictly.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Field = float | int | str | bool

_HEAD = re.compile(rb"(?:[^\\ \n]|\\.)+")
_MEASUREMENT = re.compile(rb"(?:[^\\, ]|\\.)+")
_TAG = re.compile(rb",((?:[^\\,= ]|\\.)+)=((?:[^\\,= ]|\\.)+)")
_FIELD = re.compile(rb'((?:[^\\,= ]|\\.)+)=("(?:[^\\"]|\\.)*"|[^", ]+)', re.DOTALL)
_TIME = re.compile(rb" (-?\d{1,19})")
_FLOAT = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(rb"([+-]?\d{1,20})[iu]")
_ESCAPED = re.compile(rb"\\([,= ])")
_ESCAPED_IN_STRING = re.compile(rb'\\(["\\])')
_BOOLEANS: Mapping[bytes, bool] = {
    **dict.fromkeys((b"t", b"T", b"true", b"True", b"TRUE"), True),
    **dict.fromkeys((b"f", b"F", b"false", b"False", b"FALSE"), False),
}
_INT64 = 1 << 63


class LineError(ValueError):
    """A line that is not line protocol; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One point: ``head`` is measurement and tags as they were written."""

    head: bytes
    fields: Mapping[str, Field]
    time_ns: int


def parse_line(line: bytes) -> Line:
    """Return the point of one line; raises `LineError`."""
    head = _HEAD.match(line)
    if head is None or line[head.end() : head.end() + 1] != b" ":
        raise LineError("no fields")
    fields, at = _parse_fields(line, head.end() + 1)
    time = _TIME.fullmatch(line, at)
    if time is None or not -_INT64 <= int(time[1]) < _INT64:
        raise LineError("no time in nanoseconds after the fields")
    return Line(head[0], fields, int(time[1]))


def _parse_fields(line: bytes, at: int) -> tuple[dict[str, Field], int]:
    """Return the fields that begin at ``at``, and where they end."""
    fields: dict[str, Field] = {}
    while match := _FIELD.match(line, at):
        fields[_plain(match[1])] = _parse_value(match[2])
        at = match.end()
        if line[at : at + 1] != b",":
            return fields, at
        at += 1
    raise LineError(f"no field at column {at + 1}")


def _parse_value(raw: bytes) -> Field:
    if _FLOAT.fullmatch(raw):
        return _finite(float(raw))
    if integer := _INTEGER.fullmatch(raw):
        return _int64(int(integer[1]))
    if raw[:1] == b'"':
        return _text(_ESCAPED_IN_STRING.sub(rb"\1", raw[1:-1]))
    if (boolean := _BOOLEANS.get(raw)) is not None:
        return boolean
    raise LineError(f"{raw[:40]!r} is no value")


def _finite(number: float) -> float:
    if abs(number) == float("inf"):
        raise LineError("a number is too large")
    return number


def _int64(number: int) -> int:
    if not -_INT64 <= number < _INT64:
        raise LineError("an integer is too large")
    return number


def parse_head(head: bytes) -> tuple[str, dict[str, str]]:
    """Return the measurement and the tags in the order of their names; raises `LineError`."""
    measurement = _MEASUREMENT.match(head)
    if measurement is None:
        raise LineError("no measurement")
    tags, at = {}, measurement.end()
    while tag := _TAG.match(head, at):
        name = _plain(tag[1])
        if name in tags:
            raise LineError(f"tag {name!r} stands twice")
        tags[name], at = _plain(tag[2]), tag.end()
    if at != len(head):
        raise LineError(f"no tag at column {at + 1}")
    return _plain(measurement[0]), dict(sorted(tags.items()))


def _plain(raw: bytes) -> str:
    return _text(_ESCAPED.sub(rb"\1", raw) if b"\\" in raw else raw)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise LineError("not UTF-8") from None
