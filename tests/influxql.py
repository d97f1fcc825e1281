"""Reads the InfluxQL of the dashboards: what is selected, from where, and under which names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:\\.|[^'\\])*')
  | (?P<name>"(?:\\.|[^"\\])*")
  | (?P<regex>(?<=~)/(?:\\.|[^/\\])*/|(?<=~\ )/(?:\\.|[^/\\])*/)
  | (?P<number>\d+(?:\.\d+)?(?:ns|u|ms|s|m|h|d|w)?)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<mark>=~|!~|<=|>=|!=|<>|[-+*/%=<>(),.])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query; ``text`` is without the quotes."""

    kind: str  # string, name, regex, number, word or mark
    text: str

    def says(self, word: str) -> bool:
        """Tell whether this is a keyword or a mark."""
        return self.kind in {"word", "mark"} and self.text.upper() == word


@dataclass(frozen=True, slots=True)
class Column:
    """What is selected: its tokens, and the name that it is given."""

    tokens: tuple[Token, ...]
    alias: str

    @property
    def bare(self) -> bool:
        """Whether it is a field or a tag as it stands."""
        return len(self.tokens) == 1

    @property
    def name(self) -> str:
        """The name of the column in the answer.

        Raises:
            ValueError: if the database would make one up.
        """
        if self.alias or self.bare:
            return self.alias or self.tokens[0].text
        raise ValueError("give what is computed a name, with AS")


@dataclass(frozen=True, slots=True)
class Select:
    """``SELECT columns FROM source WHERE where GROUP BY time(..), by fill(..)``."""

    columns: tuple[Column, ...]
    source: "str | Select"
    where: tuple[Token, ...]
    by: tuple[str, ...]
    by_time: bool
    fill: str

    def names(self) -> list[str]:
        """Return the columns of the answer, tags that it is grouped by aside."""
        found = ["time"]
        for column in self.columns:
            found.append(column.name)
            if column.tokens[0].says("TOP"):  # top(field, tag, N) gives the tag, too
                found += [token.text for token in column.tokens[1:] if token.kind == "name"][1:]
        return found


@dataclass(frozen=True, slots=True)
class ShowTagValues:
    """``SHOW TAG VALUES FROM source WITH KEY = key WHERE where``."""

    source: str
    key: str
    where: tuple[Token, ...]

    def names(self) -> list[str]:
        """Return the columns of the answer."""
        return ["key", "value"]


Statement = Select | ShowTagValues


def parse(query: str) -> Statement:
    """Return what a query says; its macros and variables must have been replaced.

    Raises:
        ValueError: if it is none that the dashboards should have.
    """
    parser = _Parser(list(_tokens(query)))
    found: Statement = parser.show() if parser.at("SHOW") else parser.select()
    parser.end()
    return found


def _tokens(query: str) -> Iterator[Token]:
    at = 0
    while at < len(query.rstrip()):
        found = _TOKEN.match(query, at)
        if found is None or found.lastgroup is None:
            raise ValueError(f"cannot read {query[at : at + 40]!r}")
        text = found[found.lastgroup]
        quoted = found.lastgroup in {"string", "name", "regex"}
        yield Token(found.lastgroup, text[1:-1] if quoted else text)
        at = found.end()


class _Parser:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def at(self, word: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].says(word)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise ValueError(f"what is {self._tokens[self._at].text!r} doing there?")

    def select(self) -> Select:
        self._take("SELECT")
        columns = [self._column()]
        while self._optional(","):
            columns.append(self._column())
        self._take("FROM")
        source = self._source()
        where = self._until("GROUP", "ORDER", "LIMIT") if self._optional("WHERE") else ()
        by, by_time = self._dimensions() if self._optional("GROUP") else ((), False)
        fill = self._brackets()[0].text if self._optional("FILL") else ""
        return Select(tuple(columns), source, where, by, by_time, fill)

    def show(self) -> ShowTagValues:
        for word in ("SHOW", "TAG", "VALUES", "FROM"):
            self._take(word)
        source = self._name()
        for word in ("WITH", "KEY", "="):
            self._take(word)
        key = self._name()
        return ShowTagValues(source, key, self._until() if self._optional("WHERE") else ())

    def _column(self) -> Column:
        tokens = self._until(",", "AS", "FROM")
        return Column(tokens, self._name() if self._optional("AS") else "")

    def _source(self) -> "str | Select":
        if not self._optional("("):
            return self._name()
        inner = self.select()
        self._take(")")
        return inner

    def _dimensions(self) -> tuple[tuple[str, ...], bool]:
        self._take("BY")
        tags, by_time = [], False
        while True:
            if self._optional("TIME"):
                self._brackets()
                by_time = True
            else:
                tags.append(self._name())
            if not self._optional(","):
                return tuple(tags), by_time

    def _brackets(self) -> tuple[Token, ...]:
        self._take("(")
        inside = self._until(")")
        self._take(")")
        return inside

    def _until(self, *words: str) -> tuple[Token, ...]:
        """Take everything up to one of the words that is not in brackets, or to a bracket's end."""
        begin, depth = self._at, 0
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if depth == 0 and (token.says(")") or any(token.says(word) for word in words)):
                break
            depth += token.says("(") - token.says(")")
            self._at += 1
        return tuple(self._tokens[begin : self._at])

    def _optional(self, word: str) -> bool:
        found = self.at(word)
        self._at += found
        return found

    def _take(self, word: str) -> None:
        if not self._optional(word):
            there = self._tokens[self._at].text if self._at < len(self._tokens) else "the end"
            raise ValueError(f"expected {word}, found {there!r}")

    def _name(self) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else Token("mark", "")
        if token.kind != "name":
            raise ValueError(f"expected a name in double quotes, found {token.text!r}")
        self._at += 1
        return token.text
