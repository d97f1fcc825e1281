"""What the report says in words, and that its figures are those of the table."""

from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import expect

from browser.opened import Opens, crowd, limit_lines, told
from reporting import a_series, a_trial, an_outcome, labelled
from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.series import Series
from tocsin.tools.backtest.trial import compare


def holed(*events: tuple[int, int]) -> Series:
    """Return such a series with a hole of a day behind its row 70."""
    series = labelled(*events) if events else a_series()
    hole_ns = np.where(np.arange(100) > 70, 86_400 * SECOND_NS, 0)
    return replace(series, time_ns=series.time_ns + hole_ns)


def test_a_hole_in_a_recording_was_not_judged(open_report: Opens) -> None:
    seen = open_report(a_trial(holed(), ours=an_outcome()))
    expect(seen.find("#verdict")).to_contain_text("ours never rang in 1\N{NO-BREAK SPACE}min.")
    expect(seen.find("#incidents")).to_have_text("Nothing rang.")
    expect(seen.find("#limit-notes")).to_contain_text("1\N{NO-BREAK SPACE}min were judged")


def test_the_slider_the_list_and_the_headline_count_as_the_table_does(open_report: Opens) -> None:
    trial = a_trial(holed((68, 80)), ours=an_outcome((50, 56), (74, 80)))
    seen, figures = open_report(trial), compare([trial])["ours"]
    second = "6\N{NO-BREAK SPACE}s"
    assert figures["delay_s"].mean == 6
    weekly = figures["false_alarms_per_day"].mean * 7
    lines = limit_lines(seen)
    assert told(lines["false-weekly"][0]) == pytest.approx(weekly, rel=0.01)
    assert lines["delay"] == [second]
    expect(seen.find("#verdict")).to_contain_text(f"found the one event {second} after it began")
    expect(seen.find("#incidents")).to_contain_text(second)
    expect(seen.find("#timeline-notes")).to_contain_text("20,160 alarms a week")


def test_much_that_has_no_score_is_said_at_once(open_report: Opens) -> None:
    known, half = np.full(100, 0.5), np.full(100, 0.5)
    half[70:] = np.nan
    trial = a_trial(labelled((60, 70)), half=an_outcome(score=half), all=an_outcome(score=known))
    seen, words = open_report(trial), "have no score: nothing is known about them."
    minute, share = "1\N{NO-BREAK SPACE}min", "50\N{NO-BREAK SPACE}% of the rows"
    expect(seen.find("#verdict")).to_contain_text(
        f"half missed the one event, and never rang for nothing in {minute}. {share} {words}"
    )
    seen.find("#pick-entrant").select_option("all")
    expect(seen.find("#series-said")).not_to_contain_text(words)


def test_without_labels_and_times_nothing_is_said_of_events_and_weeks(open_report: Opens) -> None:
    seen = open_report(a_trial(a_series(timed=False), ours=an_outcome((50, 56), (80, 90))))
    expect(seen.find("#verdict")).to_contain_text("ours rang 2 times in 60 rows.")
    expect(seen.find("#verdict")).to_contain_text("nobody can say how often it was right")
    assert set(limit_lines(seen)) == {"alarms", "weekly", "share"}
    expect(seen.find("#limit-found")).to_contain_text("Alarms in 10,000 rows")
    expect(seen.find("#incidents .badge").first).to_have_text("Rang")
    expect(seen.find("#incidents")).to_contain_text("row 50")
    assert "week" not in seen.find("main").inner_text()


def test_an_alarm_that_stood_before_its_event_is_no_feat(open_report: Opens) -> None:
    seen = open_report(a_trial(labelled((60, 70)), ours=an_outcome((45, 90))))
    expect(seen.find("#verdict")).to_contain_text("an alarm stood already when it began")
    expect(seen.find("#verdict")).to_contain_text(
        "70 % of the rows that are labelled normal were in alarm"
    )
    expect(seen.find("#incidents")).to_contain_text("stood already")


def test_unknown_and_refused_are_said(open_report: Opens) -> None:
    seen = open_report(*crowd())
    seen.find("#pick-entrant").select_option("calm")
    expect(seen.find("#timeline-notes")).to_contain_text("8.3 % without a score")
    seen.find("#series-after").click()
    expect(seen.find("#timeline-notes")).to_contain_text("calm said nothing: it refused")
    expect(seen.find("#incidents-hint")).to_contain_text("again")
