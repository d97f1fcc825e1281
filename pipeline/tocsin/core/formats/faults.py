"""What is wrong with a table, counted while its chunks go by, in sentences for a person."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tocsin.core.formats.table import MOST_BAD, BadRow, Chunk, LeftOut

_LEAST_STEP_NS = 1_000_000
_MOST_NAMED = 5  # channels that are named with how many of their cells cannot be read


@dataclass(slots=True, eq=False)
class Faults:
    """Rows and cells that could not be read, in the chunks that went by so far."""

    rows: int = 0  # that could be read
    torn: int = 0  # of them: with cells that could not be
    lost: int = 0  # that could not be read
    cells: Counter[str] = field(default_factory=Counter)  # that could not be, by channel
    first_lost: BadRow | None = None
    first_cell: BadRow | None = None
    left_out: tuple[LeftOut, ...] = ()
    step_ns: int | None = None  # from row to row in the first chunk; None: not known

    def watch(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Give the chunks of one table, and count."""
        for chunk in chunks:
            self._take(chunk)
            yield chunk

    def demand(self) -> None:
        """Refuse a table without rows, or with so many faults that it must be another one.

        Raises:
            ValueError: quotes the first line that could not be read.
        """
        if self.too_many:
            raise ValueError(f"{self.quote()}; is this the file that is meant?")
        if not self.rows:
            raise ValueError("there is no row in it")

    @property
    def too_many(self) -> bool:
        """Whether more than a tenth of the lines is at fault."""
        return self.lost + self.torn > MOST_BAD * (self.rows + self.lost)

    def quote(self) -> str:
        """Return the first line that could not be read, and how much else; empty: there is none."""
        firsts = [bad for bad in (self.first_lost, self.first_cell) if bad]
        if not firsts:
            return ""
        more = self.lost + self.cells.total() - 1
        first = min(firsts, key=lambda bad: bad.line)
        return f"{first}, and {more} more like that" if more else str(first)

    def warnings(self) -> list[str]:
        """Return what is not taken from the table or may be misread, a sentence each."""
        said = [str(column) for column in self.left_out if column.numbers]
        if self.step_ns is not None and 0 < self.step_ns < _LEAST_STEP_NS:
            said.append(
                f"rows are {self.step_ns / 1e6:.3g} ms apart, if times are what they seem: numbers "
                "count seconds or smaller units since 1970, never days, as spreadsheets do; "
                "times like 2026-01-05T00:00:00Z leave no doubt"
            )
        if self.first_lost:
            many = f"{self.lost} of {self.rows + self.lost}"
            said.append(f"rows left out, as they cannot be read: {many}; {self.first_lost}")
        if self.first_cell:
            many = f"{self.cells.total()} ({self._by_channel()})"
            said.append(f"cells not measured, as they cannot be read: {many}; {self.first_cell}")
        return said

    def _take(self, chunk: Chunk) -> None:
        lost = {bad.line: bad for bad in reversed(chunk.bad) if bad.channel is None}
        torn = [bad for bad in chunk.bad if bad.line not in lost]
        self.rows += len(chunk)
        self.torn += len({bad.line for bad in torn})
        self.lost += len(lost)
        self.cells.update(str(bad.channel) for bad in torn)
        self.first_lost = self.first_lost or next(iter(reversed(lost.values())), None)
        self.first_cell = self.first_cell or next(iter(torn), None)
        self.left_out = chunk.left_out
        if self.step_ns is None and chunk.asset is None and len(chunk) > 1:
            self.step_ns = int(np.median(np.diff(chunk.time_ns)))

    def _by_channel(self) -> str:
        named = [f"{name} {count}" for name, count in self.cells.most_common(_MOST_NAMED)]
        more = len(self.cells) - len(named)
        return ", ".join([*named, *([f"and {more} more channels"] if more else [])])
