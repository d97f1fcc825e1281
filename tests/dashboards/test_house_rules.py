"""What every dashboard has to be: readable, of one kind, and free of anything hard-wired."""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise
from typing import Any

import pytest

from grafana import Board, Query, boards, example, panels, queries
from influxql import Select, parse
from tocsin.core.points import MEASUREMENTS
from tocsin.core.profile import AlertPolicy
from tocsin.core.records import Status

BOARDS = boards()
UIDS = {name: f"tocsin-{name}" for name in ("asset", "fleet", "learning", "operations")}
STEP = r"- \$\{step:raw\}"
LOOKS_BACK = re.compile(
    r"WHERE time <= \$\{__to\}ms AND time > \$\{__to\}ms "
    rf"(- 7d|- 30d|{STEP} {STEP} {STEP}) AND "
)
GREYS = re.compile(r"#(?P<r>[0-9a-f]{2})(?P<g>[0-9a-f]{2})(?P<b>[0-9a-f]{2})")
REASONS = [status for status in Status if status is not Status.OK]

every_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())


def each_panel() -> Iterator[Any]:
    for name, board in BOARDS.items():
        for panel in panels(board):
            yield pytest.param(panel, id=f"{name}: {panel['title']}")


every_panel = pytest.mark.parametrize("panel", list(each_panel()))


def within(value: Any) -> Iterator[Any]:
    """Give a value of JSON and everything in it."""
    yield value
    if isinstance(value, Mapping):
        for each in value.values():
            yield from within(each)
    elif isinstance(value, list):
        for each in value:
            yield from within(each)


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in within(value) if isinstance(each, Mapping))


def selects(query: Query) -> list[Select]:
    """Return the query and those within it, from the outermost in."""
    found = parse(example(query))
    nest = []
    while isinstance(found, Select):
        nest.append(found)
        found = found.source  # type: ignore[assignment]
    return nest


def panel_queries(panel: Mapping[str, Any]) -> list[Query]:
    alone = {"panels": [panel], "templating": {"list": []}, "annotations": {"list": []}}
    return queries(alone)


def test_there_are_four_dashboards_with_the_names_that_others_link_to() -> None:
    assert {name: board["uid"] for name, board in BOARDS.items()} == UIDS


@every_board
def test_a_dashboard_is_like_the_others(board: Board) -> None:
    assert board["schemaVersion"] == 42
    assert (board["tags"], board["editable"]) == (["tocsin"], False)
    assert board["time"] == {"from": "now-6h", "to": "now"}
    assert (board["refresh"], board["timezone"]) == ("10s", "browser")
    assert "id" not in board
    assert board["title"].startswith("Tocsin / ")
    assert board["description"].endswith(".")


@every_board
def test_a_dashboard_leads_to_the_others_with_time_and_variables(board: Board) -> None:
    (link,) = board["links"]
    assert (link["type"], link["tags"]) == ("dashboards", ["tocsin"])
    assert link["keepTime"]
    assert link["includeVars"]


@every_board
def test_the_data_source_is_the_chosen_one_everywhere(board: Board) -> None:
    chooser = board["templating"]["list"][0]
    assert (chooser["type"], chooser["query"]) == ("datasource", "influxdb")
    sources = [each["datasource"] for each in objects(board) if "datasource" in each]
    assert all(each == {"type": "influxdb", "uid": "${datasource}"} for each in sources)
    fixed = ("datasource", "custom")
    asking = [each for each in objects(board) if "query" in each and each.get("type") not in fixed]
    named = [each for each in asking if "datasource" in each]
    assert len(named) + len(board["annotations"]["list"]) == len(asking)


@every_board
def test_panels_have_numbers_of_their_own_and_do_not_overlap(board: Board) -> None:
    placed = board["panels"]
    assert len({panel["id"] for panel in placed}) == len(placed)
    places = [panel["gridPos"] for panel in placed]
    for place in places:
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        assert place["h"] >= 1
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, f"{one} overlaps {other}"


@every_board
def test_no_room_is_left_between_panels(board: Board) -> None:
    cells = {
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }
    repeated = [panel["gridPos"] for panel in board["panels"] if panel.get("repeat")]
    last = min([place["y"] for place in repeated], default=max(y for _, y in cells) + 1)
    assert {(x, y) for x in range(24) for y in range(last)} <= cells


@every_panel
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: Mapping[str, Any]) -> None:
    assert panel["title"]
    assert re.fullmatch(r"[A-Z].{20,}\.", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]


@every_board
def test_titles_are_told_apart(board: Board) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)


@every_board
def test_variables_are_defined_and_used(board: Board) -> None:
    defined = [each["name"] for each in board["templating"]["list"]]
    texts = [each for each in within(board) if isinstance(each, str)]
    used = {
        name
        for text in texts
        for name in re.findall(r"\$\{?(\w+)", text)
        if not name.startswith("__") and name != "timeFilter" and not name.startswith("tag_")
    }
    assert used - {"col"} == set(defined)
    assert len(set(defined)) == len(defined)


@every_board
def test_a_variable_asks_only_for_those_before_it(board: Board) -> None:
    before = {"datasource"}
    for variable in board["templating"]["list"]:
        asked = set(re.findall(r"\$\{(\w+):", variable["query"])) - {"__to"}
        assert asked <= before
        before.add(variable["name"])
        if variable["type"] != "custom":
            assert variable["refresh"] == (1 if variable["type"] == "datasource" else 2)


def each_query() -> Iterator[Any]:
    for name, board in BOARDS.items():
        for query in queries(board):
            yield pytest.param(query, id=f"{name}: {query.place}")


@pytest.mark.parametrize("query", list(each_query()))
def test_a_query_is_bounded_in_time_and_safe_for_any_name(query: Query) -> None:
    bounded = "$timeFilter" in query.text or LOOKS_BACK.search(query.text)
    assert bounded or query.text.startswith("SHOW TAG VALUES")
    if query.kind == "annotation":
        assert "WHERE $timeFilter" in query.text
    for name, form in re.findall(r"\$\{(\w+)(:\w+)?\}", query.text):
        assert form == {"__to": "", "step": ":raw"}.get(name, ":regex")
    assert re.findall(r"=~ (?!/\^\$\{\w+:regex\}\$/)\S*", query.text) == []


@every_panel
def test_what_is_missing_is_not_shown_as_zero(panel: Mapping[str, Any]) -> None:
    """Zeros are filled in only where the query, or the panel, tells them from measured ones."""
    for query in panel_queries(panel):
        for outer, inner in pairwise([None, *selects(query)]):
            assert inner is not None
            if not inner.by_time or inner.fill == "none":
                continue
            assert inner.fill == "0"
            if outer is None:
                assert "no report" in str(panel["fieldConfig"]["defaults"]["mappings"])
            else:
                said = [*outer.where, *outer.columns[0].tokens]
                assert "windows" in [token.text for token in said]


@every_panel
def test_links_lead_to_an_asset_at_a_time(panel: Mapping[str, Any]) -> None:
    links = [each["url"] for each in objects(panel) if "url" in each]
    for link in links:
        path, _, arguments = link.partition("?")
        assert path == f"/d/{UIDS['asset']}"
        assert arguments.startswith("${datasource:queryparam}&var-asset=")
        assert re.search(r"&time=\$\{[^}]+\}&time\.window=\d+$", arguments)
    by_asset = any(
        "asset" in [*outer.by, *outer.names()]
        for outer in (selects(query)[0] for query in panel_queries(panel))
    )
    shows_rows = panel["type"] in {"table", "state-timeline"}
    assert bool(links) == (by_asset and shows_rows)


@every_panel
def test_reasons_for_no_score_are_told_in_grey(panel: Mapping[str, Any]) -> None:
    words = told_statuses()
    state = any('"score" - "status"' in query.text for query in panel_queries(panel))
    mappings = panel["fieldConfig"]["defaults"]["mappings"]
    values = {
        value: shown
        for mapping in mappings
        if mapping["type"] == "value"
        for value, shown in mapping["options"].items()
    }
    if not state:
        return
    nothing = values.pop("-9")
    assert (nothing["text"], nothing["color"]) == ("no windows", "transparent")
    assert {value: shown["text"] for value, shown in values.items()} == {
        str(-status): words[status] for status in REASONS
    }
    assert all(is_grey(shown["color"]) for shown in values.values())
    assert len({shown["color"] for shown in values.values()}) == len(REASONS)
    assert panel["fieldConfig"]["defaults"]["color"]["mode"] == "fixed"
    assert is_grey(panel["fieldConfig"]["defaults"]["color"]["fixedColor"])


def told_statuses() -> dict[Status, str]:
    """Return what the schema calls each status."""
    meaning = MEASUREMENTS["tocsin_score"].fields["status"].meaning
    found = dict(re.findall(r"(\d) ([^,]+)", meaning))
    return {status: found[str(int(status))] for status in Status}


def is_grey(color: str) -> bool:
    found = GREYS.fullmatch(color)
    levels = [int(part, 16) for part in found.groups()] if found else [0, 255]
    return max(levels) - min(levels) < 16


@pytest.mark.parametrize("board", ["fleet", "operations"])
def test_windows_are_counted_for_every_status_by_its_name(board: str) -> None:
    panel = next(each for each in panels(BOARDS[board]) if each["title"] == "Windows by status")
    told = {query.text: selects(query)[0].names()[1] for query in panel_queries(panel)}
    for (text, name), (status, word) in zip(told.items(), told_statuses().items(), strict=True):
        assert f'"status" = {int(status)}' in text
        assert name == word


@every_panel
def test_scores_are_colored_at_the_limit_and_where_alerts_are_critical(
    panel: Mapping[str, Any],
) -> None:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    of_scores = [query for query in panel_queries(panel) if '("score"' in query.text]
    shown = [step["value"] for step in steps if step["value"] is not None]
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if of_scores and unit == "none" and panel["type"] in {"stat", "timeseries", "bargauge"}:
        mapped = panel["fieldConfig"]["defaults"]["mappings"]
        assert mapped or shown == [1, AlertPolicy().critical_score]
    ranges = [each["options"] for each in objects(panel) if each.get("type") == "range"]
    critical = [each for each in ranges if each["result"]["text"] == "critical"]
    assert all(each["from"] == AlertPolicy().critical_score for each in critical)


@every_panel
def test_columns_that_a_panel_speaks_of_are_there(panel: Mapping[str, Any]) -> None:
    there = set(shown_columns(panel))
    for override in panel["fieldConfig"]["overrides"]:
        name, regex = override["matcher"]["options"], override["matcher"]["id"] == "byRegexp"
        pattern = name.strip("/") if regex else f"^{re.escape(name)}$"
        assert any(re.search(pattern, each) for each in there), f"{name} is none of {there}"
    for order in panel["options"].get("sortBy", ()):
        assert order["displayName"] in there
    for url in (each["url"] for each in objects(panel) if "url" in each):
        for column in re.findall(r"__data\.fields\.(\w+)", url):
            assert column in there
    only = panel["options"].get("reduceOptions", {}).get("fields", "")
    assert any(re.search(only.strip("/"), each) for each in there)


def shown_columns(panel: Mapping[str, Any]) -> list[str]:
    """Return what the columns or series of a panel are called, after its transformations."""
    found: list[str] = []
    for query in panel_queries(panel):
        select = selects(query)[0]
        if query.table:
            found += ["Time", *select.by, *select.names()[1:]]
        else:
            alias = re.sub(r"\$tag_\w+", "x", query.alias)
            found += [alias.replace("$col", name) for name in select.names()[1:]]
    for step in panel.get("transformations", ()):
        found = transformed(found, step["id"], step["options"])
    return found


def transformed(columns: list[str], step: str, options: Mapping[str, Any]) -> list[str]:
    if step == "groupBy":
        assert set(options["fields"]) <= set(columns), f"{columns}"
        return [
            name if how["operation"] == "groupby" else f"{name} ({how['aggregations'][0]})"
            for name, how in options["fields"].items()
        ]
    if step == "filterByValue":
        assert {each["fieldName"] for each in options["filters"]} <= set(columns)
        return columns
    assert step == "organize"
    names, hidden = options["renameByName"], options["excludeByName"]
    assert set(columns) == set(names) | set(hidden), "every column has its place, or is hidden"
    return [names[name] for name in columns if name not in hidden]
