from math import pi, tanh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_metrics
from tocsin_models.metrics import (
    LOW_FALSE_ALARMS,
    STANDARD,
    change_windows,
    find_changes,
    flag_causally,
    flag_officially,
    mark_rows,
    tally_changes,
)


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=40), st.integers(2, 9))
def test_the_official_rule_is_the_plain_one(above: list[bool], window: int) -> None:
    found = flag_officially(np.array(above, dtype=float), 0.5, window)

    assert found.tolist() == naive_metrics.flag_by_rule(above, window)


def test_the_official_rule_looks_ahead() -> None:
    """Row 6 hangs on the window that begins at row 5 and ends with row 9, T - 2 rows later."""
    errors = np.ones(30)
    calmed = errors.copy()
    calmed[5] = 0

    assert flag_officially(errors, 0.5, 5)[6]
    assert not flag_officially(calmed, 0.5, 5)[6]


def test_even_if_all_windows_exceed_the_edges_are_never_flagged() -> None:
    flags = flag_officially(np.ones(41), 0.5, 10)

    assert len(flags) == 50
    assert np.flatnonzero(flags).tolist() == list(range(9, 50 - 18))


def test_the_causal_rule_hangs_on_what_came_before_only() -> None:
    errors = np.random.default_rng(1).random(50)
    flags = flag_causally(errors, 0.7, 8)

    for row in range(57):  # whatever comes later, the row is the same
        later = np.where(np.arange(50) > row - 7, 9.0, errors)
        assert flag_causally(later, 0.7, 8)[row] == flags[row]
    assert not flags[:7].any()
    assert (flags[7:] == (errors > 0.7)).all()


def test_unknown_errors_and_errors_at_the_limit_do_not_exceed() -> None:
    errors = np.array([np.nan, 1.0, 1.5])

    assert flag_causally(errors, 1.0, 2).tolist() == [False, False, False, True]
    assert not flag_officially(np.full(9, np.nan), 1.0, 2).any()


def test_windows_of_one_row_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 rows"):
        flag_officially([1.0, 2.0], 1.0, 1)
    with pytest.raises(ValueError, match="at least 2 rows"):
        flag_causally([1.0, 2.0], 1.0, 1)


def test_changes_are_where_an_alarm_begins_or_ends() -> None:
    assert find_changes([1, 1, 0, 1, 0, 0]).tolist() == [False, False, True, True, True, False]


def test_the_window_of_a_change_begins_behind_the_one_before() -> None:
    changes = mark_rows([(10, 11), (14, 15), (30, 31)], 40)

    assert change_windows(changes, 6).tolist() == [[10, 16], [16, 20], [30, 36]]
    assert change_windows(np.zeros(5), 6).tolist() == []


def test_the_reward_falls_from_one_to_the_cost_of_a_false_alarm() -> None:
    def worth(row: int) -> float:
        return tally_changes([(10, 70)], mark_rows([(row, row + 1)], 100)).raw

    assert worth(10) == pytest.approx(1)
    assert worth(40) == pytest.approx((1 - 0.11) / 2)
    assert worth(25) == pytest.approx(-0.11 + 1.11 * (1 + tanh(pi / 4) / tanh(pi / 2)) / 2)
    assert worth(69) > -0.11
    assert worth(69) == pytest.approx(-0.11, abs=0.01)


def test_a_detection_outside_costs_its_full_price_wherever_it_is() -> None:
    changed = mark_rows([(5, 6), (70, 71), (90, 91)], 100)

    assert tally_changes([(10, 70)], changed).raw == pytest.approx(-1 - 3 * 0.11)
    assert tally_changes([(10, 70)], changed, LOW_FALSE_ALARMS).raw == pytest.approx(-1 - 3 * 0.22)


def test_perfect_is_100_and_silent_is_0() -> None:
    windows = [(10, 70), (80, 90)]

    assert tally_changes(windows, mark_rows([(10, 11), (80, 81)], 100)).score == pytest.approx(100)
    assert tally_changes(windows, np.zeros(100), STANDARD).score == 0
    assert np.isnan(tally_changes([], np.zeros(100)).score)
