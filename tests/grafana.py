"""Asks an InfluxDB what Grafana would ask for the dashboards, variables and macros replaced alike.

The rules are those of Grafana 13 and its InfluxDB data source:

* variables: `interpolateQueryExpr` in https://github.com/grafana/grafana-influxdb-datasource
  (src/datasource.ts), formats in
  https://grafana.com/docs/grafana/latest/visualizations/dashboards/variables/variable-syntax/ ;
  what stands for "All" of a variable is not formatted;
* macros: `Build` in the same repository (pkg/influxdb/models/query.go);
* intervals: `calculateInterval` in https://github.com/grafana/grafana
  (packages/grafana-data/src/datetime/rangeutil.ts);
* requests: `createRequest` in the data source (pkg/influxdb/influxql/influxql.go).
"""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import influxql

FOLDER = Path(__file__).parents[1] / "dashboards" / "json"
ALL = "$__all"
PANEL_WIDTH = 1_000
"""Points that a panel has room for, unless it says how many it wants."""

Board = Mapping[str, Any]
Value = str | Sequence[str]

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?:\.[^:}]+)?(?::([^}]+))?\}")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")
_NUMBER = re.compile(r"\s*[-+]?(\d|\.\d|Infinity)")  # what JavaScript's parseFloat can begin with
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LADDER_MS = (  # from which width on, which interval
    (0, 1), (10, 10), (15, 20), (35, 50), (75, 100), (150, 200), (350, 500), (750, 1_000),
    (1_500, 2_000), (3_500, 5_000), (7_500, 10_000), (12_500, 15_000), (17_500, 20_000),
    (25_000, 30_000), (45_000, 60_000), (90_000, 120_000), (210_000, 300_000),
    (450_000, 600_000), (750_000, 900_000), (1_050_000, 1_200_000), (1_500_000, 1_800_000),
    (2_700_000, 3_600_000), (5_400_000, 7_200_000), (9_000_000, 10_800_000),
    (16_200_000, 21_600_000), (32_400_000, 43_200_000), (86_400_000, 86_400_000),
    (604_800_000, 604_800_000),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Range:
    """A time range of a dashboard."""

    from_ms: int
    to_ms: int

    def interval_ms(self, most_points: int, least_ms: int) -> int:
        """Return ``$__interval`` for a panel with room for ``most_points``."""
        width_ms = (self.to_ms - self.from_ms) / most_points
        index = bisect_right(_LADDER_MS, (width_ms, float("inf"))) - 1
        return max(_LADDER_MS[index][1], least_ms)


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a dashboard.

    Attributes:
        place: where it stands, for people.
        kind: panel, variable or annotation.
        text: as it stands there.
        table: whether the panel wants a table, not series.
        alias: how its series are called.
        least: least ``$__interval``; may be a variable.
        most_points: room of the panel.
        repeat: the variable that the panel is repeated by, "" if none.
    """

    place: str
    kind: str
    text: str
    table: bool = False
    alias: str = ""
    least: str = "1s"  # jsonData.timeInterval of the data source
    most_points: int = PANEL_WIDTH
    repeat: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer; times are milliseconds."""

    name: str
    tags: Mapping[str, str]
    columns: Sequence[str]
    values: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Database:
    """An InfluxDB of version 1.8, 2 or 3, as the data source knows it."""

    url: str
    name: str
    token: str = field(repr=False)

    def ask(self, query: str) -> list[Series]:
        """Return what the database answers.

        Raises:
            ValueError: if it does not accept the query; the message has both.
        """
        where = urllib.parse.urlencode({"db": self.name, "epoch": "ms"})
        request = urllib.request.Request(  # noqa: S310 - http to a server of ours
            f"{self.url}/query?{where}",
            urllib.parse.urlencode({"q": query}).encode(),
            {"Authorization": f"Token {self.token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                (result,) = json.loads(answer.read())["results"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{error.read().decode()}: {query}") from None
        if "error" in result:
            raise ValueError(f"{result['error']}: {query}")
        return [
            Series(each["name"], each.get("tags", {}), each["columns"], each["values"])
            for each in result.get("series", ())
        ]


def boards() -> dict[str, Board]:
    """Return every dashboard by the name of its file."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(board: Board) -> Iterator[Mapping[str, Any]]:
    """Give every panel, those in collapsed rows too, but not the rows."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def variables(board: Board) -> list[Mapping[str, Any]]:
    """Return the variables that are asked for, in their order."""
    return [each for each in board["templating"]["list"] if each["type"] == "query"]


def queries(board: Board) -> list[Query]:
    """Return every query of every variable, annotation and panel."""
    found = [
        Query(f"variable {each['name']}", "variable", each["query"]) for each in variables(board)
    ]
    found += [
        Query(f"annotation {each['name']}", "annotation", each["target"]["query"])
        for each in board["annotations"]["list"]
    ]
    for panel in panels(board):
        found += [
            Query(
                f"panel {panel['id']} {panel['title']} {target['refId']}",
                "panel",
                target["query"],
                target["resultFormat"] == "table",
                target.get("alias", ""),
                panel.get("interval", "1s"),
                panel.get("maxDataPoints", PANEL_WIDTH),
                panel.get("repeat", ""),
            )
            for target in panel["targets"]
        ]
    return found


def expected_columns(query: Query) -> list[str]:
    """Return the columns that the answer must have, tags that it is grouped by aside."""
    return influxql.parse(example(query)).names()


def example(query: Query) -> str:
    """Return the query with something in the place of every macro and variable."""
    found = _VARIABLE.finditer(f"{query.text} {query.least}")
    names = {match[1] or match[2] for match in found} - {"timeFilter"}
    chosen = {name: Chosen("1m", multi=False) for name in names if not name.startswith("__")}
    return render(query, Range(0, 1), chosen)


def duration_ms(text: str) -> int:
    """Return the milliseconds of a duration like 10s."""
    found = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text)
    if found is None:
        raise ValueError(f"{text!r} is no duration")
    return int(found[1]) * _UNITS_MS[found[2]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is chosen of a variable: one value, several, or `ALL`."""

    value: Value
    multi: bool
    all_value: str = ""
    options: Sequence[str] = ()


def render(query: Query, within: Range, chosen: Mapping[str, Chosen]) -> str:
    """Return what Grafana sends for ``query``: InfluxQL, and nothing else."""
    text = _VARIABLE.sub(lambda match: _replace(match, within, chosen, query.text), query.text)
    least = _VARIABLE.sub(lambda match: _replace(match, within, chosen, query.least), query.least)
    interval_ms = within.interval_ms(query.most_points, duration_ms(least))
    time = f"time >= {within.from_ms}ms and time <= {within.to_ms}ms"
    for macro, value in (
        ("$timeFilter", time),
        ("$interval", _shortest(interval_ms)),
        ("$__interval_ms", str(interval_ms)),
        ("$__interval", _shortest(interval_ms)),
    ):
        text = text.replace(macro, value)
    return text


def _replace(match: re.Match[str], within: Range, chosen: Mapping[str, Chosen], query: str) -> str:
    name, form = match[1] or match[2], match[3]
    if name in {"__from", "__to"}:
        return str(within.from_ms if name == "__from" else within.to_ms)
    if name not in chosen:
        return match[0]
    here = chosen[name]
    if here.value == ALL and here.all_value:
        return here.all_value
    value = here.options if here.value == ALL else here.value
    if form == "raw" and isinstance(value, str):
        return value
    if form == "regex":
        return _alternatives([value] if isinstance(value, str) else value)
    if form:
        raise ValueError(f"no format {form!r} is known here")
    return _interpolate(value, here, in_regex=_stands_in_regex(match, query))


def _interpolate(value: Value, chosen: Chosen, *, in_regex: bool) -> str:
    """Return a value without a format, as the data source writes it."""
    if isinstance(value, str):
        plain = _NUMBER.match(value) or not (chosen.multi or in_regex)
        return value if plain else escape(value)
    return f"({'|'.join(map(escape, value))})"


def _alternatives(values: Sequence[str]) -> str:
    if len(values) == 1:
        return escape(values[0])
    return f"({'|'.join(map(escape, values))})"


def _stands_in_regex(match: re.Match[str], query: str) -> bool:
    return re.search(r"[=!]~\s*/[^/]*$", query[: match.start()]) is not None


def escape(value: str) -> str:
    """Return ``value`` for a regular expression that it is to match literally."""
    return _SPECIAL.sub(r"\\\g<0>", value)


def _shortest(interval_ms: int) -> str:
    """Return an interval in the largest unit that fits, rounded down, as Grafana does."""
    for unit in ("d", "h", "m", "s"):
        if interval_ms >= _UNITS_MS[unit]:
            return f"{interval_ms // _UNITS_MS[unit]}{unit}"
    return f"{interval_ms}ms"


@dataclass(frozen=True, slots=True)
class View:
    """A dashboard as somebody looks at it: a database, a time range and chosen variables."""

    database: Database
    within: Range
    chosen: Mapping[str, Chosen]

    def execute(self, query: Query, **scoped: str) -> list[Series]:
        """Ask the database; ``scoped`` are the variables that a panel is repeated for."""
        return self.database.ask(self.render(query, **scoped))

    def render(self, query: Query, **scoped: str) -> str:
        """Return what Grafana sends."""
        own = {name: Chosen(value, multi=self.chosen[name].multi) for name, value in scoped.items()}
        return render(query, self.within, {**self.chosen, **own})

    def repeats(self, query: Query) -> list[dict[str, str]]:
        """Return the variables of every copy of the panel; one copy without any if not repeated."""
        if not query.repeat:
            return [{}]
        here = self.chosen[query.repeat]
        values = here.options if here.value == ALL else here.value
        return [
            {query.repeat: value} for value in ([values] if isinstance(values, str) else values)
        ]


def look(
    board: Board, database: Database, within: Range, wanted: Mapping[str, Value] | None = None
) -> View:
    """Open a dashboard: its variables are asked for in order, each within those before it.

    A variable that is not in ``wanted`` is at All, or else at its first value.

    Raises:
        ValueError: if there is nothing to choose from.
    """
    chosen = {
        each["name"]: Chosen(
            (wanted or {}).get(each["name"], each["current"]["value"]), multi=False
        )
        for each in board["templating"]["list"]
        if each["type"] == "custom"
    }
    for variable in variables(board):
        name = variable["name"]
        query = Query(f"variable {name}", "variable", variable["query"])
        options = options_of(database.ask(render(query, within, chosen)))
        if not options:
            raise ValueError(f"there is nothing to choose from for {name}")
        default = ALL if variable["includeAll"] else options[0]
        value = (wanted or {}).get(name, default)
        chosen[name] = Chosen(value, variable["multi"], variable.get("allValue", ""), options)
    return View(database, within, chosen)


def options_of(answer: Sequence[Series]) -> list[str]:
    """Return what a variable offers, sorted: the second column, each value once."""
    return sorted({str(row[1]) for series in answer for row in series.values})
