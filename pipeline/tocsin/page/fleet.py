"""The newest of every asset, as columns, and the last scores of each for a sparkline."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.core.records import Bytes, Floats, Ids, Scores, Singles, Status, Times

SPARK = 60
"""Scores in a sparkline."""

NO_WINDOW = 255
"""In place of a status: an alert is all that is known of the asset."""

STATUS_NAMES: Mapping[int, str | None] = {
    **{status.value: status.name.lower() for status in Status},
    NO_WINDOW: None,
}
"""What each status is called."""


@dataclass(frozen=True, slots=True)
class News:
    """N rows of a block that are newer than what was known, ordered by asset and then by time."""

    asset: Ids  # [N] index into the fleet
    row: NDArray[np.intp]  # [N] index into the block
    rank: NDArray[np.intp]  # [N] 0 for the first row of its asset, 1 for the next, ...
    last: NDArray[np.intp]  # [A] index of the last row of each of A assets


class Fleet:
    """The newest window of every asset; of more than ``most`` the one longest untouched goes.

    A window that stands in the log twice, or behind a newer one, changes nothing.

    Attributes:
        names: of the assets; every column below is indexed alike.
        profiles: the kind of each.
        models: what scored its newest window.
        end_ns: end of that window, 0 where there is none.
        heard_ns: the log's own time of the entry that it came in.
        status: of that window, or `NO_WINDOW`.
        score: of that window, NaN unless its status is OK.
        coverage: share of its cells that were measured.
    """

    def __init__(self, most: int = 20_000) -> None:
        self.names: list[str] = []
        self.profiles: list[str] = []
        self.models: list[str] = []
        self.end_ns: Times = np.zeros(0, np.int64)
        self.heard_ns: Times = np.zeros(0, np.int64)
        self.status: Bytes = np.zeros(0, np.uint8)
        self.score: Floats = np.zeros(0)
        self.coverage: Singles = np.zeros(0, np.float32)
        self._most = most
        self._ids: dict[str, int] = {}
        self._count: Times = np.zeros(0, np.int64)  # windows seen
        self._spark: Floats = np.zeros((0, SPARK))  # a ring each
        self._touched: Times = np.zeros(0, np.int64)  # number of the block that named it last
        self._blocks = 0

    def __len__(self) -> int:
        return len(self.names)

    def find(self, name: str) -> int | None:
        """Return the index of an asset, or None if there is no such one."""
        return self._ids.get(name)

    def enter(self, name: str, profile: str) -> int:
        """Return the index of an asset, which is made if there is none."""
        index = self._ids.get(name)
        if index is None:
            index = len(self.names) if len(self.names) < self._most else self._retire()
            self._begin(index, name, profile)
        self._touched[index] = self._blocks
        return index

    def take(self, scores: Scores, heard_ns: int) -> News:
        """Take what is newer than what is known, and return which rows that were.

        Args:
            scores: a block.
            heard_ns: the log's own time of its entry.
        """
        self._blocks += 1
        ids = np.array([self.enter(name, scores.profile) for name in scores.names], np.int32)
        news = self._news(ids[scores.asset], scores.end_ns)
        if len(news.row):
            self._note(scores, news, heard_ns)
        return news

    def spark(self, index: int) -> list[float]:
        """Return the last scores of an asset, oldest first, NaN where there was none."""
        count = int(self._count[index])
        ring = self._spark[index]
        last = ring[:count] if count < SPARK else np.roll(ring, -(count % SPARK))
        found: list[float] = last.tolist()
        return found

    def _news(self, asset: Ids, end_ns: Times) -> News:
        order = np.lexsort((end_ns, asset))
        asset, end_ns = asset[order], end_ns[order]
        newer = end_ns > self.end_ns[asset]
        newer[1:] &= (asset[1:] != asset[:-1]) | (end_ns[1:] != end_ns[:-1])
        asset, row = asset[newer], order[newer]
        first = np.flatnonzero(np.append(True, asset[1:] != asset[:-1])[: len(asset)])
        length = np.diff(np.append(first, len(asset)))
        rank = np.arange(len(asset)) - np.repeat(first, length)
        return News(asset, row, rank, first + length - 1)

    def _note(self, scores: Scores, news: News, heard_ns: int) -> None:
        known = scores.status == Status.OK
        score = np.where(known, scores.score, np.nan)[news.row]
        self._spark[news.asset, (self._count[news.asset] + news.rank) % SPARK] = shorten(score, 4)
        asset, row = news.asset[news.last], news.row[news.last]
        self._count[asset] += news.rank[news.last] + 1
        self.end_ns[asset] = scores.end_ns[row]
        self.heard_ns[asset] = heard_ns
        self.status[asset] = np.minimum(scores.status[row], Status.ERROR)
        self.score[asset] = score[news.last]
        self.coverage[asset] = scores.coverage[row].mean(axis=1)
        for index in asset.tolist():
            self.profiles[index], self.models[index] = scores.profile, scores.model

    def _retire(self) -> int:
        index = int(self._touched[: len(self.names)].argmin())
        del self._ids[self.names[index]]
        return index

    def _begin(self, index: int, name: str, profile: str) -> None:
        if index == len(self.names):
            self.names.append("")
            self.profiles.append("")
            self.models.append("")
            self._reach(len(self.names))
        self._ids[name] = index
        self.names[index], self.profiles[index], self.models[index] = name, profile, ""
        self.end_ns[index] = self.heard_ns[index] = self._count[index] = 0
        self.status[index] = NO_WINDOW
        self.score[index] = self.coverage[index] = np.nan

    def _reach(self, size: int) -> None:
        grow = max(0, 2 * size - len(self.end_ns)) if size > len(self.end_ns) else 0
        if not grow:
            return
        for name in ("end_ns", "heard_ns", "status", "score", "coverage", "_count", "_touched"):
            setattr(self, name, np.pad(getattr(self, name), (0, grow)))
        self._spark = np.pad(self._spark, ((0, grow), (0, 0)))


def shorten(column: NDArray[np.floating], digits: int) -> Floats:
    """Return the nearest doubles that need no more than so many digits; NaN stays NaN."""
    value = np.asarray(column, np.float64)
    with np.errstate(all="ignore"):
        size = np.floor(np.log10(np.abs(value)))
        places = digits - 1 - np.where(np.isfinite(size), size, 0)
        up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
        short: Floats = np.rint(value * up / down) * down / up
    return np.where(np.isfinite(short), short, value)
