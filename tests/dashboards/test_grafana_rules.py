"""`grafana` replaces what Grafana replaces, as Grafana does."""

import pytest

from grafana import ALL, Chosen, Query, Range, Value, expected_columns, render

HOUR_MS = 3_600_000
SIX_HOURS = Range(1_000, 1_000 + 6 * HOUR_MS)


def rendered(text: str, **chosen: Chosen) -> str:
    return render(Query("", "panel", text), SIX_HOURS, chosen)


@pytest.mark.parametrize(
    ("value", "multi", "written"),
    [
        ("pump-1", False, "/^pump-1$/"),
        ("pump (4)/b", False, r"/^pump \(4\)\/b$/"),
        (["a"], True, "/^a$/"),
        (["a.b", "c"], True, r"/^(a\.b|c)$/"),
        (ALL, True, "/^.*$/"),
    ],
)
def test_the_format_regex_matches_a_value_literally(
    value: Value,
    multi: bool,  # noqa: FBT001
    written: str,
) -> None:
    chosen = Chosen(value, multi, all_value=".*", options=["a.b", "c"])
    assert rendered("/^${asset:regex}$/", asset=chosen) == written


def test_without_a_format_the_place_decides_how_one_value_is_written() -> None:
    odd = Chosen("a.b", multi=False)
    assert rendered("x =~ /^$asset$/", asset=odd) == r"x =~ /^a\.b$/"
    assert rendered("x = '$asset'", asset=odd) == "x = 'a.b'"
    assert rendered("x = '$asset'", asset=Chosen("a.b", multi=True)) == r"x = 'a\.b'"


def test_all_without_a_value_of_its_own_is_every_option() -> None:
    chosen = Chosen(ALL, multi=True, options=["a", "b"])
    assert rendered("/^${asset:regex}$/", asset=chosen) == "/^(a|b)$/"


def test_a_raw_variable_is_written_as_it_is_and_may_limit_the_interval() -> None:
    query = Query("", "panel", "- ${step:raw} $__interval", least="$step")
    chosen = {"step": Chosen("10m", multi=False)}
    assert render(query, SIX_HOURS, chosen) == "- 10m 10m"


def test_macros_stand_for_the_time_range_and_the_interval() -> None:
    text = "$timeFilter $__interval $__interval_ms ${__from} ${__to}ms"
    assert rendered(text) == ("time >= 1000ms and time <= 21601000ms 20s 20000 1000 21601000ms")


@pytest.mark.parametrize(
    ("hours", "points", "least_ms", "interval_ms"),
    [
        (6, 1_000, 1_000, 20_000),
        (1, 1_000, 1, 5_000),
        (1, 1_000, 10_000, 10_000),
        (24, 100, 1, 900_000),
    ],
)
def test_the_interval_is_a_round_one(
    hours: int, points: int, least_ms: int, interval_ms: int
) -> None:
    assert Range(0, hours * HOUR_MS).interval_ms(points, least_ms) == interval_ms


def test_the_columns_are_the_names_that_the_query_gives() -> None:
    text = 'SELECT max("score") AS "worst", "asset" FROM "tocsin_score" WHERE $timeFilter'
    assert expected_columns(Query("", "panel", text)) == ["time", "worst", "asset"]


def test_a_column_that_the_database_would_name_is_refused() -> None:
    text = 'SELECT max("score") FROM "tocsin_score" WHERE $timeFilter'
    with pytest.raises(ValueError, match="AS"):
        expected_columns(Query("", "panel", text))
