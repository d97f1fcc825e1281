import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_models.arrays import Flags
from tocsin_models.metrics import count_rows, f1_adjusted, f1_adjusted_area

LABEL = np.array([0] * 10 + [1] * 10 + [0] * 10 + [1] * 5 + [0] * 5)


def alarm(*rows: int) -> Flags:
    return np.isin(np.arange(40), rows)


def test_an_event_is_adjusted_if_more_than_k_percent_of_it_are_flagged() -> None:
    flags = alarm(10, 11, 30, 31, 32)  # 20 % of the first event, 60 % of the second

    assert f1_adjusted(LABEL, flags, 0) == 1
    assert f1_adjusted(LABEL, flags, 19.9) == 1
    assert f1_adjusted(LABEL, flags, 20) == pytest.approx(7 / (7 + 8 / 2))
    assert f1_adjusted(LABEL, flags, 60) == pytest.approx(5 / (5 + 10 / 2))
    assert f1_adjusted(LABEL, flags, 100) == count_rows(LABEL, flags).f1


def test_the_area_is_that_under_its_steps() -> None:
    flags = alarm(10, 11, 30, 31, 32)

    expected = 0.2 * 1 + 0.4 * 7 / 11 + 0.4 * 1 / 2
    assert f1_adjusted_area(LABEL, flags) == pytest.approx(expected)


def test_false_alarms_are_never_adjusted_away() -> None:
    assert f1_adjusted(LABEL, alarm(0, 1, 2, 10, 30), 0) == pytest.approx(15 / (15 + 3 / 2))


def test_alarms_at_random_look_excellent_with_full_adjustment() -> None:
    """The reason why this is no headline: one row in twenty, at random."""
    random = np.random.default_rng(0)
    label = np.zeros(20_000, np.bool_)
    for begin in range(500, 20_000, 2_000):
        label[begin : begin + 300] = True
    noise = random.random(20_000) < 0.05

    assert count_rows(label, noise).f1 < 0.1
    assert f1_adjusted(label, noise, 0) > 0.85
    assert f1_adjusted_area(label, noise) < 0.2


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_the_area_lies_between_the_two_ends(rows: list[tuple[bool, bool]]) -> None:
    label, flags = map(np.array, zip(*rows, strict=True))
    area = f1_adjusted_area(label, flags)
    if not label.any():
        assert np.isnan(area)
        return

    assert f1_adjusted(label, flags, 100) - 1e-12 <= area <= f1_adjusted(label, flags, 0) + 1e-12
    grid = np.mean([f1_adjusted(label, flags, k) for k in np.arange(0.5, 100)])
    assert area == pytest.approx(grid, abs=0.02)


def test_shares_that_are_no_percentage_are_refused() -> None:
    with pytest.raises(ValueError, match="percentage"):
        f1_adjusted(LABEL, LABEL, 101)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="label has 40, alarm has 1"):
        f1_adjusted_area(LABEL, [1])
