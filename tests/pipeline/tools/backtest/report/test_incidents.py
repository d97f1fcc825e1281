"""What rang, what it met, and what was missed."""

from dataclasses import replace

import numpy as np

from reporting import a_series, an_outcome, labelled
from tocsin.tools.backtest.report.incidents import list_incidents

MOST = 50


def test_alarms_and_misses_stand_in_order_of_time() -> None:
    series = labelled((50, 60), (70, 75), (90, 95))
    outcome = an_outcome((5, 10), (52, 55), (58, 64), (80, 84), (88, 92))
    found = list_incidents(series, outcome, MOST)
    said = [(each["begin"], each["event"], each["finds"]) for each in found["shown"]]
    assert said == [
        (5, None, False),
        (52, 0, True),
        (58, 0, False),  # the same event again
        (70, 1, None),  # missed
        (80, None, False),
        (88, 2, True),
    ]
    assert found["left_out"] == 0


def test_a_delay_counts_from_the_begin_of_the_event_to_the_row_that_finds_it() -> None:
    found = list_incidents(labelled((50, 60), (90, 95)), an_outcome((52, 55), (88, 92)), MOST)
    assert [each["delay"] for each in found["shown"]] == [52, 90]


def test_an_alarm_over_two_events_has_found_both() -> None:
    found = list_incidents(labelled((50, 60), (70, 80)), an_outcome((45, 90)), MOST)
    assert [(each["begin"], each["event"]) for each in found["shown"]] == [(45, 0)]


def test_the_channels_are_those_of_the_rows_above_the_limit() -> None:
    outcome = an_outcome((50, 60))
    assert outcome.blame is not None
    outcome.blame[57:, :] = (0.02, 0.98)
    outcome.score[57:] = 0.9  # still in alarm, but no longer above the limit
    (incident,) = list_incidents(a_series(), outcome, MOST)["shown"]
    assert incident["channels"] == [(0, 0.75), (1, 0.25)]
    assert incident["score"] == 2.0


def test_rows_that_only_remember_have_no_say_in_who_is_blamed() -> None:
    outcome = an_outcome((50, 60))
    assert outcome.blame is not None
    outcome.blame[52:] = (0.0, 1.0)
    error = np.full(100, 0.0)
    error[50:52] = 4.0  # the score stays above the limit, and nothing is wrong any more

    (incident,) = list_incidents(a_series(), replace(outcome, error=error), MOST)["shown"]

    assert incident["channels"] == [(0, 0.75), (1, 0.25)]


def test_a_miss_names_the_channels_of_the_row_that_came_nearest() -> None:
    outcome = an_outcome()
    assert outcome.blame is not None
    outcome.score[54], outcome.blame[54] = 0.9, (0.0, 1.0)
    (missed,) = list_incidents(labelled((50, 60)), outcome, MOST)["shown"]
    assert missed["channels"] == [(1, 1.0)]
    assert missed["score"] == 0.9


def test_who_has_no_score_and_blames_nobody_says_so() -> None:
    unknown = an_outcome((50, 60), score=np.full(100, np.nan))
    for outcome in (unknown, replace(unknown, blame=None)):
        (incident,) = list_incidents(a_series(), outcome, MOST)["shown"]
        assert incident["score"] is None
        assert incident["channels"] == []


def test_of_too_many_the_highest_are_kept_and_misses_before_alarms() -> None:
    rows = 16 * MOST
    alarms = [(at, at + 1) for at in range(0, rows - 4, 2)]
    outcome = an_outcome(*alarms, rows=rows)
    outcome.score[400] = 9.0
    found = list_incidents(labelled((rows - 1, rows), rows=rows), outcome, MOST)
    begins = [each["begin"] for each in found["shown"]]
    assert len(begins) == MOST
    assert found["left_out"] == len(alarms) + 1 - MOST
    assert {400, rows - 1} <= set(begins)
    assert begins == sorted(begins)
