"""What the dashboards name exists in the schema, and is used as what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from grafana import Query, boards, example, queries
from influxql import Select, ShowTagValues, Token, parse
from tocsin.core.points import MEASUREMENTS

OF_NUMBERS = {
    "CEIL",
    "FLOOR",
    "MAX",
    "MEAN",
    "MEDIAN",
    "MIN",
    "NON_NEGATIVE_DERIVATIVE",
    "NON_NEGATIVE_DIFFERENCE",
    "PERCENTILE",
    "SUM",
    "TOP",
}
OF_ANYTHING = {"COUNT", "DISTINCT", "LAST"}
COMPARING = {"=", "!=", "<>", "<", "<=", ">", ">="}


@dataclass(frozen=True, slots=True)
class Known:
    """What a source has: its tags, and its fields with their kinds."""

    tags: frozenset[str]
    fields: Mapping[str, str]

    def kind(self, name: str) -> str:
        """Return tag, float or string.

        Raises:
            KeyError: if there is no such thing.
        """
        return "tag" if name in self.tags else self.fields[name]


def each_query() -> list[Any]:
    return [
        pytest.param(query, id=f"{name}: {query.place}")
        for name, board in boards().items()
        for query in queries(board)
    ]


@pytest.mark.parametrize("query", each_query())
def test_every_name_in_a_query_is_in_the_schema(query: Query) -> None:
    check(example(query))


@pytest.mark.parametrize(
    "wrong",
    [
        'SELECT "score" FROM "tocsin_scores"',
        'SELECT "scores" FROM "tocsin_score"',
        'SELECT max("asset") AS "a" FROM "tocsin_score"',
        'SELECT max("model") AS "a" FROM "tocsin_score"',
        'SELECT max("score") AS "a" FROM "tocsin_score" GROUP BY "model"',
        'SELECT "score" FROM "tocsin_score" WHERE "asset" > 1',
        'SELECT "score" FROM "tocsin_score" WHERE "score" = \'1\'',
        'SELECT "score" FROM "tocsin_score" WHERE "score" =~ /1/',
        'SELECT "b" FROM (SELECT max("score") AS "a" FROM "tocsin_score")',
        'SELECT "a" FROM (SELECT max("score") AS "a" FROM "tocsin_score") GROUP BY "asset"',
        'SHOW TAG VALUES FROM "tocsin_score" WITH KEY = "model"',
        'SELECT max("score") AS "a" FROM "tocsin_score" WHERE "channel" = \'x\'',
    ],
)
def test_a_wrong_name_is_noticed(wrong: str) -> None:
    with pytest.raises((KeyError, AssertionError)):
        check(wrong)


def check(query: str) -> None:
    statement = parse(query)
    if isinstance(statement, Select):
        check_select(statement)
    else:
        check_show(statement)


def check_show(statement: ShowTagValues) -> None:
    known = of_measurement(statement.source)
    assert statement.key in known.tags
    check_where(statement.where, known)


def check_select(select: Select) -> Known:
    """Check a query from the innermost out; return what it offers to the one around it."""
    inner = select.source
    known = check_select(inner) if isinstance(inner, Select) else of_measurement(inner)
    kinds = {column.name: column_kind(column.tokens, known) for column in select.columns}
    check_where(select.where, known)
    assert set(select.by) <= known.tags, f"{select.by} are not all tags"
    return Known(frozenset(select.by), kinds)


def of_measurement(name: str) -> Known:
    measurement = MEASUREMENTS[name]
    kinds = {name: field.kind for name, field in measurement.fields.items()}
    return Known(frozenset(measurement.tags), kinds)


def column_kind(tokens: Sequence[Token], known: Known) -> str:
    """Check one column; return whether it gives floats or strings."""
    names = [token.text for token in tokens if token.kind == "name"]
    calls = [
        token.text.upper()
        for token, after in pairwise(tokens)
        if token.kind == "word" and after.says("(")
    ]
    assert names, "a column names something"
    assert set(calls) <= OF_NUMBERS | OF_ANYTHING, f"{calls} are not all known functions"
    kinds = [known.kind(name) for name in names]
    if not calls and len(tokens) == 1:
        return "string" if kinds[0] == "tag" else kinds[0]
    fields = kinds[:1] if "TOP" in calls else kinds  # top(field, tag, N)
    assert "tag" not in fields, "functions take fields"
    if OF_NUMBERS.intersection(calls) or not calls:
        assert set(fields) == {"float"}, "numbers are made of numbers"
    return "float" if "COUNT" in calls else kinds[0]


def check_where(where: Sequence[Token], known: Known) -> None:
    """Check that names are compared with what they can be equal to."""
    for name, operator, value in zip(where, where[1:], where[2:], strict=False):
        if name.kind != "name":
            continue
        kind = known.kind(name.text)
        if operator.text in {"=~", "!~"}:
            assert value.kind == "regex"
            assert kind in {"tag", "string"}, f"{name.text} is no text"
        else:
            assert operator.text in COMPARING
            wanted = "number" if kind == "float" else "string"
            assert value.kind == wanted, f"{name.text} is compared with a {value.kind}"
