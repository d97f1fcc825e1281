"""Nanoseconds since the Unix epoch as text."""

from datetime import UTC, datetime

from tocsin.core.profile import SECOND_NS


def rfc3339(time_ns: int) -> str:
    """Return an instant as RFC 3339 in UTC, with no more decimals than it needs."""
    whole_s, rest_ns = divmod(time_ns, SECOND_NS)
    text = datetime.fromtimestamp(whole_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    decimals = f".{rest_ns:09d}".rstrip("0").rstrip(".")
    return f"{text}{decimals}Z"


def clock_time(time_ns: int) -> str:
    """Return an instant as a person reads it, to the second."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(span_ns: int) -> str:
    """Return a span as a person says it, in the largest unit that it holds twice."""
    span_s = span_ns / SECOND_NS
    for unit_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if span_s >= 2 * unit_s:
            return f"{span_s / unit_s:.3g} {unit}"
    return f"{span_s:.3g} s"
