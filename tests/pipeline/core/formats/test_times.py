import math
from typing import Any

import numpy as np
import pytest

from tocsin.core.formats.times import LATEST_NS, UNREADABLE, time_ns, times_ns

S2020 = 1_581_168_647
NS2020 = S2020 * 10**9


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (S2020, NS2020),
        (S2020 * 1_000 + 5, NS2020 + 5_000_000),
        (S2020 * 1_000_000 + 5, NS2020 + 5_000),
        (NS2020 + 5, NS2020 + 5),
        (S2020 + 0.25, NS2020 + 250_000_000),
        (1_581_168_647_000.5, NS2020 + 500_000),
        (0, 0),
        ("1581168647", NS2020),
        (" 1581168647.25 ", NS2020 + 250_000_000),
        ("1.581168647e9", NS2020),
        ("2020-02-08T13:30:47Z", NS2020),
        ("2020-02-08 13:30:47", NS2020),
        ("2020-02-08t13:30:47z", NS2020),
        ("2020-02-08T13:30:47.123456789Z", NS2020 + 123_456_789),
        ("2020-02-08 13:30:47,5", NS2020 + 500_000_000),
        ("2020-02-08T15:30:47+02:00", NS2020),
        ("2020-02-08T08:00:47-0530", NS2020),
        ("2020-02-08 13:30:47 UTC", NS2020),
        ("2020-02-08T13:30", NS2020 - 47 * 10**9),
        ("2020-02-08", NS2020 - (13 * 3600 + 30 * 60 + 47) * 10**9),
    ],
)
def test_a_moment_is_read_to_the_nanosecond(moment: Any, expected: int) -> None:
    assert time_ns(moment) == expected
    assert times_ns([moment]).tolist() == [expected]
    assert times_ns([moment, moment, None]).tolist() == [expected, expected, UNREADABLE]


@pytest.mark.parametrize(
    "moment",
    [
        True,
        None,
        -1,
        -0.5,
        math.nan,
        math.inf,
        10**19,
        10**400,
        9_300_000_000,  # seconds in the year 2264
        "",
        "yesterday",
        "nan",
        "1_581_168_647",
        "١٥٨١١٦٨٦٤٧",
        "2020-02-30T00:00:00Z",
        "2020-02-08T25:00:00Z",
        "2020-02-08T13:30:47+99:00",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z",
        "9" * 5_000,
        [1],
        {},
    ],
)
def test_what_is_no_moment_is_unreadable(moment: Any) -> None:
    assert time_ns(moment) == UNREADABLE
    assert times_ns([moment]).tolist() == [UNREADABLE]


@pytest.mark.parametrize("year_s", [10**8, 3 * 10**9, 9_214_646_400])
def test_no_two_units_overlap_between_1973_and_2262(year_s: int) -> None:
    moments = [year_s * scale for scale in (1, 10**3, 10**6, 10**9)]
    assert times_ns(moments).tolist() == [year_s * 10**9] * 4
    assert times_ns([float(moment) for moment in moments]).tolist() == [year_s * 10**9] * 4


@pytest.mark.parametrize(("unit", "scale"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)])
def test_a_pinned_unit_is_taken_at_its_word(unit: str, scale: int) -> None:
    assert time_ns(7_000, unit) == 7_000 * scale
    assert times_ns([7_000, 8_000], unit).tolist() == [7_000 * scale, 8_000 * scale]
    assert times_ns([7_000.0], unit).tolist() == [7_000 * scale]


def test_a_column_is_read_as_its_cells_are() -> None:
    rng = np.random.default_rng(3)
    numbers = (10 ** rng.uniform(-2, 20, 3_000)).tolist()
    assert times_ns(numbers).tolist() == [time_ns(number) for number in numbers]
    whole = [int(number) for number in numbers if number < 9e18]
    assert times_ns(whole).tolist() == [time_ns(number) for number in whole]
    assert times_ns([10**25, 5]).tolist() == [UNREADABLE, 5 * 10**9]
    assert times_ns([]).tolist() == []
    assert time_ns(LATEST_NS) == LATEST_NS
