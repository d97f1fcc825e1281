"""The table of all entrants."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reporting import a_series, a_trial, an_outcome, labelled
from tocsin.tools.backtest.report.table import make_table
from tocsin.tools.backtest.trial import Trial, compare

SERIES = labelled((60, 70))
ALL = an_outcome((0, 100))


def row_of(trials: list[Trial], name: str) -> dict[str, dict[str, Any]]:
    """Return an entrant's cells by the paper's name of the measure."""
    table = make_table(trials)
    cells = next(row["cells"] for row in table["rows"] if row["name"] == name)
    return {c["term"]: cell for c, cell in zip(table["columns"], cells, strict=True)}


def test_the_figures_are_those_of_the_comparison() -> None:
    trials = [a_trial(SERIES, ours=[an_outcome((62, 70)), an_outcome((66, 70), (90, 92))])]
    figures, row = compare(trials)["ours"], row_of(trials, "ours")
    assert row["event recall"]["mean"] == figures["event_recall"].mean == 1.0
    assert row["of events found"]["mean"] == figures["delay_s"].mean == 4.0
    assert row["of events found"]["se"] == pytest.approx(2.0)
    weekly = figures["false_alarms_per_day"].mean * 7
    assert row["met no event"]["mean"] == pytest.approx(weekly)
    assert weekly == pytest.approx(0.5 * 604_800 / 60)


def test_the_best_is_marked_among_those_who_say_something() -> None:
    trials = [a_trial(SERIES, always=ALL, quick=an_outcome((60, 70)), slow=an_outcome((65, 70)))]
    delay = {name: row_of(trials, name)["of events found"] for name in ("always", "quick", "slow")}
    assert [cell["best"] for cell in delay.values()] == [False, True, False]
    assert delay["always"]["mean"] == 0.0
    assert [row["mute"] for row in make_table(trials)["rows"]] == [True, False, False]


def test_what_looks_ahead_is_marked_and_nobodys_best() -> None:
    ahead = replace(an_outcome((60, 70)), looks_ahead=True)
    late, later = an_outcome((63, 70)), an_outcome((65, 70))
    trials = [a_trial(SERIES, late=late, later=later, ahead=ahead)]
    names = ("ahead", "late", "later")
    delays = [row_of(trials, name)["of events found"] for name in names]
    assert [cell["mean"] for cell in delays] == [0.0, 3.0, 5.0]
    assert [cell["best"] for cell in delays] == [False, True, False]
    assert [row["ahead"] for row in make_table(trials)["rows"]] == [False, False, True]


def test_a_race_that_all_have_won_has_no_winner() -> None:
    trials = [a_trial(SERIES, always=ALL, one=an_outcome((60, 70)), other=an_outcome((60, 65)))]
    table = make_table(trials)
    recall = [row["cells"][0] for row in table["rows"]]
    assert table["columns"][0]["term"] == "event recall"
    assert [cell["best"] for cell in recall] == [False, False, False]


def test_who_found_nothing_is_not_the_best_at_finding() -> None:
    trials = [a_trial(SERIES, calm=an_outcome(), wrong=an_outcome((80, 90)))]
    rows = {name: row_of(trials, name) for name in ("calm", "wrong")}
    assert np.isnan(rows["calm"]["event precision"]["mean"])
    assert rows["wrong"]["event precision"]["mean"] == 0
    assert not any(row["event precision"]["best"] for row in rows.values())
    assert rows["calm"]["met no event"]["best"]  # no false alarm is less than one


def test_what_cannot_be_said_is_nobodys_best() -> None:
    trials = [a_trial(SERIES, calm=an_outcome(), wrong=an_outcome((80, 90)))]
    delays = [row_of(trials, name)["of events found"] for name in ("calm", "wrong")]
    assert all(np.isnan(cell["mean"]) for cell in delays)
    assert not any(cell["best"] for cell in delays)


def test_without_labels_the_table_says_how_often_it_rings() -> None:
    table = make_table([a_trial(a_series(), ours=an_outcome((50, 56)))])
    assert table["labelled"] == 0
    columns, cells = table["columns"], table["rows"][0]["cells"]
    values = {c["title"]: cell["mean"] for c, cell in zip(columns, cells, strict=True)}
    assert values == {
        "Alarms a week": pytest.approx(604_800 / 60),
        "Time in alarm": pytest.approx(0.1),
        "Rows without a score": 0.0,
    }


def test_without_times_nothing_is_said_of_weeks() -> None:
    titles = [c["title"] for c in make_table([a_trial(a_series(timed=False), ours=ALL)])["columns"]]
    assert titles == ["Time in alarm", "Rows without a score"]
