"""What the page gets of one series."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from backtesting import simulated_pump
from reporting import a_series, a_trial, an_outcome, labelled, small_trials
from tocsin.core.profile import suit_alerts
from tocsin.tools.backtest.hindsight import add_hindsight
from tocsin.tools.backtest.report.chapter import write_chapter
from tocsin.tools.backtest.report.levels import make_grid
from tocsin.tools.backtest.report.page import write_json
from tocsin.tools.backtest.trial import Trial

GRID = make_grid(suit_alerts(1))
PLENTY = 10_000_000


def written(trial: Trial, most_bytes: int = PLENTY) -> Any:
    return json.loads(write_json(write_chapter(trial, GRID, most_bytes)))


def test_rows_find_their_times_again() -> None:
    series = simulated_pump()
    calm = replace(an_outcome(rows=len(series.values)), blame=None)
    chapter = written(a_trial(series, calm=calm))
    slots = np.empty(len(series.values), np.int64)
    runs = [*chapter["runs"], [len(slots), 0]]
    for (row, slot), (end, _) in pairwise(runs):
        slots[row:end] = slot + np.arange(end - row)
    begin_ns, period_ns = int(chapter["begin_ms"] * 1e6), int(chapter["period_ms"] * 1e6)
    assert np.array_equal(begin_ns + slots * period_ns, series.time_ns // period_ns * period_ns)
    assert len(chapter["runs"]) > 2


def test_what_was_not_measured_and_what_has_no_score_is_null() -> None:
    series = a_series()
    series.values[7, 1] = np.nan
    score = np.full(100, 0.5)
    score[9] = np.nan
    chapter = written(a_trial(series, ours=an_outcome(score=score)))
    assert chapter["signals"][1]["measured"][7] is None
    assert chapter["said"]["ours"]["score"]["values"][9] is None
    assert chapter["said"]["ours"]["blame"]["cells"][0][9] is None
    assert chapter["said"]["ours"]["tally"]["unknown"] == pytest.approx(0)


def test_the_tally_is_of_the_judged_rows_alone() -> None:
    series = labelled((30, 35), (60, 70), (80, 84), train_rows=40)
    ours = an_outcome((10, 20), (63, 74), (90, 96))
    tally = written(a_trial(series, ours=ours))["said"]["ours"]["tally"]
    assert (tally["events"], tally["hits"], tally["false"], tally["alarms"]) == (2, 1, 1, 2)
    assert (tally["delay"], tally["false_rows"], tally["normal_rows"]) == (3, 10, 46)
    assert tally["in_alarm"] == pytest.approx(17 / 60)


def test_an_alarm_that_stood_before_its_event_is_told_from_one_that_it_raised() -> None:
    series = labelled((60, 70), (80, 84), (90, 95))
    ours = an_outcome((55, 62), (80, 82), (93, 94))
    tally = written(a_trial(series, ours=ours))["said"]["ours"]["tally"]
    assert (tally["hits"], tally["stood"], tally["delay"]) == (3, 1, 0)


def test_a_hole_is_no_part_of_a_delay() -> None:
    series = labelled((60, 70))
    series.time_ns[63:] += 3_600 * 10**9
    tally = written(a_trial(series, ours=an_outcome((65, 70))))["said"]["ours"]["tally"]
    assert tally["delay"] == 5


def test_rows_that_share_a_moment_are_counted_like_others() -> None:
    series = labelled((60, 70), (71, 80))
    series.time_ns[69:72] = series.time_ns[69] + np.arange(3)
    ours = an_outcome((65, 70), (71, 72))
    tally = written(a_trial(series, ours=ours))["said"]["ours"]["tally"]
    assert (tally["hits"], tally["false"], tally["alarms"]) == (2, 0, 2)


def test_a_series_that_was_learned_from_whole_has_nothing_to_tally() -> None:
    tally = written(a_trial(a_series(train_rows=100), ours=an_outcome()))["said"]["ours"]["tally"]
    assert (tally["in_alarm"], tally["unknown"], tally["alarms"]) == (None, None, 0)


@pytest.mark.parametrize("most_bytes", [150_000, 1_000_000])
def test_a_long_recording_keeps_to_its_bytes_and_its_alarms(most_bytes: int) -> None:
    rows = 60_000
    outcome = an_outcome((20_000, 20_001), (50_000, 50_400), rows=rows)
    trial = a_trial(a_series(rows, 30_000), ours=outcome, other=outcome)
    chapter = write_chapter(trial, GRID, most_bytes)
    assert len(write_json(chapter)) < most_bytes
    assert chapter["thinned"]
    said = chapter["said"]["ours"]
    assert said["alarms"].tolist() == [[20_000, 20_001], [50_000, 50_400]]
    shown = dict(zip(said["score"]["at"].tolist(), said["score"]["values"].tolist(), strict=True))
    assert shown[20_000] == 2.0


def test_of_a_recording_too_long_only_the_first_can_be_tried() -> None:
    rows = 60_000
    outcome = an_outcome(rows=rows)
    trial = a_trial(a_series(rows, 30_000), first=outcome, second=outcome)
    said = write_chapter(trial, GRID, 250_000)["said"]
    assert said["first"]["try"] is not None
    assert said["second"]["try"] is None


def test_a_model_says_what_it_expected_and_how_it_sees_windows() -> None:
    trial = small_trials()[0]
    chapter = written(trial)
    model, control = chapter["said"]["default"], chapter["said"]["t2-ewma"]
    expected = trial.outcomes["default"][0].expected
    assert expected is not None
    told = chapter["signals"][0]["expected"]
    assert told["default"][500] == pytest.approx(float(expected[500, 0]), rel=1e-4)
    assert set(told) == {"default"}
    rows, *places = (model["latent"][name] for name in ("row", "x", "y"))
    assert [len(each) for each in places] == [len(rows)] * 2
    assert len(rows) > 200
    assert min(rows) >= 15  # the first whole window ends there
    assert (control["latent"], control["blame"]) == (None, None)
    assert model["try"]["apart"] == 0
    assert model["try"]["rule"][:3] == [3, 5, 20]
    assert control["try"]["rule"] == [1, 1, 1, 0]


def test_what_looks_ahead_says_so_and_shows_what_it_expected() -> None:
    trial = add_hindsight(small_trials()[0])
    chapter = written(trial)
    ahead = {name: said["ahead"] for name, said in chapter["said"].items()}
    assert [name for name, flag in ahead.items() if flag] == ["default (hindsight)"]
    expected = trial.outcomes["default (hindsight)"][0].expected
    assert expected is not None
    told = chapter["signals"][0]["expected"]["default (hindsight)"]
    assert told[500] == pytest.approx(float(expected[500, 0]), rel=1e-4)
    said = chapter["said"]["default (hindsight)"]
    assert said["try"]["apart"] == 0
    assert said["try"]["rule"] == [1, 1, 1, 0]
    assert said["tail"]["fit"] is None  # the tail of the model is not that of averages
