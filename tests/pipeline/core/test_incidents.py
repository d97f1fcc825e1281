import json
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_oracle import PROFILE, STRIDE_NS, Seen, Told, bare, names_of, scores_of
from tocsin.core.blocks import decode_snapshot, encode_snapshot, encode_transition
from tocsin.core.incidents import Incidents
from tocsin.core.records import Ids, Names, Rule, State, Status, Times, Transition

ASSETS = ("p-1", "p-2")

Event = Seen | Told


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    ends, clock_ns = dict.fromkeys(ASSETS, 0), 0
    events: list[Event] = []
    for _ in range(draw(st.integers(0, 40))):
        asset = draw(st.sampled_from(ASSETS))
        if draw(st.booleans()):
            clock_ns += draw(st.sampled_from((0, 10, 60, 99, 100, 250)))
            events.append(Told(asset, clock_ns, clock_ns - 5))
            continue
        ends[asset] += draw(st.sampled_from((1, 1, 1, 2))) * STRIDE_NS
        score = draw(st.sampled_from((0.1, 0.9, 1.0, 1.0, 1.5, 3.0)))
        status = draw(st.sampled_from((Status.OK,) * 5 + (Status.ERROR,)))
        events.append(Seen(asset, ends[asset], score, status=status))
    return events


def feed(incidents: Incidents, names: Names, events: list[Event]) -> list[Transition]:
    told = [event for event in events if isinstance(event, Told)]
    seen = [event for event in events if isinstance(event, Seen)]
    steps = incidents.hear(*columns(told, names))
    steps += incidents.judge(scores_of(seen, names))
    return steps + incidents.listen(max((event.arrived_ns for event in told), default=0))


def columns(told: list[Told], names: Names) -> tuple[Ids, Times, Times]:
    return (
        np.array([names.intern(reading.asset) for reading in told], np.int32),
        np.array([reading.arrived_ns for reading in told], np.int64),
        np.array([reading.time_ns for reading in told], np.int64),
    )


def encoded(steps: list[Transition]) -> list[bytes]:
    ordered = sorted(steps, key=lambda s: (s.at_ns, s.asset, s.rule, s.sequence, s.id))
    return [encode_transition(step) for step in ordered]


def write_down(incidents: Incidents, names: Names, state: dict[str, bytes]) -> None:
    for asset in incidents.changed():
        state[names.table[asset]] = encode_snapshot(incidents.snapshot(asset))


def take_up(names: Names, state: Mapping[str, bytes], past: list[Event]) -> Incidents:
    incidents = Incidents(PROFILE, names)
    for name, value in state.items():
        incidents.adopt(names.intern(name), decode_snapshot(value))
    last = {event.asset: event for event in past if isinstance(event, Told)}
    incidents.recall(*columns(list(last.values()), names))
    return incidents


@settings(deadline=None, max_examples=60)
@given(logs(), st.data())
def test_stopping_anywhere_and_going_on_from_what_was_written_down_changes_no_byte(
    events: list[Event], data: st.DataObject
) -> None:
    names = names_of(*ASSETS)
    undisturbed = feed(Incidents(PROFILE, names), names, events)
    state: dict[str, bytes] = {}
    incidents, steps, past = Incidents(PROFILE, names), [], 0
    while past < len(events):
        size = data.draw(st.integers(1, len(events) - past))
        steps += feed(incidents, names, events[past : past + size])
        past += size
        if data.draw(st.booleans()):
            write_down(incidents, names, state)
            names = names_of(*data.draw(st.permutations(ASSETS)))
            incidents = take_up(names, state, events[:past])
    assert encoded(steps) == encoded(undisturbed)


@settings(deadline=None, max_examples=40)
@given(logs())
def test_the_steps_of_an_alert_are_numbered_and_end_with_the_resolved_one(
    events: list[Event],
) -> None:
    names = names_of(*ASSETS)
    incidents = Incidents(PROFILE, names)
    steps = feed(incidents, names, events)
    alerts: dict[str, list[Transition]] = defaultdict(list)
    for step in steps:
        alerts[step.id].append(step)
    for alert in alerts.values():
        assert [step.sequence for step in alert] == list(range(1, len(alert) + 1))
        assert all(step.state is State.OPEN for step in alert[:-1])
        assert all(old.at_ns <= new.at_ns for old, new in pairwise(alert))
        assert len({(s.asset, s.profile, s.rule, s.began_ns, s.opened_ns) for s in alert}) == 1
    still_open = [alert[-1] for alert in alerts.values() if alert[-1].state is State.OPEN]
    assert bare(incidents.open_alerts()) == bare(still_open)


@settings(deadline=None, max_examples=40)
@given(logs())
def test_one_asset_has_no_two_steps_of_a_rule_and_state_at_one_time(events: list[Event]) -> None:
    names = names_of(*ASSETS)
    steps = feed(Incidents(PROFILE, names), names, events)
    places = [(step.asset, step.rule, step.state, step.at_ns) for step in steps]
    assert len(places) == len(set(places))


def test_only_machines_that_changed_are_named_and_a_snapshot_settles_them() -> None:
    names = names_of(*ASSETS)
    incidents = Incidents(PROFILE, names)
    incidents.hear(*columns([Told("p-1", 0, 0), Told("p-2", 0, 0)], names))
    incidents.judge(scores_of([Seen("p-1", STRIDE_NS, 0.4)], names))
    assert incidents.changed() == []
    incidents.judge(scores_of([Seen("p-2", STRIDE_NS, 1.4)], names))
    assert incidents.changed() == [1]
    incidents.snapshot(1)
    assert incidents.changed() == []
    incidents.listen(1_000)
    assert incidents.changed() == [0, 1]


def test_an_idle_machine_is_written_down_as_idle() -> None:
    names = names_of(*ASSETS)
    incidents = Incidents(PROFILE, names)
    assert incidents.snapshot(0) == {"anomaly": {}, "silent": {}}
    calm = [Seen("p-1", number * STRIDE_NS, 1.4 if number < 2 else 0.1) for number in range(4)]
    assert len(incidents.judge(scores_of(calm, names))) == 2
    assert incidents.changed() == [0]
    assert incidents.snapshot(0) == {"anomaly": {}, "silent": {}}


def test_an_idle_machine_is_not_looked_at_again() -> None:
    names = names_of(*ASSETS)
    incidents = Incidents(PROFILE, names)
    scores = (1.4, 1.4, 0.1, 0.1, 0.1)
    windows = [Seen("p-1", number * STRIDE_NS, score) for number, score in enumerate(scores)]
    incidents.judge(scores_of(windows[:4], names))
    incidents.snapshot(0)
    incidents.judge(scores_of(windows[4:], names))
    assert incidents.changed() == []


def test_a_calm_stretch_goes_on_in_the_machine_that_takes_over() -> None:
    names = names_of(*ASSETS)
    scores = (1.4, 3.4, 0.1, 0.1)
    windows = [Seen("p-1", number * STRIDE_NS, score) for number, score in enumerate(scores)]
    first, second = Incidents(PROFILE, names), Incidents(PROFILE, names)
    first.judge(scores_of(windows[:3], names))
    second.adopt(0, first.snapshot(0))
    assert second.judge(scores_of(windows[3:], names)) == first.judge(scores_of(windows[3:], names))
    assert second.open_alerts() == first.open_alerts() == []


def test_an_alert_from_an_earlier_version_goes_on() -> None:
    names = names_of(*ASSETS)
    windows = [Seen("p-1", number * STRIDE_NS, score) for number, score in enumerate((1.4, 1.4))]
    first, second = Incidents(PROFILE, names), Incidents(PROFILE, names)
    first.judge(scores_of(windows, names))
    state = first.snapshot(0)
    state["anomaly"]["breaches"] = 2  # was counted once

    second.adopt(0, state)

    assert second.open_alerts() == first.open_alerts() != []


def test_a_silence_is_found_by_the_machine_that_takes_over() -> None:
    names = names_of(*ASSETS)
    first, second = Incidents(PROFILE, names), Incidents(PROFILE, names)
    first.hear(*columns([Told("p-1", 40, 35)], names))
    second.adopt(0, first.snapshot(0))
    (opened,) = second.listen(1_000)
    assert [opened] == first.listen(1_000)
    assert opened.began_ns == 35


def test_adopting_an_idle_record_forgets_what_was_open() -> None:
    names = names_of(*ASSETS)
    incidents = Incidents(PROFILE, names)
    windows = [Seen("p-1", number * STRIDE_NS, 1.4) for number in range(2)]
    incidents.judge(scores_of(windows, names))
    incidents.adopt(0, {"anomaly": {}, "silent": {}})
    assert incidents.open_alerts() == []


def test_a_snapshot_survives_json() -> None:
    names = names_of(*ASSETS)
    incidents = Incidents(PROFILE, names)
    incidents.hear(*columns([Told("p-1", 0, 0)], names))
    incidents.listen(1_000)
    windows = [Seen("p-1", number * STRIDE_NS, 1.0 + number / 3) for number in range(3)]
    incidents.judge(scores_of([*windows, Seen("p-2", 0, 1.4)], names))
    other = Incidents(PROFILE, names)
    for asset in (0, 1):
        written: dict[str, Any] = incidents.snapshot(asset)
        other.adopt(asset, json.loads(json.dumps(written)))
        assert json.dumps(other.snapshot(asset)) == json.dumps(written)
    assert other.open_alerts() == incidents.open_alerts()
    assert {step.rule for step in other.open_alerts()} == {Rule.ANOMALY, Rule.SILENT}


def test_nothing_in_gives_nothing_out() -> None:
    names = names_of()
    incidents = Incidents(PROFILE, names)
    assert feed(incidents, names, []) == []
