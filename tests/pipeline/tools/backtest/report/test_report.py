"""A report is one file."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reporting import a_series, a_trial, an_outcome, labelled, small_trials
from tocsin.tools.backtest.hindsight import add_hindsight
from tocsin.tools.backtest.report import ReportPolicy, write_report
from tocsin.tools.backtest.trial import Trial


def content_of(path: Path) -> Any:
    inside = r'<script type="application/json" id="content">(.*?)</script>'
    found = re.search(inside, path.read_text())
    assert found
    return json.loads(found[1])


def test_equal_trials_give_equal_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    write_report(small_trials(), one)
    write_report(list(small_trials()), other)
    assert one.read_bytes() == other.read_bytes()
    assert 5_000_000 < one.stat().st_size < 6_000_000


def test_the_report_is_about_the_first_of_our_models(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    trial = small_trials()[0]
    turned = Trial(trial.series, dict(reversed(list(trial.outcomes.items()))))
    write_report([turned], path)
    assert content_of(path)["first"] == "default"
    write_report([a_trial(a_series(), one=an_outcome(), two=an_outcome())], path)
    assert content_of(path)["first"] == "one"


def test_the_report_is_never_about_what_looks_ahead(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    trial = add_hindsight(small_trials()[0])
    ahead_first = sorted(trial.outcomes, reverse=True, key=lambda name: "hindsight" in name)
    assert ahead_first[0] == "default (hindsight)"
    write_report([Trial(trial.series, {each: trial.outcomes[each] for each in ahead_first})], path)
    assert content_of(path)["first"] == "default"


def test_of_too_many_series_the_first_are_shown_and_the_table_has_all(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    trials = [a_trial(a_series(name=f"s{at}"), ours=an_outcome()) for at in range(4)]
    write_report(trials, path, ReportPolicy(most_series=3))
    content = content_of(path)
    assert [each["name"] for each in content["chapters"]] == ["s0", "s1", "s2"]
    assert (content["left_out"], content["table"]["series"]) == (1, 4)


def test_many_series_that_never_calm_down_still_make_a_file_that_opens(tmp_path: Path) -> None:
    path, rows = tmp_path / "report.html", 5_000
    rings = an_outcome(*[(at, at + 1) for at in range(0, rows, 5)], rows=rows)
    series = a_series(rows, 2_500)
    trials = [a_trial(series, one=rings, two=rings)] * 12
    write_report(trials, path, ReportPolicy(most_bytes=1_200_000))
    assert path.stat().st_size < 6_200_000  # 5 MB of it are plotly's
    assert content_of(path)["chapters"][11]["said"]["two"]["incidents"]["left_out"] > 900


def test_who_refused_is_named_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    refused = Trial(a_series(name="short"), {}, {"default": "too few rows"})
    partly = Trial(labelled((50, 60)), {"ours": [an_outcome()]}, {"default": "no rows"})
    write_report([refused, partly], path)
    content = content_of(path)
    assert content["silent"] == [{"name": "short", "refusals": {"default": "too few rows"}}]
    assert content["chapters"][0]["refusals"] == {"default": "no rows"}


def test_without_an_outcome_there_is_nothing_to_report(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    with pytest.raises(ValueError, match="no entrant said anything"):
        write_report([Trial(a_series(), {}, {"default": "no"})], path)
    assert not path.exists()
