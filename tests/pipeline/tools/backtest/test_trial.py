from dataclasses import fields, replace
from math import nan

import numpy as np
import pytest

from backtesting import small_series
from tocsin.core.profile import SECOND_NS
from tocsin.core.records import Rule, Severity, State, Transition
from tocsin.tools.backtest.series import Outcome, Series
from tocsin.tools.backtest.trial import (
    Figure,
    Trial,
    compare,
    judged_rows,
    list_alerts,
    measure_outcome,
)
from tocsin_models.metrics import Measures

SERIES = small_series()  # 600 rows, a second each; 400 to learn from, then two events of ten
NEEDS_LABELS = {each.name for each in fields(Measures)} - {"unknown"}


def said(rows: tuple[slice, ...] = (), score: float = 2.0, fit_s: float = 1.0) -> Outcome:
    """Return an outcome that is in alarm in these rows, and in all that were learned from."""
    scores = np.full(600, 0.1)
    for part in (slice(400), *rows):
        scores[part] = score
    return Outcome(scores, scores >= 1, fit_s=fit_s, judge_s=0.5)


def unlabelled(name: str = "plain") -> Series:
    return replace(SERIES, name=name, label=None)


def test_rows_that_were_learned_from_are_not_measured() -> None:
    assert judged_rows(SERIES) == slice(400, None)
    found = measure_outcome(SERIES, said())
    assert found["in_alarm"] == 0
    assert found["alarms_per_day"] == 0
    assert found["false_alarm_rate"] == 0
    assert found["event_recall"] == 0


def test_with_labels_there_are_all_measures() -> None:
    found = measure_outcome(SERIES, said((slice(493, 500), slice(520, 530))))
    assert set(found) >= NEEDS_LABELS
    assert found["event_recall"] == 0.5
    assert found["event_precision"] == 0.5
    assert found["delay_s"] == 3
    assert found["false_alarms_per_day"] == pytest.approx(86_400 / 200)
    assert found["alarms_per_day"] == pytest.approx(2 * 86_400 / 200)
    assert found["in_alarm"] == pytest.approx(17 / 200)
    assert found["unknown"] == 0


def test_without_labels_there_is_what_needs_none() -> None:
    outcome = said((slice(500, 510),))
    outcome.score[590:] = nan
    found = measure_outcome(unlabelled(), outcome)
    assert set(found) == {"alarms_per_day", "in_alarm", "unknown", "fit_s", "judge_s"}
    assert found["in_alarm"] == pytest.approx(0.05)
    assert found["unknown"] == pytest.approx(0.05)


def test_where_times_are_made_up_nothing_is_said_of_days_and_seconds() -> None:
    untimed = replace(SERIES, timed=False)
    found = measure_outcome(untimed, said((slice(490, 500), slice(520, 530))))
    assert np.isnan(
        [found["delay_s"], found["false_alarms_per_day"], found["alarms_per_day"]]
    ).all()
    assert found["event_recall"] == 0.5


def test_where_no_row_is_left_nothing_can_be_said() -> None:
    found = measure_outcome(replace(SERIES, train_rows=600), said())
    assert np.isnan([found["in_alarm"], found["alarms_per_day"], found["unknown"]]).all()


def test_a_mean_over_series_counts_every_series_once_however_many_seeds_it_has() -> None:
    trials = [
        Trial(unlabelled("a"), {"m": [said((slice(400, 420),)), said((slice(400, 440),))]}),
        Trial(unlabelled("b"), {"m": [said((slice(400, 500),))]}),
    ]
    figure = compare(trials)["m"]["in_alarm"]
    assert figure.series == {"a": pytest.approx(0.15), "b": pytest.approx(0.5)}
    assert figure.mean == pytest.approx(0.325)
    assert figure.se == pytest.approx(0.35 / 2)  # half of how far two lie apart


def test_of_one_series_the_error_is_that_over_its_seeds() -> None:
    runs = [said(fit_s=2.0), said(fit_s=4.0), said(fit_s=6.0)]
    figure = compare([Trial(SERIES, {"m": runs})])["m"]["fit_s"]
    assert figure == Figure(4.0, figure.se, {"plant-0": 4.0})
    assert figure.se == pytest.approx(2 / 3**0.5)
    once = compare([Trial(SERIES, {"m": runs[:1]})])["m"]["fit_s"]
    assert np.isnan(once.se)


def test_a_series_of_which_it_cannot_be_said_is_left_out_of_the_mean() -> None:
    trials = [
        Trial(SERIES, {"m": [said((slice(490, 500),))]}),
        Trial(unlabelled(), {"m": [said()]}),
    ]
    found = compare(trials)["m"]
    assert found["event_recall"].series == {"plant-0": 0.5}
    assert set(found["in_alarm"].series) == {"plant-0", "plain"}
    silent = compare([Trial(SERIES, {"m": [said()]})])["m"]["delay_s"]
    assert (np.isnan(silent.mean), silent.series) == (True, {})


def test_entrants_come_in_the_order_in_which_they_came_up() -> None:
    trials = [Trial(SERIES, {"b": [said()]}), Trial(SERIES, {"a": [said()], "b": [said()]})]
    assert list(compare(trials)) == ["b", "a"]


def step(row: int, began: int, state: State = State.OPEN) -> Transition:
    """Return what was said of an alert once ``row`` was judged."""
    at_ns, began_ns = (int(SERIES.time_ns[each]) + SECOND_NS for each in (row, began))
    number = 1 if state is State.OPEN else 2
    warning = Severity.WARNING
    return Transition(
        f"{began}", number, "plant-0", "p", Rule.ANOMALY, state, warning, began_ns, began_ns, at_ns
    )


def test_alerts_are_listed_that_stood_behind_what_was_learned_from() -> None:
    resolved = State.RESOLVED
    steps = [
        *(step(300, 300), step(400, 300, resolved)),  # over before the first row that counts
        *(step(390, 390), step(405, 390, resolved)),
        *(step(410, 410), step(450, 410, resolved)),
        step(500, 500),
    ]
    alerts = list_alerts(SERIES, replace(said(), steps=steps))
    assert [(a.opened_row, a.closed_row) for a in alerts] == [(390, 405), (410, 450), (500, None)]
    assert [a.last for a in alerts] == [steps[3], steps[5], steps[6]]


def test_an_alert_is_told_by_all_its_rows_even_while_it_stands() -> None:
    outcome = said((slice(500, 600),), score=1.5)
    outcome.score[560] = 9.0  # long after it opened
    blame = np.tile(np.array([1.0, 0.0, 0.0], np.float32), (600, 1))
    blame[540:] = (0.0, 0.25, 0.75)
    (alert,) = list_alerts(SERIES, replace(outcome, blame=blame, steps=[step(500, 500)]))
    assert alert.closed_row is None
    assert alert.score == 9.0
    assert [name for name, _ in alert.channels] == ["level", "flow", "heat"]


def test_an_alert_within_a_hole_has_no_rows_to_be_told_by() -> None:
    steps = [step(500, 500), step(505, 500, State.RESOLVED)]
    kept = np.r_[:499, 506:600]
    holed = replace(
        SERIES,
        time_ns=SERIES.time_ns[kept],
        values=SERIES.values[kept],
        label=None,
    )
    (alert,) = list_alerts(holed, replace(said(), score=np.ones(593), steps=steps))
    assert (alert.score, alert.channels) == (None, ())
