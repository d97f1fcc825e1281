from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtesting import small_series
from recordings import FAULT_ROW, ROWS, read_csv, real_recordings, write_sets
from tocsin.tools.backtest.controls import Always
from tocsin.tools.backtest.model import cut_lesson
from tocsin.tools.backtest.names import SETS
from tocsin.tools.backtest.protocols import (
    MEASURES,
    Worth,
    find_rule_limit,
    flag_by_rule,
    flag_windows,
    weigh,
)
from tocsin.tools.backtest.replay import profile_of
from tocsin.tools.backtest.series import Outcome
from tocsin.tools.backtest.sets import Entry, load_set
from tocsin_models.bundle import Bundle
from tocsin_models.learning import Recipe, train_bundle
from tocsin_models.metrics import RowCounts, vus_pr, vus_window
from tocsin_models.networks import NetworkPolicy
from tocsin_models.scoring import ScoringPolicy
from tocsin_models.training import TrainingPolicy

LENGTH = 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_sets(tmp_path)


def said(entry: Entry, first_alarm: int, last_alarm: int) -> Worth:
    """Return what one alarm over these rows is worth."""
    rows = np.arange(len(entry.series.values))
    alarm = (rows >= first_alarm) & (rows <= last_alarm)
    return weigh(entry, Outcome(alarm.astype(np.float64), alarm, fit_s=0, judge_s=0))


def only(folder: Path, name: str) -> Entry:
    return load_set(folder, name, read_csv)[0]


def official(folder: Path) -> tuple[Entry, Bundle, int]:
    """Return a series of SKAB's kind, a model of it with short spans, and what its scores cover."""
    entry = only(folder, "skab")
    lesson = cut_lesson(entry.series, profile_of(entry.series, LENGTH))
    policy = ScoringPolicy(spans=(1, 5))
    training = TrainingPolicy(epochs=2, batches=4)
    bundle = train_bundle(lesson, Recipe(NetworkPolicy(8, 3), training, scoring=policy))
    return entry, bundle, LENGTH + policy.spans[-1] - 1


@pytest.mark.parametrize("name", SETS)
def test_every_set_has_its_measures(folder: Path, name: str) -> None:
    worth = said(load_set(folder, name, read_csv)[-1], FAULT_ROW, ROWS - 1)

    expected = [each for each in MEASURES if name == "skab" or "official" not in each]
    assert list(worth.measures) == expected
    assert worth.unknown == 0


def test_alarms_in_the_rows_to_learn_from_do_not_count(folder: Path) -> None:
    entry = only(folder, "smd")

    assert said(entry, 0, 299).causal == RowCounts(missed=100, calm=200)
    assert said(entry, 0, 300).causal == RowCounts(false=1, missed=100, calm=199)


def test_every_row_of_tsb_counts() -> None:
    entry = Entry("tsb-ad-m", small_series(), first_row=0, vus_window=20)

    assert said(entry, 0, 399).causal == RowCounts(false=400, missed=20, calm=180)


@pytest.mark.parametrize(("name", "window"), [("tsb-ad-m", 20), ("smd", 31)])
def test_a_volume_is_that_of_the_files_own_window_or_of_the_rows_that_are_measured(
    folder: Path, name: str, window: int
) -> None:
    entry = only(folder, name)
    rows = slice(entry.first_row, None)
    assert entry.series.label is not None
    assert window in {entry.vus_window, vus_window(entry.series.values[rows, 0])}

    near = (np.arange(ROWS) >= FAULT_ROW - 8) & (np.arange(ROWS) < FAULT_ROW)

    expected = vus_pr(entry.series.label[rows], near[rows], window)
    assert said(entry, FAULT_ROW - 8, FAULT_ROW - 1).measures["vus_pr"] == expected
    assert vus_pr(entry.series.label[rows], near[rows], 125) != expected


def test_a_delay_is_in_seconds_where_somebody_knows_the_time(folder: Path) -> None:
    for name, delay_s in (("smd", 60 * 7), ("asd", 300 * 7), ("nab", 300 * 7), ("skab", 7)):
        found = said(only(folder, name), FAULT_ROW + 7, ROWS - 1).measures
        assert found["delay_s"] == delay_s
        assert found["false_alarms_per_day"] == 0


def test_what_cannot_be_said_is_none(folder: Path) -> None:
    untimed = said(only(folder, "smap-msl"), FAULT_ROW, ROWS - 1).measures
    faultless = said(load_set(folder, "tep", read_csv)[0], ROWS, ROWS).measures

    assert (untimed["delay_s"], untimed["false_alarms_per_day"]) == (None, None)
    assert untimed["event_f1"] == 1
    assert (faultless["vus_pr"], faultless["event_f1"], faultless["f1_causal"]) == (None,) * 3
    assert (faultless["far_causal"], faultless["false_alarms_per_day"]) == (0, 0)


def test_a_series_without_labels_cannot_be_measured() -> None:
    series = replace(small_series(), label=None)

    with pytest.raises(ValueError, match="plant-0: there are no labels"):
        weigh(Entry("smd", series, 400), Always().run(series, 0))


def test_the_official_rule_wants_every_window_that_covers_a_row() -> None:
    scores = np.full(200, 0.9)
    scores[100:150] = 1.001  # a window that ends at row e begins at e - 15

    flags = flag_windows(scores, 1.0, LENGTH)

    # row i is judged by windows that begin in i - 15 .. i - 1, which end in i .. i + 14
    assert np.flatnonzero(flags).tolist() == list(range(100, 136))


def test_windows_that_are_not_known_flag_nothing() -> None:
    assert not flag_windows(np.full(200, np.nan), 1.0, LENGTH).any()


def test_fewer_rows_than_a_window_are_not_flagged() -> None:
    assert flag_windows(np.full(LENGTH - 1, 9.0), 1.0, LENGTH).tolist() == [False] * (LENGTH - 1)


def test_a_model_of_windows_is_told_officially_by_all_that_a_score_speaks_of(folder: Path) -> None:
    entry, bundle, reach = official(folder)
    limit = find_rule_limit(entry.series, bundle, reach)
    score = np.where(np.arange(ROWS) < 450, 0.99, 1.01) * limit

    calm = np.zeros(ROWS, np.bool_)
    flags = flag_by_rule(entry, Outcome(score, calm, 0, 0, error=score, bundle=bundle))

    assert reach == LENGTH + 4
    assert (np.flatnonzero(flags) + 400).tolist() == list(range(450, ROWS - 2 * (reach - 1)))


def test_a_rule_that_waits_for_longer_than_an_alert_has_a_lower_limit(folder: Path) -> None:
    entry, bundle, reach = official(folder)

    assert 0 < find_rule_limit(entry.series, bundle, reach) < 1


def test_an_entrant_without_windows_is_told_officially_by_its_own_alarms(folder: Path) -> None:
    found = said(only(folder, "skab"), FAULT_ROW + 20, ROWS - 1)

    assert found.official == found.causal == RowCounts(hit=80, missed=20, calm=100)


@pytest.mark.integration
def test_to_be_always_in_alarm_gets_on_skab_what_is_known_of_it() -> None:
    worths = [
        weigh(each, Always().run(each.series, 0))
        for each in load_set(real_recordings(), "skab", read_csv)
    ]
    pooled = RowCounts()
    for worth in worths:
        assert worth.official is not None
        pooled += worth.official

    assert pooled.f1 == pytest.approx(0.6865, abs=5e-5)
    assert pooled.false_alarm_rate == 1
