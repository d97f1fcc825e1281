"""A recorded series, and what one entrant said of it, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tocsin.core.profile import SECOND_NS
from tocsin.core.records import Transition
from tocsin_models.arrays import Flags, Floats, Singles, Times
from tocsin_models.bundle import Bundle


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """N rows of one asset in order; the first ``train_rows`` are to learn from.

    Labels are for measuring: nothing that learns or judges ever sees them.
    """

    name: str
    channels: tuple[str, ...]  # F names
    time_ns: Times  # [N] rising; where nobody recorded times, they are made up from the period
    values: Floats  # [N, F] engineering units, NaN where not measured
    train_rows: int
    period_ns: int = SECOND_NS  # of the grid that the times lie on
    label: Flags | None = None  # [N] whether a row is abnormal; None where nobody knows
    timed: bool = True  # whether the times are real ones: without, seconds and days mean nothing
    notes: tuple[str, ...] = ()  # what was not taken from its file, a sentence each

    def __post_init__(self) -> None:
        rows = len(self.values)
        if self.values.ndim != 2 or self.values.shape[1] != len(self.channels):
            raise ValueError(f"{self.name}: values must be [N, F] with a name for each channel")
        if self.time_ns.shape != (rows,) or not (np.diff(self.time_ns) > 0).all():
            raise ValueError(f"{self.name}: give one time a row, rising")
        if self.label is not None and self.label.shape != (rows,):
            raise ValueError(f"{self.name}: give one label a row")
        if not 0 < self.train_rows <= rows:
            raise ValueError(f"{self.name}: train_rows must be from 1 to the {rows} rows")


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What an entrant said of all rows of a series, those it learned from included.

    Row t is said from rows up to t, unless it ``looks_ahead``. ``score`` is 1.0 at the entrant's
    own limit.
    """

    score: Floats  # [N] NaN where it has none
    alarm: Flags  # [N] whether somebody would have been told that something is wrong
    fit_s: float  # how long it took to learn
    judge_s: float  # how long it took to judge all rows
    error: Floats | None = None  # [N] what the score is smoothed from, on the model's own scale
    blame: Singles | None = None  # [N, F] each channel's share of the error
    expected: Singles | None = None  # [N, F] engineering units
    steps: Sequence[Transition] = field(default_factory=list)  # of alerts
    bundle: Bundle | None = None  # the model, where it is one of ours and judged like a stream
    looks_ahead: bool = False  # whether later rows had a say, which no alarm could have heard

    @property
    def blamed(self) -> Floats:
        """What ``blame`` is shares of, ``[N]``: a row's own error, or its score where it has none.

        A score remembers earlier rows, and who is to blame for those is not said here.
        """
        return self.score if self.error is None else self.error


class Entrant(Protocol):
    """Something that learns from a series' first rows and then judges all of them."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def run(self, series: Series, seed: int) -> Outcome:
        """Learn from ``series.values[:train_rows]`` alone, then judge every row in order.

        Raises:
            ValueError: If there is not enough to learn from; says what to do.
        """
        ...
