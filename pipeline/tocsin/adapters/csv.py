"""CSV files -> chunks of columns; files of any length, since no more than a chunk is held."""

import codecs
import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tocsin.core.formats.numbers import LARGEST, measured
from tocsin.core.formats.table import MOST_BAD, BadRow, Chunk, LeftOut
from tocsin.core.formats.times import UNREADABLE, times_ns
from tocsin.core.records import Floats

_DELIMITERS = (";", "\t", ",", "|")
_HEAD_BYTES = 1 << 16
_MISSING = frozenset({"", "nan", "null", "none", "na", "n/a", "-"})
_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass(frozen=True, slots=True)
class TableFormat:
    """How a file is to be read.

    Without ``delimiter`` it is found in the header; without ``channels`` every column is one of
    whose cells nine of ten are numbers or empty, apart from the time, the asset and those to
    ``ignore``; the first ``chunk_rows`` decide. A column of nothing but true and false, or yes
    and no, holds flags. ``time_unit`` is "auto" or one of `times.UNITS`.
    """

    time_column: str
    delimiter: str | None = None
    asset_column: str | None = None
    channels: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    time_unit: str = "auto"
    chunk_rows: int = 10_000


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where everything stands in a row of ``width`` cells."""

    delimiter: str
    encoding: str
    width: int
    time: int
    asset: int | None
    channels: dict[str, int]
    chosen: bool  # the channels are settled, so they stay channels whatever they hold
    left_out: tuple[LeftOut, ...] = ()
    flags: dict[str, int] = field(default_factory=dict)


_Line = tuple[int, list[str] | None]
"""The number of a line and its cells; None where it is no CSV."""


def read_table(path: Path, form: TableFormat) -> Iterator[Chunk]:
    """Return the chunks of the file at ``path``.

    A row that cannot be read is reported in its chunk; a cell that cannot be is reported and
    counts as not measured. Cells are numbers with a point, or with a comma where that is not the
    delimiter; empty, NaN, null and the like mean not measured.

    Raises:
        ValueError: at once, if this is no text, if a column that was named is not there, or if
            two have one name.
        OSError: if the file cannot be read.
    """
    return _read(path, form, _lay_out(path, form))


def _lay_out(path: Path, form: TableFormat) -> _Layout:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    encoding = _encoding(head)
    first = head.decode(encoding, "replace").splitlines()[:1]
    if any(_is_control(character) for line in first for character in line):
        raise ValueError(f"{path.name}: this is no CSV file; save the table as CSV, in UTF-8")
    delimiter = form.delimiter or _sniff(first[0] if first else "")
    columns = [name.strip() for name in next(csv.reader(first, delimiter=delimiter), [])]
    named = [form.time_column, *(form.channels or ())]
    named += [] if form.asset_column is None else [form.asset_column]
    for name in [*named, *form.ignore]:
        _require(name, columns, path)
    taken = {"", form.time_column, form.asset_column, *form.ignore}
    channels = form.channels or [name for name in columns if name not in taken]
    for name in [*named, *channels]:
        if columns.count(name) > 1:
            raise ValueError(f"{path.name}: column {name!r} stands there twice")
    return _Layout(
        delimiter,
        encoding,
        len(columns),
        columns.index(form.time_column),
        None if form.asset_column is None else columns.index(form.asset_column),
        {name: columns.index(name) for name in channels},
        form.channels is not None,
    )


def _require(name: str, columns: Sequence[str], path: Path) -> None:
    if name in columns:
        return
    lower = {column.lower(): column for column in columns}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    hint = f"; did you mean {lower[close[0]]!r}?" if close else ""
    listed = ", ".join(repr(column) for column in columns) or "none"
    raise ValueError(f"{path.name}: there is no column {name!r}{hint}; the columns are {listed}")


def _encoding(head: bytes) -> str:
    """Return the encoding: as marked, else UTF-8 if it can be, else what old programs write."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _is_control(character: str) -> bool:
    return character < " " and character != "\t"


def _sniff(header: str) -> str:
    return max(_DELIMITERS, key=header.count) if header else ","


def _read(path: Path, form: TableFormat, layout: _Layout) -> Iterator[Chunk]:
    size = max(1, path.stat().st_size)
    with path.open("rb") as raw:
        text = TextIOWrapper(raw, layout.encoding, errors="replace", newline="")
        lines = _lines(text, layout.delimiter)
        next(lines, None)
        while rows := list(islice(lines, form.chunk_rows)):
            if not layout.chosen:
                layout = _choose(layout, rows)
            yield _chunk(rows, layout, form.time_unit, min(1.0, raw.tell() / size))


def _lines(text: IO[str], delimiter: str) -> Iterator[_Line]:
    """Give every line that is not blank."""
    reader = csv.reader(text, delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except csv.Error:
            yield reader.line_num, None
        except StopIteration:
            return
        else:
            if cells:
                yield reader.line_num, cells


def _choose(layout: _Layout, lines: Sequence[_Line]) -> _Layout:
    """Return the layout with those columns as channels that hold numbers, but for a few cells."""
    whole, _ = _part(lines, layout)
    looks = {name: _look(whole, name, at) for name, at in layout.channels.items()}
    left_out = [look for look in looks.values() if look]
    flags = {each.name for each in left_out if _all_flags(whole.column(layout.channels[each.name]))}
    return replace(
        layout,
        channels={name: at for name, at in layout.channels.items() if looks[name] is None},
        chosen=True,
        left_out=tuple(each for each in left_out if each.name not in flags),
        flags={name: at for name, at in layout.channels.items() if name in flags},
    )


def _look(rows: "_Rows", name: str, at: int) -> LeftOut | None:
    """Return why a column is no channel; None if it is one."""
    numbers = [_number(cell) for cell in rows.column(at)]
    cells = sum(1 for number in numbers if number is None or not math.isnan(number))
    wrong = np.array([number is None for number in numbers], np.bool_)
    if wrong.sum() <= MOST_BAD * cells:
        return None
    first = rows.report(at, wrong, "expected a number")[0]
    return LeftOut(name, cells, cells - int(wrong.sum()), first)


def _all_flags(cells: Sequence[str]) -> bool:
    return all(_flag(cell) is not None for cell in cells)


def _chunk(lines: Sequence[_Line], layout: _Layout, unit: str, share: float) -> Chunk:
    whole, bad = _part(lines, layout)
    time_ns = times_ns(whole.column(layout.time), unit)
    bad += whole.report(layout.time, time_ns == UNREADABLE, "expected a time")
    fit, asset = time_ns != UNREADABLE, None
    if layout.asset is not None:
        names = np.array([name.strip() for name in whole.column(layout.asset)], object)
        bad += whole.report(layout.asset, names == "", "expected the name of an asset")
        fit &= names != ""
        asset = tuple(names[fit].tolist())
    values = np.full((len(whole.rows), len(layout.channels)), np.nan)
    for cell, (name, at) in enumerate(layout.channels.items()):
        values[:, cell], wrong = _parse(whole.column(at))
        bad += whole.report(at, wrong, f"{name}: expected a number", name)
    bad.sort(key=lambda row: row.line)
    return Chunk(
        asset,
        time_ns[fit],
        tuple(layout.channels),
        values[fit],
        tuple(bad),
        share,
        layout.left_out,
        {name: _parse_flags(whole.column(at))[fit] for name, at in layout.flags.items()},
        np.array(whole.lines)[fit].tolist(),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that have all their cells, and the lines that they stand in."""

    lines: list[int]
    rows: list[list[str]]

    def column(self, at: int) -> list[str]:
        return [row[at] for row in self.rows]

    def report(
        self, at: int, wrong: NDArray[np.bool_], expected: str, channel: str | None = None
    ) -> list[BadRow]:
        return [
            BadRow(self.lines[row], f"{expected}, found {self.rows[row][at][:60]!r}", channel)
            for row in np.flatnonzero(wrong).tolist()
        ]


def _part(lines: Sequence[_Line], layout: _Layout) -> tuple[_Rows, list[BadRow]]:
    whole, bad = _Rows([], []), []
    for line, cells in lines:
        if cells is None:
            bad.append(BadRow(line, "expected a row of cells"))
        elif len(cells) != layout.width:
            bad.append(BadRow(line, f"expected {layout.width} cells, found {len(cells)}"))
        else:
            whole.lines.append(line)
            whole.rows.append(cells)
    return whole, bad


def _parse(cells: Sequence[str]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the values [N], NaN where there is none, and where a cell is no number [N]."""
    try:
        values = np.array([cell or "nan" for cell in cells], np.float64)
        plain = not any("_" in cell for cell in cells)
    except ValueError:
        plain = False
    if not plain:
        numbers = [_number(cell) for cell in cells]
        values = np.array([np.inf if number is None else number for number in numbers], np.float64)
    wrong = np.abs(values) > LARGEST
    return np.where(wrong, np.nan, values), wrong


def _parse_flags(cells: Sequence[str]) -> Floats:
    """Return 1 for yes, 0 for no, NaN for whatever else [N]."""
    flags = map(_flag, cells)
    return np.array([math.nan if flag is None else flag for flag in flags], np.float64)


def _flag(cell: str) -> float | None:
    """Return 1 for true and yes, 0 for false and no, NaN for an empty cell, None for others."""
    text = cell.strip().lower()
    return math.nan if text in _MISSING else _TRUTH.get(text)


def _number(cell: str) -> float | None:
    """Return the value of a cell: NaN if it says that nothing was measured, None if no number."""
    text = cell.strip()
    if text.lower() in _MISSING:
        return math.nan
    number = measured(text)
    return measured(text.replace(",", ".", 1)) if number is None else number
