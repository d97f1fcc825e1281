"""Durations: nanoseconds in the program, written like ``30s`` by people."""

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_UNITS_NS = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|m|h|d)")
_LONGEST_NS = 2**62
_EXAMPLE = "write a duration like 30s, 5m, 1h30m or 250ms"
_PATTERN = r"^( *[0-9]+(\.[0-9]+)? *(ns|us|ms|s|m|h|d) *)+$"
_SCHEMA = {"anyOf": [{"type": "string", "pattern": _PATTERN}, {"type": "number", "minimum": 0}]}


def parse_duration(value: object) -> int:
    """Return nanoseconds for ``"30s"``, ``"1h30m"`` or a number of seconds.

    Raises:
        ValueError: for anything else.
    """
    duration_ns = None
    try:
        if isinstance(value, str):
            duration_ns = _from_text(value.replace(" ", ""))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            duration_ns = round(value * _UNITS_NS["s"])
    except (OverflowError, ValueError):  # infinity, NaN
        pass
    if duration_ns is None or not 0 <= duration_ns < _LONGEST_NS:
        raise ValueError(_EXAMPLE)
    return duration_ns


def parse_span(value: object) -> int:
    """Return nanoseconds as `parse_duration` does, but never 0."""
    duration_ns = parse_duration(value)
    if not duration_ns:
        raise ValueError(f"must be longer than 0; {_EXAMPLE}")
    return duration_ns


def format_duration(duration_ns: int) -> str:
    """Return a text that `parse_duration` takes for ``duration_ns``."""
    parts = []
    for unit, unit_ns in _UNITS_NS.items():
        count, duration_ns = divmod(duration_ns, unit_ns)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def _from_text(text: str) -> int | None:
    parts: list[tuple[str, str]] = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(round(float(number) * _UNITS_NS[unit]) for number, unit in parts)


Duration = Annotated[int, BeforeValidator(parse_duration), WithJsonSchema(_SCHEMA)]
"""Nanoseconds, written like ``30s``."""

Span = Annotated[int, BeforeValidator(parse_span), WithJsonSchema(_SCHEMA)]
"""Nanoseconds, never 0, written like ``30s``."""
