from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_oracle import PROFILE, Oracle, Told, bare, names_of
from tocsin.core.incidents import Incidents
from tocsin.core.records import Ids, Names, Rule, State, Times, Transition

ASSETS = ("p-1", "p-2", "p-3")
LIMIT_NS = PROFILE.silent_after_ns


def columns(readings: Sequence[Told], names: Names) -> tuple[Ids, Times, Times]:
    return (
        np.array([names.intern(reading.asset) for reading in readings], np.int32),
        np.array([reading.arrived_ns for reading in readings], np.int64),
        np.array([reading.time_ns for reading in readings], np.int64),
    )


def heard(*readings: Told) -> tuple[Incidents, list[Transition]]:
    names = names_of(*ASSETS)
    incidents = Incidents(PROFILE, names)
    return incidents, incidents.hear(*columns(readings, names))


def test_an_asset_that_speaks_in_time_is_not_silent() -> None:
    incidents, steps = heard(Told("p-1", 0, 0), Told("p-1", 99, 90), Told("p-1", 198, 190))
    assert steps == []
    assert incidents.listen(198 + LIMIT_NS - 1) == []


def test_a_gap_in_the_log_is_an_alert_that_opened_at_the_deadline() -> None:
    _, (opened, resolved) = heard(Told("p-1", 10, 7), Told("p-1", 250, 248))
    assert (opened.rule, opened.state, opened.sequence) == (Rule.SILENT, State.OPEN, 1)
    assert (opened.began_ns, opened.opened_ns, opened.at_ns) == (7, 110, 110)
    assert (resolved.state, resolved.sequence) == (State.RESOLVED, 2)
    assert (resolved.at_ns, resolved.resolved_ns) == (250, 250)
    assert opened.id == resolved.id


def test_listening_opens_at_the_deadline_and_only_once() -> None:
    incidents, _ = heard(Told("p-1", 10, 7))
    assert incidents.listen(109) == []
    (opened,) = incidents.listen(110)
    assert incidents.open_alerts() == [opened]
    assert incidents.listen(110) == incidents.listen(10_000) == []


def test_what_opens_is_the_same_however_late_it_is_found() -> None:
    early, _ = heard(Told("p-1", 10, 7))
    late, _ = heard(Told("p-1", 10, 7))
    _, (by_gap, _) = heard(Told("p-1", 10, 7), Told("p-1", 250, 248))
    assert early.listen(110) == late.listen(99_999) == [by_gap]


def test_an_arrival_before_the_deadline_closes_what_a_fast_clock_opened() -> None:
    names = names_of("p-1")
    incidents = Incidents(PROFILE, names)
    incidents.hear(*columns([Told("p-1", 10, 7)], names))
    (opened,) = incidents.listen(500)
    (resolved,) = incidents.hear(*columns([Told("p-1", 60, 58)], names))
    assert resolved.resolved_ns == opened.opened_ns == 110
    assert incidents.open_alerts() == []


def test_two_silences_that_begin_at_the_same_sensor_time_are_two_alerts() -> None:
    _, steps = heard(Told("p-1", 0, 5), Told("p-1", 200, 5), Told("p-1", 400, 5))
    assert [step.began_ns for step in steps] == [5, 5, 5, 5]
    assert len({step.id for step in steps}) == 2


def test_an_asset_that_was_never_heard_is_not_silent() -> None:
    incidents, _ = heard(Told("p-1", 0, 0))
    assert {step.asset for step in incidents.listen(10**6)} == {"p-1"}


def test_a_profile_without_a_limit_has_no_silence() -> None:
    names = names_of("p-1")
    incidents = Incidents(replace(PROFILE, silent_after_ns=0), names)
    told = [Told("p-1", 0, 0), Told("p-1", 10**15, 10**15)]
    assert incidents.hear(*columns(told, names)) == []
    assert incidents.listen(10**18) == []


def test_recalled_readings_cause_nothing_but_are_known() -> None:
    names = names_of("p-1")
    incidents = Incidents(PROFILE, names)
    incidents.recall(*columns([Told("p-1", 0, 0), Told("p-1", 300, 290)], names))
    (opened,) = incidents.listen(400)
    assert (opened.began_ns, opened.at_ns) == (290, 400)


def test_summaries_say_how_long() -> None:
    minute_ns = 60_000_000_000
    names = names_of("p-1")
    incidents = Incidents(replace(PROFILE, silent_after_ns=5 * minute_ns), names)
    told = [Told("p-1", 0, 0), Told("p-1", 720 * minute_ns, 0)]
    opened, resolved = incidents.hear(*columns(told, names))
    assert opened.summary == (
        "p-1 has sent nothing for 5 min: its newest reading is of 1970-01-01 00:00:00 UTC."
    )
    assert resolved.summary == "p-1 is sending again, after 12 h of silence."


@st.composite
def logs(draw: st.DrawFn, steps_ns: Sequence[int]) -> list[Told]:
    readings, clock_ns = [], 1_000
    for _ in range(draw(st.integers(0, 40))):
        clock_ns += draw(st.sampled_from(steps_ns))
        delay_ns = draw(st.integers(-5, 50))
        readings.append(Told(draw(st.sampled_from(ASSETS)), clock_ns, clock_ns - delay_ns))
    return readings


@settings(deadline=None, max_examples=60)
@given(logs((0, 0, 1, 20, 49, 50, 99, 100, 130, 300)), st.data())
def test_any_batches_and_any_listening_give_the_steps_of_one_reading_at_a_time(
    readings: list[Told], data: st.DataObject
) -> None:
    end_ns = readings[-1].arrived_ns if readings else 0
    oracle, names = Oracle(PROFILE), names_of(*ASSETS)
    for reading in readings:
        oracle.hear(reading)
    oracle.listen(end_ns)
    incidents, steps = Incidents(PROFILE, names), []
    while readings:
        size = data.draw(st.integers(1, len(readings)))
        batch, readings = readings[:size], readings[size:]
        steps += incidents.hear(*columns(batch, names))
        if data.draw(st.booleans()):
            steps += incidents.listen(batch[-1].arrived_ns)
    steps += incidents.listen(end_ns)
    assert bare(steps) == bare(oracle.steps)


@settings(deadline=None, max_examples=60)
@given(logs((0, 1, 20, 99, 100, 130, 300, -1, -60, -150)), st.data())
def test_batches_do_not_matter_where_the_time_of_the_log_goes_backwards(
    readings: list[Told], data: st.DataObject
) -> None:
    oracle, names = Oracle(PROFILE), names_of(*ASSETS)
    for reading in readings:
        oracle.hear(reading)
    incidents, steps = Incidents(PROFILE, names), []
    while readings:
        size = data.draw(st.integers(1, len(readings)))
        batch, readings = readings[:size], readings[size:]
        steps += incidents.hear(*columns(batch, names))
    assert bare(steps) == bare(oracle.steps)
