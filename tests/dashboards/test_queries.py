"""Every query of every dashboard is asked of a real InfluxDB that the roles themselves filled."""

from collections.abc import Iterator
from typing import Any

import pytest

from filling import ASSETS
from grafana import (
    Board,
    Database,
    Query,
    Range,
    Series,
    boards,
    expected_columns,
    look,
    queries,
)
from tocsin.core.records import Status

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),  # the first one waits until the plant has run
]

BOARDS = boards()
FAULTY, ODD = ASSETS[1], ASSETS[-1]

NO_WINDOWS = -9
"""What the state of an interval is in which no window ended."""

Stage = tuple[Database, Range]


def each_query() -> Iterator[Any]:
    for name, board in BOARDS.items():
        for query in queries(board):
            yield pytest.param(board, query, id=f"{name}: {query.place}")


@pytest.mark.parametrize(("board", "query"), list(each_query()))
def test_a_query_finds_rows_with_the_columns_that_are_expected(
    board: Board, query: Query, filled: Stage
) -> None:
    view = look(board, *filled, {"asset": FAULTY})
    for scoped in view.repeats(query):
        answer = view.execute(query, **scoped)
        assert sum(len(series.values) for series in answer) > 0, view.render(query, **scoped)
        assert {tuple(series.columns) for series in answer} == {tuple(expected_columns(query))}


@pytest.mark.parametrize(
    "query",
    [each for each in queries(BOARDS["asset"]) if "tocsin_score" in each.text],
    ids=lambda query: query.place,
)
def test_an_asset_with_special_characters_in_its_name_is_found_as_well(
    query: Query, filled: Stage
) -> None:
    view = look(BOARDS["asset"], *filled, {"asset": ODD})
    assert rows(view.execute(query))


def test_choosing_some_channels_shows_those_and_no_other(filled: Stage) -> None:
    wanted = ["flow", "load"]
    view = look(BOARDS["asset"], *filled, {"asset": FAULTY, "channel": wanted})
    answer = view.execute(panel("asset", "Which channels are to blame"))
    assert sorted(series.tags["channel"] for series in answer) == wanted


def test_one_asset_is_in_alarm_and_the_other_one_is_not_any_more(filled: Stage) -> None:
    answer = look(BOARDS["fleet"], *filled).execute(panel("fleet", "Assets in alarm"))
    newest = {row["alert"]: row for row in rows(answer)}
    states = {row["asset"]: row["state"] for row in newest.values()}
    assert states[ODD] == "open"
    assert states[FAULTY] == "resolved"


def test_the_state_is_the_score_or_the_reason_why_there_is_none(filled: Stage) -> None:
    answer = look(BOARDS["fleet"], *filled).execute(panel("fleet", "How the assets are"))
    states = {series.tags["asset"]: [row[1] for row in series.values] for series in answer}
    assert sorted(states) == sorted(ASSETS)
    for values in states.values():
        shown = [value for value in values if value != NO_WINDOWS]
        assert shown[0] in {-Status.WARMING_UP, -Status.NO_MODEL}
        assert min(shown) >= -max(Status)
    assert max(states[FAULTY]) > 3


def test_an_asset_that_is_silent_is_not_shown_as_it_was_before(filled: Stage) -> None:
    database, within = filled
    later = Range(within.from_ms, within.to_ms + 30 * 60_000)
    before, after = (
        look(BOARDS["asset"], database, time, {"asset": FAULTY}) for time in (within, later)
    )
    for title in ("State", "Score", "Coverage"):
        assert before.execute(panel("asset", title))
        assert not after.execute(panel("asset", title))
    (series,) = after.execute(panel("asset", "State and model"))
    assert [row[1] for row in series.values[-5:]] == [NO_WINDOWS] * 5


def test_the_share_without_a_score_is_what_counting_says(filled: Stage) -> None:
    database, within = filled
    (share,) = rows(look(BOARDS["fleet"], *filled).execute(panel("fleet", "Windows not scored")))
    time = f"time >= {within.from_ms}ms AND time <= {within.to_ms}ms"
    counts = f'SELECT count("score") AS s, count("status") AS w FROM "tocsin_score" WHERE {time}'  # noqa: S608
    (count,) = rows(database.ask(counts))
    assert share["unscored"] == pytest.approx(1 - count["s"] / count["w"])


def test_the_share_above_the_limit_is_what_counting_says(filled: Stage) -> None:
    database, within = filled
    query = panel("learning", "Windows above the limit")
    (share,) = rows(look(BOARDS["learning"], *filled).execute(query))
    time = f"time >= {within.from_ms}ms AND time <= {within.to_ms}ms"
    above, scored = (
        rows(database.ask(f'SELECT count("score") AS n FROM "tocsin_score" WHERE {time}{more}'))  # noqa: S608
        for more in (' AND "score" >= 1', "")
    )
    assert share["above"] == pytest.approx(above[0]["n"] / scored[0]["n"])
    assert share["above"] > 0


def panel(board: str, title: str) -> Query:
    """Return the first query of a panel."""
    return next(each for each in queries(BOARDS[board]) if f" {title} " in each.place)


def rows(answer: list[Series]) -> list[dict[str, Any]]:
    return [
        dict(zip(series.columns, values, strict=True))
        for series in answer
        for values in series.values
    ]
