"""Public sets of labelled recordings in a folder, and what the protocol of each one asks for."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.arrays import naming, read_arrays
from tocsin.tools.backtest.columns import ReadTable, read_columns
from tocsin.tools.backtest.loaders import make_series, make_timed_series, read_rows
from tocsin.tools.backtest.names import SETS
from tocsin.tools.backtest.series import Series
from tocsin_models.arrays import Flags, Times

_MINUTE_NS = 60 * SECOND_NS
_SKAB_TRAIN_ROWS = 400
_SKAB_FREE = "anomaly-free"  # a recording without faults is no part of SKAB's leaderboard
_NAB_WINDOWS = "windows.json"
_NAB_PROBATION, _NAB_PROBATION_ROWS = 0.15, 5_000  # 15 % of the rows, of so many at most
_TEP_FAULT_ROW = 160


@dataclass(frozen=True, slots=True)
class Source:
    """Where one series of a set stands; ``paths`` are all files that it is made of."""

    set_name: str
    name: str  # of the series, unique within its set
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One labelled series, and how it is measured by the protocol of its set."""

    set_name: str
    series: Series
    first_row: int  # measured are the rows from here on
    vus_window: int | None = None  # None: found in the rows that are measured
    group: str = ""  # part of the set that is pooled on its own: a mission, a kind of fault


Find = Callable[[Path], Sequence[Source]]
Load = Callable[[Source, ReadTable], Entry]


def find_sources(folder: Path, set_name: str) -> Sequence[Source]:
    """Return where each series of a set stands, in the order of their names; none if none is there.

    Raises:
        ValueError: If there is no set of this name.
    """
    return _kind(set_name).find(folder / set_name)


def load_source(source: Source, read_table: ReadTable) -> Entry:
    """Return the series that a source names.

    Raises:
        ValueError: If a file is not there or holds something else; names it and says what.
    """
    return _kind(source.set_name).load(source, read_table)


def load_set(folder: Path, set_name: str, read_table: ReadTable) -> Sequence[Entry]:
    """Return all series of a set in the folder that has a folder for each set.

    Raises:
        ValueError: If there is no set of this name or nothing of it, or a file does not do.
    """
    sources = find_sources(folder, set_name)
    if not sources:
        raise ValueError(f"{folder / set_name}: there is no series of {set_name} in it")
    return [load_source(source, read_table) for source in sources]


def _load_tsb(source: Source, _: ReadTable) -> Entry:
    arrays = read_arrays(source.paths[0])
    rows = read_rows(arrays)
    if rows.label is None or rows.train_rows is None:
        raise ValueError(f"{arrays.path}: expected the arrays x, label, train_rows, vus_window")
    series = make_series(arrays.path, rows.values, rows.train_rows, rows.label, period_ns=None)
    return Entry(source.set_name, series, 0, arrays.integer("vus_window"))


def _load_halves(period_ns: int | None) -> Load:
    """Return what loads a train part and, directly behind it, a labelled test part."""

    def load(source: Source, _: ReadTable) -> Entry:
        arrays = read_arrays(source.paths[0])
        rows = read_rows(arrays)
        if rows.label is None or "train" not in arrays:
            raise ValueError(f"{arrays.path}: expected the arrays train, test and label")
        train_rows = rows.train_rows or 0
        series = make_series(arrays.path, rows.values, train_rows, rows.label, period_ns=period_ns)
        group = source.name.partition("-")[0] if source.set_name == "smap-msl" else ""
        return Entry(source.set_name, series, train_rows, group=group)

    return load


def _load_skab(source: Source, read_table: ReadTable) -> Entry:
    table = read_columns(source.paths[0], "datetime", read_table)
    flags = ("anomaly", "changepoint")
    channels = tuple(name for name in table.found if name not in flags)
    label = table.labels("anomaly")
    series = make_timed_series(table, channels, _SKAB_TRAIN_ROWS, label, SECOND_NS)
    return Entry(
        source.set_name,
        _named(series, source),
        _SKAB_TRAIN_ROWS,
        group=source.paths[0].parent.name,
    )


def _load_nab(source: Source, read_table: ReadTable) -> Entry:
    path, windows = source.paths
    table = read_columns(path, "timestamp", read_table)
    train_rows = int(_NAB_PROBATION * min(len(table), _NAB_PROBATION_ROWS))
    label = _inside(table.time_ns, _read_windows(windows, f"{path.parent.name}/{path.name}"))
    series = make_timed_series(table, ("value",), train_rows, label)
    return Entry(source.set_name, _named(series, source), train_rows, group=path.parent.name)


def _load_tep(source: Source, _: ReadTable) -> Entry:
    """Return the plant without a fault, then a run into which one comes; the d00 run has none."""
    parts = [read_arrays(path).matrix("x") for path in source.paths]
    normal, run = parts
    if normal.shape[1] != run.shape[1]:
        raise ValueError(f"{source.paths[1]}: it has other channels than {source.paths[0]}")
    values = np.concatenate(parts)
    label = np.arange(len(values)) >= len(normal) + _TEP_FAULT_ROW
    if source.name.startswith("d00"):
        label = np.zeros(len(values), np.bool_)
    series = make_series(source.paths[1], values, len(normal), label, period_ns=3 * _MINUTE_NS)
    return Entry(source.set_name, series, len(normal))


def _inside(time_ns: Times, windows: Sequence[tuple[int, int]]) -> Flags:
    """Return which times lie in one of the windows, both ends included."""
    inside = np.zeros(len(time_ns), np.bool_)
    for begin_ns, end_ns in windows:
        inside |= (time_ns >= begin_ns) & (time_ns <= end_ns)
    return inside


def _read_windows(path: Path, name: str) -> Sequence[tuple[int, int]]:
    with naming(path):
        windows = json.loads(path.read_text())
        if not isinstance(windows, Mapping) or name not in windows:
            raise ValueError(f"it says nothing about {name}")
        try:
            return [(_nanoseconds(begin), _nanoseconds(end)) for begin, end in windows[name]]
        except (TypeError, ValueError):
            raise ValueError(f"the windows of {name} must be pairs of times") from None


def _nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND_NS + moment.microsecond * 1_000


def _named(series: Series, source: Source) -> Series:
    return replace(series, name=source.name)


def _find_arrays(folder: Path) -> Sequence[Source]:
    return [Source(folder.name, path.stem, (path,)) for path in sorted(folder.glob("*.npz"))]


def _find_skab(folder: Path) -> Sequence[Source]:
    return [each for each in _find_tables(folder) if not each.name.startswith(_SKAB_FREE)]


def _find_nab(folder: Path) -> Sequence[Source]:
    windows = folder / _NAB_WINDOWS
    return [replace(each, paths=(*each.paths, windows)) for each in _find_tables(folder)]


def _find_tables(folder: Path) -> Sequence[Source]:
    return [
        Source(folder.name, f"{path.parent.name}/{path.stem}", (path,))
        for path in sorted(folder.glob("*/*.csv"))
    ]


def _find_tep(folder: Path) -> Sequence[Source]:
    normal = folder / "d00.npz"
    return [
        Source(folder.name, path.stem, (normal, path)) for path in sorted(folder.glob("*_te.npz"))
    ]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the series of a set are found and read."""

    find: Find
    load: Load


_KINDS: Mapping[str, _Kind] = {
    "tsb-ad-m": _Kind(_find_arrays, _load_tsb),
    "smd": _Kind(_find_arrays, _load_halves(_MINUTE_NS)),
    "skab": _Kind(_find_skab, _load_skab),
    "smap-msl": _Kind(_find_arrays, _load_halves(None)),
    "nab": _Kind(_find_nab, _load_nab),
    "asd": _Kind(_find_arrays, _load_halves(5 * _MINUTE_NS)),
    "tep": _Kind(_find_tep, _load_tep),
}


def _kind(set_name: str) -> _Kind:
    if set_name not in _KINDS:
        raise ValueError(f"{set_name}: there is no such set; choose from {', '.join(SETS)}")
    return _KINDS[set_name]
