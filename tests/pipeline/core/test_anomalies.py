from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_oracle import PROFILE, STRIDE_NS, Oracle, Seen, bare, names_of, scores_of
from tocsin.core.incidents import Incidents
from tocsin.core.profile import AlertPolicy, suit_alerts
from tocsin.core.records import Severity, State, Status, Transition

ASSETS = ("p-1", "p-2", "p-3")
BLAMES = ((0.5, 0.375, 0.125), (0.97, 0.02, 0.01), (0.0, 0.3, 0.7), (0.25, 0.25, 0.5))


def judged(*scores: float | None, at: int = 0) -> list[Transition]:
    """Return the steps of one asset whose windows scored this, one after the other."""
    names = names_of("p-1")
    return Incidents(PROFILE, names).judge(scores_of(row(*scores, at=at), names))


def row(*scores: float | None, at: int = 0) -> list[Seen]:
    return [
        Seen("p-1", (at + number) * STRIDE_NS, score)
        if score is not None
        else Seen("p-1", (at + number) * STRIDE_NS, 0.0, status=Status.LOW_COVERAGE)
        for number, score in enumerate(scores)
    ]


def states(steps: Sequence[Transition]) -> list[tuple[str, int]]:
    return [(step.state.value, step.at_ns // STRIDE_NS) for step in steps]


def test_one_breach_opens_nothing() -> None:
    assert judged(0.2, 1.7, 0.2, 0.2, 0.2, 1.7, 0.2) == []


def test_enough_breaches_among_the_last_windows_open_an_alert() -> None:
    (step,) = judged(0.2, 1.5, 0.9, 0.2, 1.0)
    assert (step.state, step.severity, step.sequence) == (State.OPEN, Severity.WARNING, 1)
    assert (step.began_ns, step.opened_ns, step.at_ns) == (STRIDE_NS, 4 * STRIDE_NS, 4 * STRIDE_NS)
    assert step.score == 1.5
    assert step.channels == (("flow", 0.5), ("heat", 0.375), ("vibration", 0.125))
    assert step.model == "m1"


def test_breaches_too_far_apart_on_the_grid_open_nothing() -> None:
    assert judged(1.5, 0.2, 0.2, 0.2, 1.5) == []


def test_missing_windows_move_the_grid_as_seen_ones_do() -> None:
    names = names_of("p-1")
    near = [Seen("p-1", 0, 1.5), Seen("p-1", 3 * STRIDE_NS, 1.5)]
    far = [Seen("p-1", 0, 1.5), Seen("p-1", 4 * STRIDE_NS, 1.5)]
    assert len(Incidents(PROFILE, names).judge(scores_of(near, names))) == 1
    assert Incidents(PROFILE, names).judge(scores_of(far, names)) == []


def test_an_alert_becomes_critical_once_and_never_less() -> None:
    steps = judged(1.5, 1.5, 3.0, 4.0, 1.1, 3.5)
    assert states(steps) == [("open", 1), ("open", 2)]
    assert [step.severity for step in steps] == [Severity.WARNING, Severity.CRITICAL]
    assert [step.sequence for step in steps] == [1, 2]
    assert steps[0].id == steps[1].id


def test_a_critical_breach_before_the_opening_counts() -> None:
    (step,) = judged(3.0, 1.1)
    assert step.severity is Severity.CRITICAL


def test_a_breach_that_has_left_the_grid_has_no_say_in_severity_or_beginning() -> None:
    (step,) = judged(9.0, 0.1, 0.1, 0.1, 1.1, 1.2)
    assert (step.severity, step.score) == (Severity.WARNING, 1.2)
    assert step.began_ns == 4 * STRIDE_NS


def test_a_calm_stretch_resolves_and_dates_the_end_to_its_first_window() -> None:
    steps = judged(1.5, 1.5, 0.2, 0.3)
    assert states(steps) == [("open", 1), ("resolved", 3)]
    assert steps[1].resolved_ns == 2 * STRIDE_NS
    assert [step.sequence for step in steps] == [1, 2]
    assert steps[1].score == 1.5


def test_a_window_between_calm_and_breach_breaks_a_calm_stretch() -> None:
    assert states(judged(1.5, 1.5, 0.2, 0.8, 0.2)) == [("open", 1)]


def test_unknown_windows_neither_open_nor_close_nor_break_a_calm_stretch() -> None:
    steps = judged(1.5, None, 1.5, 0.2, None, None, 0.2)
    assert states(steps) == [("open", 2), ("resolved", 6)]
    assert steps[1].resolved_ns == 3 * STRIDE_NS
    assert states(judged(1.5, 1.5, *[None] * 50)) == [("open", 1)]
    assert judged(*[None] * 50) == []


@pytest.mark.parametrize(("stride", "calm_count"), [(1, 20), (3, 7), (4, 5), (8, 5)])
def test_calm_of_less_than_twenty_steps_closes_nothing_under_a_rule_that_suits(
    stride: int, calm_count: int
) -> None:
    assert suit_alerts(stride) == AlertPolicy(calm_count=calm_count)


def test_breaches_of_a_resolved_alert_do_not_open_another() -> None:
    policy = AlertPolicy(open_count=2, open_of=64, calm_count=1)
    profile, names = replace(PROFILE, alerts=policy), names_of("p-1")
    windows = row(1.5, 1.5, 0.2, 1.5, 0.2, 1.5)
    steps = Incidents(profile, names).judge(scores_of(windows, names, profile=profile))
    assert states(steps) == [("open", 1), ("resolved", 2), ("open", 5)]
    assert steps[2].began_ns == 3 * STRIDE_NS
    assert steps[2].id != steps[0].id


def test_channels_with_little_blame_are_not_named_and_five_are_the_most() -> None:
    channels = tuple(f"c{number}" for number in range(8))
    profile = replace(PROFILE, channels=channels)
    blame = (0.04, 0.3, 0.06, 0.2, 0.1, 0.1, 0.1, 0.1)
    names = names_of("p-1")
    windows = [Seen("p-1", number * STRIDE_NS, 2.0, blame) for number in range(2)]
    (step,) = Incidents(profile, names).judge(scores_of(windows, names, profile=profile))
    assert [name for name, _ in step.channels] == ["c1", "c3", "c4", "c5", "c6"]
    few = [replace(window, blame=(0.96, 0.04, *[0.0] * 6)) for window in windows]
    (step,) = Incidents(profile, names).judge(scores_of(few, names, profile=profile))
    assert step.channels == (("c0", 0.96),)


def test_a_window_that_only_remembers_hardly_has_a_say_in_who_is_blamed() -> None:
    names = names_of("p-1")
    loud = [Seen("p-1", number * STRIDE_NS, 4.0, (0.0, 1.0, 0.0)) for number in range(2)]
    after = [
        Seen("p-1", number * STRIDE_NS, 3.0, (1.0, 0.0, 0.0), error=0.01) for number in range(2, 9)
    ]
    calm = [Seen("p-1", number * STRIDE_NS, 0.1) for number in range(9, 12)]

    steps = Incidents(PROFILE, names).judge(scores_of([*loud, *after, *calm], names))

    assert [step.channels for step in steps] == [(("heat", 1.0),), (("heat", 0.9794),)]


def test_a_summary_says_who_how_far_where_and_since_when() -> None:
    opened, resolved = judged(1.5, 4.25, 0.1, 0.1, at=450_000_000)
    assert opened.summary == (
        "p-1 has been critically abnormal since 1970-01-01 00:30:00 UTC: up to 4.25 times its "
        "limit, mostly in flow (50%), heat (38%), vibration (12%)."
    )
    assert resolved.summary.startswith("p-1 is back to normal since 1970-01-01 00:30:00 UTC: ")


def test_steps_come_in_the_order_of_time_then_asset() -> None:
    names = names_of("p-2", "p-1")
    late = [Seen("p-2", number * STRIDE_NS, 2.0) for number in (3, 4)]
    early = [Seen("p-1", number * STRIDE_NS, 2.0) for number in (1, 2, 3)]
    same = [Seen("p-0", number * STRIDE_NS, 2.0) for number in (3, 4)]
    names.intern("p-0")
    steps = Incidents(PROFILE, names).judge(scores_of([*late, *early, *same], names))
    assert [step.asset for step in steps] == ["p-1", "p-0", "p-2"]


@st.composite
def streams(draw: st.DrawFn) -> list[Seen]:
    at = dict.fromkeys(ASSETS, 0)
    windows = []
    for _ in range(draw(st.integers(0, 40))):
        asset = draw(st.sampled_from(ASSETS))
        at[asset] += draw(st.sampled_from((1, 1, 1, 1, 2, 3, 9)))
        score = draw(st.sampled_from((0.1, 0.3, 0.79, 0.8, 0.99, 1.0, 1.0, 1.5, 2.99, 3.0)))
        status = draw(st.sampled_from((Status.OK,) * 6 + (Status.NO_MODEL,)))
        blame = draw(st.sampled_from(BLAMES))
        windows.append(Seen(asset, at[asset] * STRIDE_NS, score, blame, status))
    return windows


@settings(deadline=None, max_examples=60)
@given(streams(), st.data())
def test_any_batches_give_the_steps_of_one_window_at_a_time(
    windows: list[Seen], data: st.DataObject
) -> None:
    oracle, names = Oracle(PROFILE), names_of(*ASSETS)
    for window in windows:
        oracle.see(window)
    incidents, steps = Incidents(PROFILE, names), []
    while windows:
        size = data.draw(st.integers(1, len(windows)))
        batch, windows = windows[:size], windows[size:]
        if data.draw(st.booleans()):
            batch = sorted(batch, key=lambda window: window.asset)
        steps += incidents.judge(scores_of(batch, names))
    assert bare(steps) == bare(oracle.steps)


@pytest.mark.parametrize("open_count", [1, 3, 64])
@settings(deadline=None, max_examples=25)
@given(streams(), st.integers(0, 3), st.integers(1, 4))
def test_every_policy_gives_the_steps_of_one_window_at_a_time(
    open_count: int, windows: list[Seen], slack: int, calm_count: int
) -> None:
    policy = AlertPolicy(open_count, min(64, open_count + slack), calm_count, 1.0, 1.0)
    profile, names = replace(PROFILE, alerts=policy), names_of(*ASSETS)
    oracle = Oracle(profile)
    for window in windows:
        oracle.see(window)
    steps = Incidents(profile, names).judge(scores_of(windows, names, profile=profile))
    assert bare(steps) == bare(oracle.steps)
