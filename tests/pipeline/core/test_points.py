from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point

from alert_oracle import Seen, names_of, scores_of
from points_read import V2_ESCAPES, V3_ESCAPES, Parsed, parse
from tocsin.core.operations import FitReport, FitVerdict, RoleReport
from tocsin.core.points import (
    MEASUREMENTS,
    Lines,
    alert_lines,
    report_lines,
    score_lines,
    unwritable,
)
from tocsin.core.records import Check, Rule, Scores, Severity, State, Status, Transition

AnyPoint: Any = Point  # it has no types
SCHEMA = Path(__file__).parents[3] / "docs" / "schema.md"

OPENED = Transition(
    id="0123456789abcdef0123456789abcdef",
    sequence=1,
    asset="P-101",
    profile="pumps",
    rule=Rule.ANOMALY,
    state=State.OPEN,
    severity=Severity.WARNING,
    began_ns=1_000_000_000,
    opened_ns=3_000_000_000,
    at_ns=3_000_000_000,
    score=4.25,
    channels=(("vib,rms", 0.61), ("temp", 0.22)),
    model="m-7",
    summary='P-101 "deviates"\nup to 4.25 \\ mostly vib',
)
RESOLVED = replace(
    OPENED, sequence=2, state=State.RESOLVED, at_ns=9_000_000_000, resolved_ns=7_500_000_000
)
REFUSED = FitReport(
    "pumps",
    FitVerdict.REFUSED,
    at_ns=7_000_000_000,
    windows=900,
    left_out=12,
    seconds=1.25,
    text='The new model was not "good" enough.',
    version="v2",
    parent="v1",
    checks=(
        Check("weights", True, 0, 0, "All weights are finite."),  # noqa: FBT003
        Check("holdout", False, np.nan, np.inf, "It has no finite error."),  # noqa: FBT003
    ),
)


def windows(*rows: Seen) -> Scores:
    return scores_of(rows, names_of())


def parsed(found: Lines, measurement: str) -> list[Parsed]:
    points = [parse(line, V2_ESCAPES) for line in found.lines]
    return [point for point in points if point.measurement == measurement]


def test_a_scored_window_is_a_point_at_its_end() -> None:
    (point,) = parsed(score_lines(windows(Seen("P-101", 64_000, 4.2))), "tocsin_score")
    assert point.tags == {"asset": "P-101", "profile": "pumps"}
    assert point.fields == {
        "coverage": 1.0,
        "error": 5.25,
        "model": "m1",
        "score": 4.2,
        "status": 0.0,
    }
    assert point.time_ns == 64_000


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.OK])
def test_a_window_without_a_score_is_a_point_with_its_status_and_never_a_score(
    status: Status,
) -> None:
    (point,) = parsed(score_lines(windows(Seen("P-101", 64, 0.0, status=status))), "tocsin_score")
    assert point.fields == {"coverage": 1.0, "model": "m1", "status": float(status)}


def test_a_window_without_a_model_names_none() -> None:
    scores = replace(windows(Seen("P-101", 64, 0.0, status=Status.NO_MODEL)), model="")
    (point,) = parsed(score_lines(scores), "tocsin_score")
    assert "model" not in point.fields


def test_every_channel_of_a_window_is_a_point() -> None:
    points = parsed(score_lines(windows(Seen("P-101", 64, 4.2))), "tocsin_channel")
    assert [point.tags for point in points] == [
        {"asset": "P-101", "channel": channel, "profile": "pumps"}
        for channel in ("flow", "heat", "vibration")
    ]
    assert points[0].fields == {"blame": 0.5, "coverage": 1.0, "expected": 2.0, "measured": 2.5}


def test_what_was_not_measured_is_left_out_and_a_point_with_nothing_too() -> None:
    scores = windows(Seen("P-101", 64, 0.0, status=Status.WARMING_UP))
    scores.measured[0] = [np.nan, 3.0, np.inf]
    scores.coverage[0] = [0.0, 0.5, np.nan]
    first, second = parsed(score_lines(scores), "tocsin_channel")
    assert first.fields == {"coverage": 0.0}
    assert second.fields == {"coverage": 0.5, "measured": 3.0}


def test_scores_keep_all_their_bits() -> None:
    score = 0.1 + 0.2
    (point,) = parsed(score_lines(windows(Seen("P-101", 64, score))), "tocsin_score")
    assert (point.fields["score"], point.fields["error"]) == (score, score * 1.25)


def test_no_windows_make_no_lines() -> None:
    assert score_lines(windows()) == Lines()


def test_a_name_that_cannot_be_written_is_named_and_its_points_are_counted() -> None:
    found = score_lines(windows(Seen("bad\n1", 64, 1.0), Seen("P-1", 64, 1.0), Seen("", 64, 1.0)))
    assert {parse(line, V2_ESCAPES).tags["asset"] for line in found.lines} == {"P-1"}
    assert set(found.rejects) == {"bad\n1", ""}
    assert (len(found.lines), found.dropped) == (4, 8)


def test_a_channel_that_cannot_be_written_costs_its_own_points_only() -> None:
    scores = replace(windows(Seen("P-1", 64, 1.0)), channels=("flow", "he\tat", "vibration"))
    found = score_lines(scores)
    assert (set(found.rejects), len(found.lines), found.dropped) == ({"he\tat"}, 3, 1)


def test_a_profile_that_cannot_be_written_costs_all() -> None:
    found = score_lines(replace(windows(Seen("P-1", 64, 1.0)), profile="pumps\\"))
    assert (set(found.rejects), found.lines, found.dropped) == ({"pumps\\"}, [], 4)


def test_a_step_of_an_alert_is_a_point_at_its_time() -> None:
    (line,) = alert_lines([OPENED]).lines
    point = parse(line, V2_ESCAPES)
    assert (point.measurement, point.time_ns) == ("tocsin_alert", OPENED.at_ns)
    assert point.tags == {
        "asset": "P-101",
        "profile": "pumps",
        "rule": "anomaly",
        "severity": "warning",
        "state": "open",
    }
    assert point.fields == {
        "alert": OPENED.id,
        "began_ms": 1000.0,
        "opened_ms": 3000.0,
        "score": 4.25,
        "sequence": 1.0,
        "tags": "anomaly,warning,open,vib rms,temp",
        "text": 'P-101 "deviates" up to 4.25 \\ mostly vib',
        "title": "P-101: anomaly",
    }


def test_an_alert_that_is_over_is_an_episode_from_its_first_sign_to_its_end() -> None:
    found = alert_lines([RESOLVED])
    (step,) = parsed(found, "tocsin_alert")
    assert (step.tags["state"], step.fields["resolved_ms"]) == ("resolved", 7500.0)
    (episode,) = parsed(found, "tocsin_episode")
    assert (episode.time_ns, episode.fields["time_end_ms"]) == (RESOLVED.began_ns, 7500.0)
    assert episode.fields["tags"] == "anomaly,warning,vib rms,temp"


def test_a_silence_has_no_score() -> None:
    silent = replace(OPENED, rule=Rule.SILENT, score=None, channels=(), model="")
    (point,) = parsed(alert_lines([silent]), "tocsin_alert")
    assert "score" not in point.fields
    assert point.fields["tags"] == "silent,warning,open"


def test_an_alert_of_an_asset_that_cannot_be_written_is_counted() -> None:
    found = alert_lines([replace(RESOLVED, asset="a\r"), OPENED])
    assert (len(found.lines), found.dropped, set(found.rejects)) == (1, 2, {"a\r"})


def test_a_report_of_a_role_is_a_point_at_its_time_with_the_numbers_it_has() -> None:
    numbers = {"lines": 7, "uptime_s": 1.5, "lag_entries": np.nan, "no_field": 1.0}
    (line,) = report_lines(RoleReport("host 1", "sink", 64, numbers)).lines
    assert line == rb"tocsin_role,instance=host\ 1,role=sink lines=7.0,uptime_s=1.5 64"


def test_a_report_without_numbers_is_no_point() -> None:
    assert report_lines(RoleReport("h", "sink", 64, {"no_field": 1.0})) == Lines()


def test_a_fit_is_a_point_at_the_time_of_the_log_and_each_of_its_checks_too() -> None:
    model, weights, holdout = [parse(line, V2_ESCAPES) for line in report_lines(REFUSED).lines]
    assert (model.measurement, model.time_ns) == ("tocsin_model", REFUSED.at_ns)
    assert model.tags == {"profile": "pumps", "verdict": "refused"}
    assert model.fields == {
        "left_out": 12.0,
        "parent": "v1",
        "seconds": 1.25,
        "tags": "pumps,refused",
        "text": REFUSED.text,
        "title": "pumps: refused v2",
        "version": "v2",
        "windows": 900.0,
    }
    assert weights.tags == {"check": "weights", "profile": "pumps"}
    assert (weights.fields["bound"], weights.fields["value"]) == (0.0, 0.0)
    assert (weights.fields["passed"], weights.fields["version"]) == (1.0, "v2")
    assert (holdout.measurement, holdout.time_ns) == ("tocsin_check", REFUSED.at_ns)
    assert holdout.fields == {"passed": 0.0, "text": "It has no finite error.", "version": "v2"}


def test_a_fit_that_learned_nothing_names_no_version() -> None:
    failed = replace(REFUSED, profile="a,b", verdict=FitVerdict.FAILED, version="", parent="")
    model = parse(report_lines(replace(failed, checks=())).lines[0], V2_ESCAPES)
    assert (model.fields["title"], model.fields["tags"]) == ("a,b: failed", "a b,failed")
    assert not {"version", "parent"} & set(model.fields)


def test_a_report_with_a_name_that_cannot_be_written_is_counted() -> None:
    found = report_lines(RoleReport("bad\n", "sink", 64, {"lines": 1.0}))
    assert (found.lines, found.dropped, set(found.rejects)) == ([], 1, {"bad\n"})
    check = replace(REFUSED.checks[0], name="")
    found = report_lines(replace(REFUSED, checks=(check, REFUSED.checks[1])))
    assert (len(found.lines), found.dropped, set(found.rejects)) == (2, 1, {""})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("a\nb", "control"),
        ("a\tb", "control"),
        ("a\x00", "control"),
        ("a\x85b", "control"),
        ("ends\\", "backslash"),
        ("a\\,b", "backslash"),
        ("a\\=b", "backslash"),
        ("a\\ b", "backslash"),
        ("a\\\\b", "backslash"),
        ("x" * 257, "longer"),
        ("é" * 129, "longer"),
        ("\ud800", "Unicode"),
    ],
)
def test_a_name_that_not_every_influxdb_reads_back_is_not_written(name: str, reason: str) -> None:
    assert reason in unwritable(name)


@pytest.mark.parametrize(
    "name", ["P-101", "a b", "a,b=c", 'say "x"', "é" * 128, "C:\\plant\\7", "#1", "true", "1i"]
)
def test_odd_names_are_written(name: str) -> None:
    assert unwritable(name) == ""


hostile = st.text(st.sampled_from('ab,= \\"#é\n\t\x7f\u2028'), max_size=6) | st.text(max_size=300)


@settings(deadline=None, max_examples=100)
@given(hostile, hostile, hostile)
def test_what_is_written_is_read_back_by_every_influxdb(
    asset: str, profile: str, channel: str
) -> None:
    scores = windows(Seen(asset, 64, 1.5))
    found = score_lines(replace(scores, profile=profile, channels=(channel, "b", "c")))
    assert len(found.lines) + found.dropped == 4
    for line in found.lines:
        for escapes in (V2_ESCAPES, V3_ESCAPES):
            point = parse(line, escapes)
            assert point.tags["asset"] == asset
            assert point.tags["profile"] == profile
            assert point.tags.get("channel") in (None, channel, "b", "c")
    assert found.dropped == 0 or set(found.rejects) <= {asset, profile, channel}


@settings(deadline=None, max_examples=100)
@given(hostile, hostile, st.floats())
def test_alerts_are_read_back_with_their_words(asset: str, summary: str, score: float) -> None:
    step = replace(OPENED, asset=asset, summary=summary, score=score)
    for line in alert_lines([step]).lines:
        for escapes in (V2_ESCAPES, V3_ESCAPES):
            point = parse(line, escapes)
            assert point.tags["asset"] == asset
            assert len(str(point.fields["text"])) == len(summary)
            assert point.fields.get("score") == (score if isfinite(score) else None)


@settings(deadline=None, max_examples=100)
@given(
    st.text("abz09-_./ ,=é", min_size=1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])),
)
def test_ordinary_names_are_written_as_the_client_library_writes_them(
    asset: str, score: float, summary: str
) -> None:
    step = replace(OPENED, asset=asset, score=score, summary=summary)
    (line,) = alert_lines([step]).lines
    read = parse(line, V2_ESCAPES)
    point: Any = AnyPoint("tocsin_alert").time(step.at_ns)
    for name, value in read.tags.items():
        point.tag(name, value)
    for key, field in read.fields.items():
        point.field(key, field)
    theirs, ours = point.to_line_protocol(), line.decode()
    assert parse(theirs.encode(), V2_ESCAPES) == read
    assert theirs.split(" alert=")[0] == ours.split(" alert=")[0]
    assert theirs.split(",text=")[1] == ours.split(",text=")[1]


def test_the_same_in_gives_the_same_bytes() -> None:
    rows = (Seen("P-2", 64, 1 / 3), Seen("P-1", 64, 2.0), Seen("P-2", 128, 0.1))
    assert score_lines(windows(*rows)).lines == score_lines(windows(*rows)).lines
    alone = [line for row in rows for line in score_lines(windows(row)).lines]
    assert sorted(score_lines(windows(*rows)).lines) == sorted(alone)


def test_every_point_is_of_the_schema() -> None:
    good, bad = Seen("P-1", 64, 1.0), Seen("P-1", 128, 1.0, status=Status.ERROR)
    silent = replace(RESOLVED, rule=Rule.SILENT, score=None, channels=())
    lines = score_lines(windows(good, bad)).lines + alert_lines([OPENED, RESOLVED, silent]).lines
    numbers = dict.fromkeys(MEASUREMENTS["tocsin_role"].fields, 1.0)
    for report in (RoleReport("h", "sink", 64, numbers), REFUSED):
        lines += report_lines(report).lines
    used: dict[str, set[str]] = {}
    for line in lines:
        point = parse(line, V2_ESCAPES)
        schema = MEASUREMENTS[point.measurement]
        assert tuple(point.tags) == schema.tags
        assert list(point.fields) == sorted(point.fields)
        for name, value in point.fields.items():
            assert isinstance(value, str) == (schema.fields[name].kind == "string")
        used.setdefault(point.measurement, set()).update(point.fields)
    assert used == {name: set(schema.fields) for name, schema in MEASUREMENTS.items()}


def test_no_name_is_both_a_tag_and_a_field() -> None:
    for schema in MEASUREMENTS.values():
        assert len(schema.tags) <= 8
        assert not set(schema.tags) & set(schema.fields)


def described() -> str:
    """Return the schema as the documentation shows it."""
    parts = []
    for name, schema in MEASUREMENTS.items():
        tags = ", ".join(f"`{tag}`" for tag in schema.tags)
        rows = [
            f"| `{field}` | {what.kind} | {what.unit} | {what.meaning} |"
            for field, what in schema.fields.items()
        ]
        table = ["| field | type | unit | meaning |", "| --- | --- | --- | --- |", *rows]
        parts.append(
            "\n".join([f"### `{name}`", "", schema.meaning, "", f"Tags: {tags}.", "", *table])
        )
    return "\n\n".join(parts)


def test_the_documentation_describes_this_schema() -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    begin, end = "<!-- schema begins -->\n\n", "\n\n<!-- schema ends -->"
    assert text.split(begin)[1].split(end)[0] == described()


def test_the_documentation_names_every_status() -> None:
    told = SCHEMA.read_text(encoding="utf-8").split("## Status")[1].split("##")[0]
    assert [f"| {status.value} |" in told for status in Status] == [True] * len(Status)
