"""InfluxDB's line protocol, read a character at a time as InfluxDB does."""

from collections.abc import Mapping
from dataclasses import dataclass

V2_ESCAPES = ",= "
V3_ESCAPES = "\\,= "
"""What a backslash takes away the meaning of: InfluxDB 3 knows one more."""


@dataclass(frozen=True)
class Parsed:
    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, str | float]
    time_ns: int


def parse(line: bytes, escapes: str) -> Parsed:
    """Read a line as InfluxDB does: a character at a time."""
    text = line.decode()
    assert "\n" not in text
    measurement, at = _until(text, 0, ", ", escapes)
    tags = {}
    while text[at] == ",":
        name, at = _until(text, at + 1, "=", escapes)
        tags[name], at = _until(text, at + 1, ", ", escapes)
    fields: dict[str, str | float] = {}
    while not fields or text[at] == ",":
        name, at = _until(text, at + 1, "=", escapes)
        if text[at + 1] == '"':
            fields[name], at = _quoted(text, at + 2)
        else:
            number, at = _until(text, at + 1, ", ", escapes)
            fields[name] = float(number)
    return Parsed(measurement, tags, fields, int(text[at:]))


def _until(text: str, at: int, stops: str, escapes: str) -> tuple[str, int]:
    found = ""
    while text[at] not in stops:
        if text[at] == "\\" and text[at + 1] in escapes:
            at += 1
        found += text[at]
        at += 1
    return found, at


def _quoted(text: str, at: int) -> tuple[str, int]:
    found = ""
    while text[at] != '"':
        at += text[at] == "\\"
        found += text[at]
        at += 1
    return found, at + 1
