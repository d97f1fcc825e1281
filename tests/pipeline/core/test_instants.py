from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.instants import clock_time, duration, rfc3339


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_248_553_000_000_000, "2026-11-21T08:09:13Z"),
        (1_795_248_553_250_000_000, "2026-11-21T08:09:13.25Z"),
        (1_795_248_553_000_000_001, "2026-11-21T08:09:13.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_an_instant_is_written_with_no_more_decimals_than_it_needs(time_ns: int, text: str) -> None:
    assert rfc3339(time_ns) == text


@given(st.integers(-(2**61), 2**62))
def test_what_is_written_is_read_as_the_same_microsecond(time_ns: int) -> None:
    text = rfc3339(time_ns // 1000 * 1000)
    seconds, micros = divmod(time_ns // 1000, 1_000_000)
    read = datetime.fromisoformat(text)
    assert (int(read.replace(microsecond=0).timestamp()), read.microsecond) == (seconds, micros)


def test_a_person_reads_seconds() -> None:
    assert clock_time(1_795_248_553_999_999_999) == "2026-11-21 08:09:13 UTC"


@pytest.mark.parametrize(
    ("span_s", "text"),
    [(0.25, "0.25 s"), (90, "90 s"), (300, "5 min"), (7_200, "2 h"), (200_000, "2.31 d")],
)
def test_a_span_is_told_in_the_largest_unit_that_it_holds_twice(span_s: float, text: str) -> None:
    assert duration(int(span_s * 1e9)) == text
