"""Values as feeds write them -> floats."""

import math
import re
from typing import Any

LARGEST = 1e30
"""No sensor measures more than this; infinity and the like are faults of the feed."""

_LONGEST = 64
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")
_WORDS = {word: float(word) for word in ("nan", *_INFINITE)}


def measured(value: Any) -> float | None:
    """Return ``value`` as a float: NaN where nothing was measured, None if it is no number.

    Numbers may be texts. An integer too large for a float is infinite.
    """
    kind = type(value)
    if kind is float:
        return float(value)
    if value is None:
        return math.nan
    if kind is int:
        return float(value) if abs(value) <= LARGEST else math.inf
    if kind is str and len(value) <= _LONGEST:
        return _from_text(value.strip())
    return None


def _from_text(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    return _WORDS.get(text.lower())
