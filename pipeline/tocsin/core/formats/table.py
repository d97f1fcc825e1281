"""Tables of readings, one row a moment of one asset, in chunks as they are read or made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tocsin.core.records import Floats, Times

MOST_BAD = 0.1
"""Share of lines, or of a column's cells, that may be unreadable; with more it is another thing."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row, or a cell of it, that could not be read; the first line of a file is 1."""

    line: int
    detail: str
    channel: str | None = None  # whose cell it is; None: the row is left out

    def __str__(self) -> str:
        return f"line {self.line}: {self.detail}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is no channel, because too many of its cells are no numbers."""

    name: str
    cells: int  # that were looked at and are not empty
    numbers: int  # of them
    first: BadRow  # the first of the others

    def __str__(self) -> str:
        no_numbers = self.cells - self.numbers
        return (
            f"column {self.name!r} is left out: {no_numbers} of the first {self.cells} cells are "
            f"no numbers; {self.first}"
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """N rows in the order of their source, and those that could not be read."""

    asset: tuple[str, ...] | None  # [N]; None: the source does not say
    time_ns: Times  # [N]
    channels: tuple[str, ...]  # F names
    values: Floats  # [N, F] engineering units, NaN where not measured
    bad: tuple[BadRow, ...] = ()
    share: float = 1.0  # of the source that has been read
    left_out: tuple[LeftOut, ...] = ()  # the same in every chunk of a source
    flags: Mapping[str, Floats] = field(default_factory=dict)  # [N] each: 1 yes, 0 no, NaN empty
    lines: Sequence[int] = ()  # [N] where the rows stand in the source; empty: it does not say

    def __len__(self) -> int:
        return len(self.time_ns)

    def head(self, rows: int) -> "Chunk":
        """Return the first rows, with what was bad before them and among them."""
        if rows >= len(self):
            return self
        return replace(
            self,
            asset=None if self.asset is None else self.asset[:rows],
            time_ns=self.time_ns[:rows],
            values=self.values[:rows],
            flags={name: cells[:rows] for name, cells in self.flags.items()},
            bad=tuple(bad for bad in self.bad if bad.line <= max(self.lines[:rows], default=0)),
            lines=self.lines[:rows],
        )


def find_span(chunks: Iterable[Chunk]) -> tuple[int, int] | None:
    """Return the earliest and the latest time of all rows; None if there are none."""
    times = [(int(c.time_ns.min()), int(c.time_ns.max())) for c in chunks if len(c)]
    return (min(low for low, _ in times), max(high for _, high in times)) if times else None
