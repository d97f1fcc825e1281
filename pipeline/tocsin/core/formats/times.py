"""Moments as feeds write them -> nanoseconds since the Unix epoch, UTC.

A number's unit is read from its size, unless it is pinned: below 1e11 seconds, below 1e14
milliseconds, below 1e17 microseconds, else nanoseconds. For moments from March 1973 to the year
2262 no two units overlap. Integers and texts are exact to the nanosecond; numbers with a fraction
are rounded to the microsecond, which is what a double of today's seconds can hold.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tocsin.core.records import Floats, Times

UNREADABLE = -1
"""Stands for a moment that could not be read; no readable moment is negative."""

LATEST_NS = 9_214_646_400_000_000_000
"""2262-01-01: the end of what 64 bits hold, less room for windows and lateness."""

UNITS = ("s", "ms", "us", "ns")
"""What a unit may be pinned to; "auto" stands for reading it from the number's size."""

_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_US = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
_BELOW = (10**11, 10**14, 10**17)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 64
_NUMBER = re.compile(r"\+?(\d+)(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)"  # day
    r"(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?"  # time of day, fraction
    r"\s?(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?)?",  # offset
    re.ASCII,
)


def time_ns(moment: Any, unit: str = "auto") -> int:
    """Return ``moment`` in nanoseconds, or `UNREADABLE`.

    Accepts integers, floats, both as text, and RFC 3339 with a "T" or a space, with or without an
    offset (without: UTC), time of day and fraction.
    """
    if type(moment) is int:
        return _from_int(moment, unit)
    if type(moment) is float:
        return _from_float(moment, unit)
    if type(moment) is str and len(moment) <= _LONGEST:
        return _from_text(moment.strip(), unit)
    return UNREADABLE


def times_ns(moments: Sequence[Any], unit: str = "auto") -> Times:
    """Return `time_ns` of every moment [N]."""
    kinds = set(map(type, moments))
    if kinds == {int}:
        return _from_ints(moments, unit)
    if kinds == {float}:
        return _from_floats(np.array(moments, np.float64), unit)
    if kinds == {str}:
        known = {text: time_ns(text, unit) for text in set(moments)}
        return np.array([known[text] for text in moments], np.int64)
    return np.array([time_ns(moment, unit) for moment in moments], np.int64)


def _unit(number: float) -> str:
    return next((unit for unit, top in zip(UNITS, _BELOW, strict=False) if number < top), "ns")


def _from_int(number: int, unit: str) -> int:
    scaled = number * _NS[_unit(number) if unit == "auto" else unit]
    return scaled if 0 <= scaled <= LATEST_NS else UNREADABLE


def _from_float(number: float, unit: str) -> int:
    scaled = number * _US[_unit(number) if unit == "auto" else unit]
    # NaN fails the comparison too
    return round(scaled) * 1_000 if 0 <= scaled <= LATEST_NS // 1_000 else UNREADABLE


def _from_text(text: str, unit: str) -> int:
    if number := _NUMBER.fullmatch(text):
        whole = number[2] is None and number[3] is None
        return _from_int(int(text), unit) if whole else _from_float(float(text), unit)
    if moment := _MOMENT.fullmatch(text):
        return _from_moment(*moment.groups())
    return UNREADABLE


def _from_moment(day: str, clock: str | None, fraction: str | None, offset: str | None) -> int:
    zone = "+00:00" if offset in (None, "Z", "z", "UTC") else offset
    try:
        since = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}") - _EPOCH
    except (ValueError, OverflowError):
        return UNREADABLE
    whole = (since.days * 86_400 + since.seconds) * _NS["s"]
    return _from_int(whole + int((fraction or "0")[:9].ljust(9, "0")), "ns")


def _from_ints(moments: Sequence[int], unit: str) -> Times:
    try:
        numbers = np.array(moments, np.int64)
    except OverflowError:
        return np.array([_from_int(moment, unit) for moment in moments], np.int64)
    factor = _factors(numbers, _NS, np.dtype(np.int64), unit)
    fits = (numbers >= 0) & (numbers <= LATEST_NS // factor)
    return np.where(fits, numbers * factor, UNREADABLE)


def _from_floats(numbers: Floats, unit: str) -> Times:
    factor = _factors(numbers, _US, np.dtype(np.float64), unit)
    with np.errstate(over="ignore"):
        scaled = numbers * factor
    fits = (scaled >= 0) & (scaled <= LATEST_NS // 1_000)
    whole = np.rint(np.where(fits, scaled, 0.0)).astype(np.int64) * 1_000
    return np.where(fits, whole, UNREADABLE)


def _factors(numbers: Any, table: dict[str, Any], kind: np.dtype[Any], unit: str) -> Any:
    if unit != "auto":
        return np.full(numbers.shape, table[unit], kind)
    factors = np.array([table[name] for name in UNITS], kind)
    with np.errstate(invalid="ignore"):
        return factors[np.searchsorted(np.array(_BELOW, numbers.dtype), numbers, side="right")]
