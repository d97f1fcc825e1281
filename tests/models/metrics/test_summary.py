from dataclasses import FrozenInstanceError, asdict

import numpy as np
import pytest

from tocsin_models.metrics import (
    EventPolicy,
    MeasurePolicy,
    auc_pr,
    mark_rows,
    measure,
    raise_alarms,
    vus_pr,
)

ROWS = 4_320  # half a day of 10 s
LABEL = mark_rows([(1_000, 1_100), (3_000, 3_050)], ROWS)
ALARM = mark_rows([(10, 20), (1_030, 1_040), (4_000, 4_001)], ROWS)
SCORE = np.where(ALARM, 2.0, np.linspace(0, 0.9, ROWS))
POLICY = MeasurePolicy(period_s=10, vus_window=40)


def undefined(**measures: float) -> set[str]:
    return {name for name, value in measures.items() if np.isnan(value)}


def test_the_measures_of_a_series() -> None:
    found = measure(LABEL, SCORE, ALARM, POLICY)

    assert found.vus_pr == vus_pr(LABEL, SCORE, 40)
    assert found.auc_pr == auc_pr(LABEL, SCORE)
    assert found.event_precision == pytest.approx(1 / 3)
    assert found.event_recall == pytest.approx(1 / 2)
    assert found.event_f1 == pytest.approx(0.4)
    assert found.delay_s == 300
    assert found.false_alarms_per_day == pytest.approx(4)
    assert found.false_alarm_rate == pytest.approx(11 / (ROWS - 150))
    assert found.unknown == 0


def test_measures_cannot_be_changed() -> None:
    found = measure(LABEL, SCORE, ALARM, POLICY)

    with pytest.raises(FrozenInstanceError):
        found.vus_pr = 1.0  # type: ignore[misc]


def test_without_abnormal_rows_only_false_alarms_can_be_said() -> None:
    found = measure(np.zeros(ROWS), SCORE, ALARM, POLICY)

    assert undefined(**asdict(found)) == {
        *("vus_pr", "auc_pr", "event_f1", "event_precision", "event_recall", "delay_s")
    }
    assert found.false_alarms_per_day == pytest.approx(6)


def test_with_abnormal_rows_only_nothing_can_be_ranked() -> None:
    found = measure(np.ones(ROWS), SCORE, ALARM, POLICY)

    assert undefined(**asdict(found)) == {"vus_pr", "auc_pr", "false_alarm_rate"}
    assert (found.event_recall, found.delay_s, found.false_alarms_per_day) == (1, 100, 0)


def test_without_alarms_nothing_is_found_and_nothing_is_false() -> None:
    found = measure(LABEL, SCORE, np.zeros(ROWS), POLICY)

    assert undefined(**asdict(found)) == {"event_precision", "delay_s"}
    assert (found.event_f1, found.event_recall, found.false_alarms_per_day) == (0, 0, 0)


def test_an_alarm_without_end_is_given_away_by_its_false_alarm_rate() -> None:
    found = measure(LABEL, SCORE, np.ones(ROWS), POLICY)

    assert (found.event_f1, found.false_alarms_per_day) == (1, 0)
    assert found.false_alarm_rate == 1


def test_without_a_period_rows_have_no_seconds_and_no_days() -> None:
    found = measure(LABEL, SCORE, ALARM)

    assert undefined(**asdict(found)) == {"delay_s", "false_alarms_per_day"}


def test_unknown_scores_raise_nothing_and_their_share_is_told() -> None:
    score = SCORE.copy()
    score[1_030:1_040] = np.nan

    found = measure(LABEL, score, raise_alarms(score, 1.0), POLICY)

    assert found.unknown == pytest.approx(10 / ROWS)
    assert found.event_recall == 0
    assert found.vus_pr < vus_pr(LABEL, SCORE, 40)


def test_a_score_of_unknowns_only_is_worth_as_much_as_a_constant() -> None:
    nothing = np.full(ROWS, np.nan)

    found = measure(LABEL, nothing, raise_alarms(nothing, 1.0), POLICY)

    assert found.unknown == 1
    assert found.auc_pr == pytest.approx(150 / ROWS)
    assert found.vus_pr == vus_pr(LABEL, np.zeros(ROWS), 40)


def test_the_policy_of_events_is_kept() -> None:
    policy = MeasurePolicy(period_s=10, events=EventPolicy(bridge=3_990))

    assert measure(LABEL, SCORE, ALARM, policy).event_f1 == 1


def test_no_rows_are_no_error_and_no_measure() -> None:
    assert undefined(**asdict(measure([], [], [], POLICY))) == set(asdict(measure([], [], [])))


def test_lengths_that_differ_are_refused_with_all_three() -> None:
    with pytest.raises(ValueError, match="label has 2, score has 3, alarm has 1"):
        measure([0, 1], [0.0, 1.0, 2.0], [1])


@pytest.mark.parametrize("period_s", [0, -1, float("nan"), float("inf")])
def test_periods_that_are_none_are_refused(period_s: float) -> None:
    with pytest.raises(ValueError, match="period above 0 s"):
        MeasurePolicy(period_s=period_s)
