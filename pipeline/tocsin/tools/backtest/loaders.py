"""Files of recorded series -> `Series`: CSV, and npz with arrays in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.arrays import Arrays, read_arrays
from tocsin.tools.backtest.columns import (
    Columns,
    ReadTable,
    lay_on_grid,
    make_up_times,
    read_columns,
    tell_no_labels,
)
from tocsin.tools.backtest.series import Series
from tocsin_models.arrays import Flags, Floats

_LABELS = ("label", "labels", "anomaly", "is_anomaly", "abnormal")
_CHANGES = ("changepoint",)


@dataclass(frozen=True, slots=True)
class LoadPolicy:
    """How a file becomes a series.

    Attributes:
        read_table: opens a CSV file.
        time_column: where its times stand.
        label_column: which column says that a row is abnormal; None: the one that is called so.
        train_rows: how many rows at the start are to learn from; None: what the file says, and
            else ``train_share`` of them.
        train_share: of all rows.
        period_ns: time between rows; None: what is usual in a CSV file, and unknown in an npz.
    """

    read_table: ReadTable
    time_column: str = "time"
    label_column: str | None = None
    train_rows: int | None = None
    train_share: float = 0.3
    period_ns: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.train_share < 1 or (self.train_rows is not None and self.train_rows < 1):
            raise ValueError("loading: choose 0 < train_share < 1, or 1 or more train_rows")
        if self.period_ns is not None and self.period_ns < 1:
            raise ValueError("loading: choose a period above 0")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What an npz file holds: N rows, labels if known, and how many are said to be normal."""

    values: Floats  # [N, F]
    label: Flags | None  # [N]
    train_rows: int | None


def load_file(path: Path, policy: LoadPolicy) -> Series:
    """Return the series in a CSV file, or in an npz file with one of these sets of arrays.

    - ``train [n, F]``, ``test [m, F]`` and, if known, ``label [m]``;
    - ``x [n, F]`` and, if known, ``label [n]`` and ``train_rows``.

    Raises:
        ValueError: If the file is not there or holds something else; names it and says what.
    """
    if path.suffix.lower() != ".npz":
        return _load_table(read_columns(path, policy.time_column, policy.read_table), policy)
    rows = read_rows(read_arrays(path))
    chosen = policy.train_rows or rows.train_rows or _share(policy, len(rows.values))
    return make_series(path, rows.values, chosen, rows.label, period_ns=policy.period_ns)


def read_rows(arrays: Arrays) -> Rows:
    """Return the rows of an npz file, those to learn from first.

    Raises:
        ValueError: If an array is missing or does not fit; names the file.
    """
    if "x" in arrays:
        values = arrays.matrix("x")
        said = arrays.integer("train_rows") if "train_rows" in arrays else None
        return Rows(values, arrays.labels(len(values)), said)
    train, test = arrays.matrix("train"), arrays.matrix("test")
    if train.shape[1] != test.shape[1]:
        raise ValueError(
            f"{arrays.path}: train has {train.shape[1]} channels, and test has {test.shape[1]}"
        )
    label = arrays.labels(len(test))
    if label is not None:
        label = np.concatenate([np.zeros(len(train), np.bool_), label])
    return Rows(np.concatenate([train, test]), label, len(train))


def make_series(
    path: Path, values: Floats, train_rows: int, label: Flags | None, *, period_ns: int | None
) -> Series:
    """Return a series of which nobody recorded the times, and perhaps not even the period.

    Raises:
        ValueError: If ``train_rows`` do not leave a row to judge; names the file.
    """
    known_ns = period_ns or SECOND_NS
    return Series(
        name=path.stem,
        channels=number_channels(values.shape[1]),
        time_ns=make_up_times(len(values), known_ns),
        values=values,
        train_rows=_checked(path, train_rows, len(values)),
        period_ns=known_ns,
        label=label,
        timed=period_ns is not None,
    )


def make_timed_series(
    table: Columns,
    channels: tuple[str, ...],
    train_rows: int,
    label: Flags | None,
    period_ns: int | None = None,
) -> Series:
    """Return the series of some columns of a table, its times laid onto a grid.

    Raises:
        ValueError: If there is no channel or a column is missing, times do not say how far rows
            are apart, or ``train_rows`` do not leave a row to judge; names the file.
    """
    if not channels:
        nothing = f"{table.path}: there is no column of numbers to watch"
        raise ValueError("\n".join([*table.notes, nothing]))
    period_ns = period_ns or table.period_ns()
    return Series(
        name=table.path.stem,
        channels=channels,
        time_ns=lay_on_grid(table.time_ns, period_ns),
        values=table.matrix(channels),
        train_rows=_checked(table.path, train_rows, len(table)),
        period_ns=period_ns,
        label=label,
        notes=table.notes,
    )


def number_channels(count: int) -> tuple[str, ...]:
    """Return names for channels that have none: c1, c2 and so on, as wide as the last."""
    width = len(str(count))
    return tuple(f"c{number:0{width}d}" for number in range(1, count + 1))


def find_labels(names: Iterable[str]) -> tuple[str, ...]:
    """Return which columns by their names are labels, and so no channels."""
    return tuple(name for name in names if name.lower() in _LABELS)


def find_changes(names: Iterable[str]) -> tuple[str, ...]:
    """Return which columns by their names say when faults begin and end, and are no channels."""
    return tuple(name for name in names if name.lower() in _CHANGES)


def _load_table(table: Columns, policy: LoadPolicy) -> Series:
    named = find_labels([*table.found, *table.flags])
    labels = policy.label_column or next(iter(named), None)
    table = replace(table, notes=(*table.notes, *_tell_lost_labels(table, labels)))
    no_channels = {labels, *named, *find_changes(table.found)}
    channels = tuple(c for c in table.found if c not in no_channels)
    return make_timed_series(
        table,
        channels,
        policy.train_rows or _share(policy, len(table)),
        None if labels is None else table.labels(labels),
        policy.period_ns,
    )


def _tell_lost_labels(table: Columns, labels: str | None) -> Iterator[str]:
    """Say which columns are called labels and are not used; the notes have those with words."""
    for name in find_labels([*table.found, *table.flags]):
        if name != labels:
            yield f"{table.path}: column {name!r} is left out: the labels are those in {labels!r}"
    for column in table.left_out:
        if find_labels([column.name]) and not column.numbers:
            yield f"{table.path}: {tell_no_labels(column)}; it is left out"


def _share(policy: LoadPolicy, rows: int) -> int:
    return max(1, int(rows * policy.train_share))


def _checked(path: Path, train_rows: int, rows: int) -> int:
    if not 0 < train_rows < rows:
        raise ValueError(
            f"{path}: {train_rows} of {rows} rows to learn from do not do; choose from 1 to "
            f"{rows - 1}"
        )
    return train_rows
