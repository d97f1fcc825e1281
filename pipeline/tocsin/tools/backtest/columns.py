"""What is taken from a CSV file, and how its rows come onto a grid in time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tocsin.core.formats.faults import Faults
from tocsin.core.formats.table import Chunk, LeftOut
from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.arrays import naming
from tocsin_models.arrays import Flags, Floats, Times

ReadTable = Callable[[Path, str], Iterable[Chunk]]
"""Opens a CSV file whose times stand in the column of that name, for one asset."""

UNTIMED_START_NS = 946_684_800 * SECOND_NS
"""Where the times of a series begin that has none: the first second of 2000."""

_MOST_BACK = 0.01  # share of steps back in time beyond which rows are not in their order


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """N rows of a table in the order of the file, with the times that stand there."""

    path: Path
    time_ns: Times  # [N]
    found: Mapping[str, Floats]  # [N] each, NaN where not measured
    notes: tuple[str, ...] = ()  # what is not taken from the file, a sentence each
    flags: Mapping[str, Floats] = field(default_factory=dict)  # [N] each: 1 yes, 0 no, NaN empty
    left_out: tuple[LeftOut, ...] = ()  # columns of something else

    def __len__(self) -> int:
        return len(self.time_ns)

    def matrix(self, names: Sequence[str]) -> Floats:
        """Return values ``[N, F]`` of these columns."""
        return np.stack([self.column(name) for name in names], axis=1)

    def labels(self, name: str) -> Flags:
        """Return a column of 0 and 1, true and false, or yes and no as flags ``[N]``."""
        for other in self.left_out:
            if other.name == name:
                raise ValueError(f"{self.path}: {tell_no_labels(other)}")
        column = self.flags[name] if name in self.flags else self.column(name)
        if not np.isin(column, (0, 1)).all():
            raise ValueError(f"{self.path}: column {name!r} must hold nothing but 0 and 1")
        return np.asarray(column == 1)

    def column(self, name: str) -> Floats:
        """Return the values ``[N]`` of a column."""
        if name not in self.found:
            found = ", ".join(map(repr, self.found))
            raise ValueError(f"{self.path}: there is no column {name!r} of numbers, but {found}")
        return self.found[name]

    def period_ns(self) -> int:
        """Return how far rows are apart, most of the time."""
        steps_ns = np.diff(self.time_ns)
        period_ns = int(np.median(steps_ns)) if len(steps_ns) else 0
        if period_ns < 1 or (steps_ns < 0).mean() > _MOST_BACK:
            raise ValueError(
                f"{self.path}: times stand still or go back again and again; sort the rows by "
                "time, and keep one asset to a file"
            )
        return period_ns


def read_columns(path: Path, time_column: str, read_table: ReadTable) -> Columns:
    """Return the columns of a CSV file that hold numbers.

    Rows that cannot be read are left out, and cells that cannot be count as not measured, as in
    the stream; the notes say so.

    Raises:
        ValueError: If the file cannot be read, has no such column, no rows, or too many bad ones.
    """
    faults = Faults()
    with naming(path):
        chunks = list(faults.watch(read_table(path, time_column)))
        faults.demand()
    values = np.concatenate([chunk.values for chunk in chunks])
    return Columns(
        path,
        np.concatenate([chunk.time_ns for chunk in chunks]),
        {name: values[:, column] for column, name in enumerate(chunks[0].channels)},
        tuple(f"{path}: {said}" for said in faults.warnings()),
        {name: np.concatenate([c.flags[name] for c in chunks]) for name in chunks[0].flags},
        faults.left_out,
    )


def tell_no_labels(column: LeftOut) -> str:
    """Say why a column cannot be labels."""
    return (
        f"column {column.name!r} holds no labels, which are 0 and 1, true and false, or yes and "
        f"no; {column.first}"
    )


def lay_on_grid(time_ns: Times, period_ns: int) -> Times:
    """Return times ``[N]`` on multiples of ``period_ns``, each row in a slot of its own.

    Rows keep their order, and none is invented. One whose slot is taken, because two came at once
    or a clock was put back, goes into the next free one; a hole puts rows back into their own.
    """
    ahead = np.arange(len(time_ns))
    slots = np.maximum.accumulate(time_ns // period_ns - ahead) + ahead
    return np.asarray(slots * period_ns, np.int64)


def make_up_times(rows: int, period_ns: int) -> Times:
    """Return times ``[rows]`` at that distance, for rows of which nobody recorded the time."""
    begin = -(-UNTIMED_START_NS // period_ns)
    return (begin + np.arange(rows, dtype=np.int64)) * period_ns
