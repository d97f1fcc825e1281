from dataclasses import replace

import numpy as np
import pytest

from backtesting import quick_model, small_series
from tocsin.core.profile import SECOND_NS, AlertPolicy, Profile
from tocsin.core.records import Rule, State, Status
from tocsin.tools.backtest.replay import NO_WINDOW, profile_of, replay
from tocsin.tools.backtest.series import Series
from tocsin_models.arrays import Flags
from tocsin_models.bundle import Bundle

LENGTH = 12
ALERTS = AlertPolicy(open_count=2, open_of=3, calm_count=3)
SERIES = small_series()
PROFILE = profile_of(SERIES, LENGTH, ALERTS)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return quick_model(SERIES, PROFILE)


def without(series: Series, gone: Flags) -> Series:
    """Return a series in which some rows never were."""
    return replace(series, time_ns=series.time_ns[~gone], values=series.values[~gone], label=None)


def test_every_row_has_a_score_once_a_whole_window_was_seen(bundle: Bundle) -> None:
    said = replay(SERIES, bundle, PROFILE)
    assert np.isnan(said.score[: LENGTH - 1]).all()
    assert (said.status[: LENGTH - 1] == Status.WARMING_UP).all()
    assert np.isfinite(said.score[LENGTH - 1 :]).all()
    assert (said.status[LENGTH - 1 :] == Status.OK).all()
    assert np.isfinite(said.blame[-1]).all()
    assert np.isfinite(said.expected[-1]).all()


def test_what_comes_later_changes_nothing_that_was_said(bundle: Bundle) -> None:
    first, until = replay(SERIES, bundle, PROFILE), 495  # in the middle of a fault
    values = SERIES.values.copy()
    values[until:] = np.random.default_rng(5).normal(size=values[until:].shape) * 1e4
    second = replay(replace(SERIES, values=values), bundle, PROFILE)
    for name in ("score", "error", "blame", "expected", "status", "alarm"):
        one, other = getattr(first, name), getattr(second, name)
        assert one[:until].tobytes() == other[:until].tobytes()
    assert (first.score[until:] != second.score[until:]).all()


def test_a_recording_that_ends_earlier_is_judged_the_same_until_there(bundle: Bundle) -> None:
    whole = replay(SERIES, bundle, PROFILE)
    part = replay(without(SERIES, np.arange(600) >= 500), bundle, PROFILE)
    assert part.score.tobytes() == whole.score[:500].tobytes()
    assert part.alarm.tobytes() == whole.alarm[:500].tobytes()


def test_an_alarm_stands_from_when_the_alert_was_opened_until_it_was_ended(bundle: Bundle) -> None:
    said = replay(SERIES, bundle, PROFILE)
    expected = np.zeros(600, np.bool_)
    ends_ns = SERIES.time_ns + SECOND_NS
    for opened in (step for step in said.steps if step.sequence == 1):
        ended = [s.at_ns for s in said.steps if s.id == opened.id and s.state is State.RESOLVED]
        expected |= (ends_ns >= opened.at_ns) & (ends_ns < min(ended, default=2**62))
    assert said.alarm.tolist() == expected.tolist()
    assert {step.rule for step in said.steps} == {Rule.ANOMALY}
    assert 0 < said.alarm[400:].mean() < 1
    assert SERIES.label is not None
    assert said.alarm[SERIES.label].mean() > 0.5


def test_a_short_hole_costs_no_score_and_a_long_one_is_not_taken_for_normal(
    bundle: Bundle,
) -> None:
    rows = np.arange(600)
    said = replay(without(SERIES, (rows >= 300) & (rows < 303)), bundle, PROFILE)
    assert np.isfinite(said.score[LENGTH - 1 :]).all()
    said = replay(without(SERIES, (rows >= 300) & (rows < 320)), bundle, PROFILE)
    behind = slice(300, 300 + LENGTH - 1)
    assert np.isnan(said.score[behind]).all()
    assert (said.status[behind] == Status.WARMING_UP).all()
    assert np.isfinite(said.score[300 + LENGTH - 1 :]).all()


def test_rows_in_which_too_little_was_measured_are_unknown(bundle: Bundle) -> None:
    values = SERIES.values.copy()
    values[300:310] = np.nan
    values[400:500, 1:] = 1e31  # no sensor measures that
    said = replay(replace(SERIES, values=values), bundle, PROFILE)
    assert said.status[309] == Status.LOW_COVERAGE
    assert (said.status[420:500] == Status.LOW_COVERAGE).all()
    unknown = said.status != Status.OK
    assert np.isnan(said.score[unknown]).all()
    assert np.isnan(said.expected[unknown]).all()
    assert np.isfinite(said.score[~unknown]).all()


def test_of_rows_in_one_slot_the_last_one_has_the_score(bundle: Bundle) -> None:
    time_ns = SERIES.time_ns.copy()
    time_ns[300:] -= SECOND_NS // 2
    time_ns[301:] -= SECOND_NS // 2  # row 300 lies in the slot of row 299 or of row 301
    series = replace(SERIES, time_ns=time_ns)
    shared = int(np.flatnonzero(np.diff(time_ns // SECOND_NS) == 0)[0])
    said = replay(series, bundle, PROFILE)
    assert said.status[shared] == NO_WINDOW
    assert np.isnan(said.score[shared])
    assert (said.status[shared + 1 :] == Status.OK).all()


def test_what_was_said_last_still_stands_at_a_row_without_a_window(bundle: Bundle) -> None:
    time_ns = np.sort(np.r_[SERIES.time_ns, SERIES.time_ns + SECOND_NS // 4])
    twice = replace(SERIES, time_ns=time_ns, values=SERIES.values.repeat(2, axis=0), label=None)
    said, usual = replay(twice, bundle, PROFILE), replay(SERIES, bundle, PROFILE)
    assert (said.status[::2] == NO_WINDOW).all()
    assert said.score[1::2].tobytes() == usual.score.tobytes()
    assert said.alarm[1::2].tolist() == usual.alarm.tolist()
    assert said.alarm[2::2].tolist() == usual.alarm[:-1].tolist()


@pytest.mark.parametrize(
    "profile",
    [replace(PROFILE, channels=("flow", "level", "heat")), replace(PROFILE, assets=("pump-*",))],
)
def test_a_profile_that_is_for_others_is_refused(bundle: Bundle, profile: Profile) -> None:
    with pytest.raises(ValueError, match="plant-0: profile backtest is not for it"):
        replay(SERIES, bundle, profile)


def test_a_model_of_other_windows_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="train a new one"):
        replay(SERIES, bundle, replace(PROFILE, length=LENGTH + 1))
