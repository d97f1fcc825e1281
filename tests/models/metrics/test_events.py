import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_metrics
from tocsin_models.metrics import EventPolicy, EventTally, find_runs, tally_events, tally_rows

EVENTS = [(10, 20), (40, 50), (80, 90)]


def test_events_alarms_and_delays_are_told_apart() -> None:
    tally = tally_events(EVENTS, [(2, 3), (12, 14), (16, 25), (55, 60), (85, 95)])

    assert tally == EventTally(hits=2, misses=1, false_alarms=2, delays=(2, 5))
    assert tally.precision == pytest.approx(2 / 4)
    assert tally.recall == pytest.approx(2 / 3)
    assert tally.f1 == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))
    assert tally.median_delay == 3.5


def test_several_alarms_in_one_event_find_it_once_and_none_is_false() -> None:
    assert tally_events([(0, 9)], [(1, 2), (3, 4), (6, 8)]) == EventTally(1, 0, 0, (1,))


def test_one_alarm_over_two_events_finds_both() -> None:
    assert tally_events([(2, 4), (7, 9)], [(3, 8)]) == EventTally(2, 0, 0, (1, 0))


def test_an_alarm_that_ends_where_an_event_begins_does_not_find_it() -> None:
    assert tally_events([(5, 8)], [(2, 5), (8, 9)]) == EventTally(0, 1, 2)


def test_an_alarm_that_stands_already_finds_an_event_without_delay() -> None:
    assert tally_events([(5, 8)], [(2, 6)]) == EventTally(1, 0, 0, (0,))


def test_an_alarm_that_had_stood_for_too_long_finds_nothing_and_is_false() -> None:
    assert tally_events([(5, 8)], [(2, 6)], EventPolicy(lead=3)) == EventTally(1, 0, 0, (0,))
    assert tally_events([(5, 8)], [(2, 6)], EventPolicy(lead=2)) == EventTally(0, 1, 1)


def test_with_a_lead_an_alarm_without_end_finds_no_more_than_the_first_event() -> None:
    always = [(0, 100)]

    assert tally_events(EVENTS, always).f1 == 1  # which is why it is never read alone
    assert tally_events(EVENTS, always, EventPolicy(lead=10)) == EventTally(1, 2, 0, (0,))
    assert tally_events(EVENTS, always, EventPolicy(lead=9)).f1 == 0


def test_alarms_a_bridge_apart_are_one_false_alarm() -> None:
    alarms = [(0, 1), (3, 4), (7, 8)]

    assert tally_events([], alarms).false_alarms == 3
    assert tally_events([], alarms, EventPolicy(bridge=2)).false_alarms == 2
    assert tally_events([], alarms, EventPolicy(bridge=3)).false_alarms == 1


def test_a_false_alarm_bridged_to_a_true_one_is_part_of_it() -> None:
    alarms = [(6, 8), (12, 13)]

    assert tally_events([(10, 20)], alarms) == EventTally(1, 0, 1, (2,))
    assert tally_events([(10, 20)], alarms, EventPolicy(bridge=4)) == EventTally(1, 0, 0, (0,))


def test_without_events_only_false_alarms_can_be_said() -> None:
    tally = tally_events([], [(1, 2)])

    assert tally.false_alarms == 1
    assert np.isnan([tally.precision, tally.recall, tally.f1, tally.median_delay]).all()


def test_without_alarms_there_is_no_precision_and_no_delay_but_an_f1_of_zero() -> None:
    tally = tally_events(EVENTS, [])

    assert np.isnan([tally.precision, tally.median_delay]).all()
    assert (tally.recall, tally.f1) == (0, 0)


def test_false_alarms_per_day_are_counted_over_the_whole_length() -> None:
    tally = tally_events([], [(1, 2), (5, 6), (8, 9)])

    assert tally.false_alarms_per_day(2 * 86_400) == 1.5
    assert np.isnan(tally.false_alarms_per_day(0))


def test_tallies_of_several_series_pool() -> None:
    parts = [tally_events(EVENTS, [(12, 13)]), tally_events([(3, 5)], [(0, 1), (4, 6)])]

    pooled = sum(parts, EventTally())

    assert pooled == EventTally(2, 2, 1, (2, 1))
    assert pooled.f1 == pytest.approx(2 / (2 + 3 / 2))


def test_times_do_as_well_as_rows() -> None:
    second = 1_000_000_000
    start = 1_700_000_000 * second

    tally = tally_events([(start, start + 60 * second)], [(start + 5 * second, start + 9 * second)])

    assert tally == EventTally(1, 0, 0, (5 * second,))


@settings(deadline=None)
@given(st.data(), st.none() | st.integers(0, 6))
def test_rows_are_tallied_as_by_the_plain_definition(data: st.DataObject, lead: int | None) -> None:
    flags = st.lists(st.booleans(), min_size=25, max_size=25)
    label, alarm = data.draw(flags), data.draw(flags)
    events, alarms = naive_metrics.runs(label), naive_metrics.runs(alarm)
    delays = naive_metrics.find_events(events, alarms, lead)
    useless = [
        each
        for each in alarms
        if not any(naive_metrics.finds(each, event, lead) for event in events)
    ]

    tally = tally_rows(label, alarm, EventPolicy(lead=lead))

    found = tuple(delay for delay in delays if delay is not None)
    assert tally == EventTally(len(found), len(events) - len(found), len(useless), found)
    assert tally == tally_events(find_runs(label), find_runs(alarm), EventPolicy(lead=lead))


def test_policies_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="bridge >= 0"):
        EventPolicy(bridge=-1)
    with pytest.raises(ValueError, match="lead >= 0"):
        EventPolicy(lead=-1)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="label has 2, alarm has 1"):
        tally_rows([0, 1], [0])
