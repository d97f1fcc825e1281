from math import tanh

import numpy as np
import pytest

from tocsin_models.arrays import Flags
from tocsin_models.metrics import (
    LOW_FALSE_ALARMS,
    LOW_MISSES,
    STANDARD,
    NabProfile,
    NabTally,
    mark_rows,
    tally_nab,
)

WINDOWS = [(300, 400), (700, 750)]
EQUAL = NabProfile(1, 1, 1)


def at(*rows: int) -> Flags:
    alarm = np.zeros(1_000, np.bool_)
    alarm[list(rows)] = True
    return alarm


def test_every_window_found_at_once_and_nothing_else_is_100() -> None:
    for profile in (STANDARD, LOW_FALSE_ALARMS, LOW_MISSES):
        assert tally_nab(WINDOWS, at(300, 700), profile).score == pytest.approx(100)


def test_never_an_alarm_is_0() -> None:
    for profile in (STANDARD, LOW_FALSE_ALARMS, LOW_MISSES):
        assert tally_nab(WINDOWS, at(), profile).score == 0


def test_a_case_by_hand() -> None:
    """One false alarm before all windows, one found in its middle, one missed."""
    found = tally_nab(WINDOWS, at(200, 350), STANDARD)

    reward = tanh(2.5 * 0.5) / tanh(2.5)
    assert found.raw == pytest.approx(reward - 1 - 0.11)
    assert found.score == pytest.approx(100 * (reward - 1 - 0.11 + 2) / 4)


def test_only_the_first_detection_in_a_window_counts() -> None:
    assert tally_nab(WINDOWS, at(310, 311, 399), STANDARD) == tally_nab(WINDOWS, at(310), STANDARD)


def test_the_earlier_the_better_down_to_nearly_nothing_at_the_last_row() -> None:
    worth = [tally_nab([(300, 400)], at(row), EQUAL).raw for row in (300, 330, 360, 399)]

    assert worth == sorted(worth, reverse=True)
    assert worth[0] == pytest.approx(1)
    assert worth[-1] == pytest.approx(tanh(2.5 * 0.01) / tanh(2.5))


def test_just_behind_a_window_an_alarm_costs_nearly_nothing_and_far_behind_all() -> None:
    def cost(row: int) -> float:
        return -1 - tally_nab([(300, 400)], at(row), EQUAL).raw

    assert cost(400) == pytest.approx(tanh(2.5 / 99))
    assert cost(498) == pytest.approx(tanh(2.5))
    assert cost(399 + 3 * 99 + 1) == 1
    assert cost(299) == 1


def test_the_place_of_a_false_alarm_is_taken_from_the_window_before_it() -> None:
    late = tally_nab(WINDOWS, at(760), EQUAL).raw + 2

    assert late == pytest.approx(-tanh(2.5 * (760 - 749) / 49))


def test_just_behind_and_just_before_the_end_of_a_window_cancel_out() -> None:
    inside = tally_nab([(300, 400)], at(399), EQUAL).raw
    behind = tally_nab([(300, 400)], at(400), EQUAL).raw

    assert inside + behind + 1 == pytest.approx(0, abs=1e-3)


def test_profiles_weigh_false_alarms_and_misses() -> None:
    noisy, deaf = at(300, 700, *range(200, 220)), at(300)

    def scores(alarm: Flags) -> list[float]:
        profiles = (STANDARD, LOW_FALSE_ALARMS, LOW_MISSES)
        return [tally_nab(WINDOWS, alarm, profile).score for profile in profiles]

    usual, strict, lenient = scores(noisy)
    assert strict < usual < lenient  # 2.2, 4.4 of 4 and 2.2 of 6
    assert scores(noisy) == pytest.approx([100 - 55, 100 - 110, 100 - 100 * 2.2 / 6])
    assert scores(deaf) == pytest.approx([50, 50, 50])


def test_rows_of_the_probation_do_not_count() -> None:
    assert tally_nab(WINDOWS, at(*range(150)), STANDARD).score == 0
    assert tally_nab(WINDOWS, at(150), STANDARD).score < 0


def test_the_probation_is_never_longer_than_750_rows() -> None:
    alarm = mark_rows([(740, 751)], 10_000)

    assert tally_nab([], alarm, EQUAL).raw == -1


def test_a_window_of_one_row_can_be_found_and_left_behind() -> None:
    assert tally_nab([(500, 501)], at(500), EQUAL).raw == pytest.approx(1)
    assert tally_nab([(500, 501)], at(500, 501), EQUAL).raw == pytest.approx(1 - tanh(2.5))


def test_series_pool_into_one_score() -> None:
    parts = [tally_nab(WINDOWS, at(300, 700), STANDARD), tally_nab([(500, 600)], at(), STANDARD)]

    assert sum(parts, NabTally()).score == pytest.approx(100 * 2 / 3)


def test_without_windows_there_is_no_score_but_alarms_still_cost() -> None:
    calm, noisy = tally_nab([], at(), STANDARD), tally_nab([], at(600), STANDARD)

    assert np.isnan(calm.score)
    assert np.isnan(noisy.score)
    assert (calm + tally_nab(WINDOWS, at(300, 700))).score == pytest.approx(100)
    assert (noisy + tally_nab(WINDOWS, at(300, 700))).score == pytest.approx(100 - 11 / 4)
