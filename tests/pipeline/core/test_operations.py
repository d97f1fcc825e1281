from dataclasses import replace
from math import inf, isfinite, isnan, nan

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from points_read import V3_ESCAPES, parse
from tocsin.core.operations import (
    FitReport,
    FitVerdict,
    RoleReport,
    decode_report,
    describe_fit,
    encode_report,
)
from tocsin.core.points import MEASUREMENTS, report_lines
from tocsin.core.records import Check

ROLE = RoleReport("plant-7", "detect", 1_700_000_000_123_456_789, {"records": 12.0, "windows": 3.5})
GOOD = Check("weights", True, 0.0, 0.0, "All weights are finite.")  # noqa: FBT003
BAD = Check("champion", False, 0.5, 0.25, "The error of 0.5 is too large.")  # noqa: FBT003
FIT = FitReport(
    "pump",
    FitVerdict.REFUSED,
    1_700_000_000_000_000_000,
    windows=900,
    left_out=7,
    seconds=1.5,
    text="The new model was not good enough.",
    version="3f2a",
    parent="11aa",
    checks=(GOOD, BAD),
)
FAILED = FitReport("pump", FitVerdict.FAILED, 5, windows=0, left_out=0, seconds=0.5, text="None.")


@pytest.mark.parametrize("report", [ROLE, FIT, FAILED], ids=["role", "fit", "failed"])
def test_a_report_comes_back_as_it_was(report: RoleReport | FitReport) -> None:
    assert decode_report(encode_report(report)) == report


def test_the_same_report_has_the_same_bytes_and_is_json_that_others_can_read() -> None:
    raw = msgspec.json.decode(encode_report(ROLE))
    assert encode_report(ROLE) == encode_report(replace(ROLE))
    assert raw == {
        "kind": "role",
        "instance": "plant-7",
        "role": "detect",
        "at_ns": ROLE.at_ns,
        "numbers": {"records": 12.0, "windows": 3.5},
    }


def test_numbers_of_a_role_that_are_not_finite_do_not_travel() -> None:
    odd = replace(ROLE, numbers={"records": 1.0, "lag_entries": nan, "windows": inf})
    assert decode_report(encode_report(odd)) == replace(ROLE, numbers={"records": 1.0})


def test_numbers_of_a_check_that_are_not_finite_come_back_as_nothing_measured() -> None:
    odd = replace(FIT, checks=(replace(GOOD, value=nan, bound=inf),))
    back = decode_report(encode_report(odd))
    assert isinstance(back, FitReport)
    (check,) = back.checks
    assert isnan(check.value)
    assert isnan(check.bound)
    assert (check.name, check.passed, check.sentence) == ("weights", True, GOOD.sentence)


FIT_JSON = encode_report(FIT)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"kind": "tale"}',
        b'{"kind": []}',
        b'{"kind": "role", "instance": "h"}',
        b'{"kind": "role", "instance": "h", "role": "sink", "at_ns": 1.5, "numbers": {}}',
        b'{"kind": "role", "instance": "h", "role": "sink", "at_ns": 1, "numbers": {"a": true}}',
        b'{"kind": "role", "instance": "h", "role": "sink", "at_ns": 1, "numbers": {"a": 1e999}}',
        b'{"a": ' * 100_000,
        FIT_JSON.replace(b"refused", b"forgotten"),
        FIT_JSON.replace(b"900", b"-1"),
        FIT_JSON.replace(b"900", b"9" * 400),
        FIT_JSON.replace(b'"checks":[', b'"checks":[7,'),
        FIT_JSON.replace(b'"checks":[', b'"checks":["ab",'),
        FIT_JSON.replace(b'"weights"', b"null"),
        FIT_JSON.replace(b'"checks":', b'"checks":null,"more":'),
    ],
)
def test_what_is_no_report_is_said_to_be_none(value: bytes) -> None:
    with pytest.raises(ValueError, match="not a report"):
        decode_report(value)


def test_what_a_later_version_says_besides_is_passed_over() -> None:
    later = encode_report(ROLE).replace(b'{"kind"', b'{"mood":"good","kind"')
    assert decode_report(later) == ROLE


def test_a_fit_is_told_with_its_reasons() -> None:
    checks = (GOOD, BAD)
    assert describe_fit(FitVerdict.REFUSED, checks) == (
        "The new model was not good enough. The error of 0.5 is too large."
    )
    assert describe_fit(FitVerdict.PROMOTED, (GOOD,)) == (
        "The new model scores from now on. All weights are finite."
    )
    assert describe_fit(FitVerdict.FAILED, (), "training: record for longer") == (
        "Nothing was learned. Training: record for longer."
    )


names = st.text(max_size=12)
fields = st.sampled_from([*MEASUREMENTS["tocsin_role"].fields, "odd"])
numbers = st.dictionaries(fields, st.floats())
times = st.integers(-(1 << 63), (1 << 63) - 1)
counts = st.integers(0, (1 << 63) - 1)
checks = st.builds(Check, names, st.booleans(), st.floats(), st.floats(), names)
reports = st.builds(RoleReport, names, names, times, numbers) | st.builds(
    FitReport,
    names,
    st.sampled_from(FitVerdict),
    times,
    counts,
    counts,
    st.floats(0, 1e6),
    names,
    names,
    names,
    st.lists(checks, max_size=3).map(tuple),
)


@settings(deadline=None, max_examples=200)
@given(reports)
def test_every_report_becomes_points_of_the_schema_and_nothing_but_finite_numbers(
    report: RoleReport | FitReport,
) -> None:
    back = decode_report(encode_report(report))
    found = report_lines(back)
    assert found == report_lines(report)
    for line in found.lines:
        point = parse(line, V3_ESCAPES)
        schema = MEASUREMENTS[point.measurement]
        assert tuple(point.tags) == schema.tags
        assert point.time_ns == report.at_ns
        for name, value in point.fields.items():
            assert isinstance(value, str) == (schema.fields[name].kind == "string")
            assert isinstance(value, str) or isfinite(value)
