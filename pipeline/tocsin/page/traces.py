"""What was measured, expected and blamed in the last windows of assets: rings of columns."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tocsin.core.records import Bytes, Floats, Ids, Scores, Singles, Status, Times
from tocsin.page.fleet import News

DEPTH = 600
"""Windows that are kept of an asset."""

CELLS = ("measured", "expected", "blame", "coverage")
"""What is kept of every channel of a window."""

_QUIET_NS = 600_000_000_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """N windows of one asset, oldest first."""

    profile: str
    channels: tuple[str, ...]
    end_ns: Times  # [N]
    score: Floats  # [N]
    error: Floats  # [N]
    status: Bytes  # [N]
    model: list[str]  # [N]
    coverage: Singles  # [N] of the whole window
    cells: Singles  # [N, 4, F] measured, expected, blame, coverage


class Traces:
    """The histories of one profile's assets, as many as there is room for.

    When there is none left, an asset takes the place of one of which nothing was heard for ten
    minutes of the log's own time. An asset that is wanted takes the place of the one that was
    longest without news.

    Args:
        profile: its name.
        channels: its channels.
        room_bytes: what all histories together may take.
    """

    def __init__(self, profile: str, channels: tuple[str, ...], room_bytes: int) -> None:
        self.channels = channels
        self._profile = profile
        row_bytes = 8 + 8 + 8 + 1 + 4 + 4 + 4 * 4 * len(channels)
        places = max(1, min(5_000, room_bytes // (row_bytes * DEPTH)))
        # Unwritten memory of this size is only asked for, not taken.
        self._end_ns: Times = np.empty((places, DEPTH), np.int64)
        self._scores: Floats = np.empty((places, DEPTH, 2))  # smoothed, and the window's own
        self._status: Bytes = np.empty((places, DEPTH), np.uint8)
        self._model: Ids = np.empty((places, DEPTH), np.int32)
        self._coverage: Singles = np.empty((places, DEPTH), np.float32)
        self._cells: Singles = np.empty((places, DEPTH, len(CELLS), len(channels)), np.float32)
        self._count: Times = np.zeros(places, np.int64)
        self._heard_ns: Times = np.zeros(places, np.int64)
        self._owner: list[str] = []
        self._places: dict[str, int] = {}
        self._models: list[str] = []

    def __len__(self) -> int:
        return len(self._places)

    def take(
        self, scores: Scores, news: News, is_wanted: Callable[[str], bool], heard_ns: int
    ) -> None:
        """Keep the news of a block, of those assets that have a place or get one."""
        asset = scores.asset[news.row]
        for index in asset[news.last].tolist():
            name = scores.names[index]
            self._place(name, heard_ns, wanted=is_wanted(name))
        place = np.array([self._places.get(name, -1) for name in scores.names], np.int64)
        at, rows, rank = place[asset], news.row, news.rank
        if (at < 0).any():
            at, rows, rank = at[at >= 0], rows[at >= 0], rank[at >= 0]
        slot = (at, (self._count[at] + rank) % DEPTH)
        known = (scores.status == Status.OK)[rows, None]
        numbers = np.stack([scores.score[rows], scores.error[rows]], axis=1)
        self._end_ns[slot] = scores.end_ns[rows]
        self._scores[slot] = np.where(known, numbers, np.nan)
        self._status[slot] = np.minimum(scores.status[rows], Status.ERROR)
        self._model[slot] = self._version(scores.model)
        self._coverage[slot] = scores.coverage[rows].mean(axis=1)
        for number, name in enumerate(CELLS):
            self._cells[(*slot, number)] = getattr(scores, name)[rows]
        np.add.at(self._count, at, 1)

    def since(self, name: str, end_ns: int) -> tuple[bool, Stretch]:
        """Return what is kept of an asset's windows that end after ``end_ns``.

        The flag says whether that is all that is kept: it then replaces what was known before.
        """
        place = self._places.get(name)
        count = 0 if place is None else int(self._count[place])
        kept = np.arange(max(0, count - DEPTH), count) % DEPTH
        if place is not None:
            kept = kept[self._end_ns[place, kept] > end_ns]
        slot = (0 if place is None else place, kept)
        score, error = self._scores[slot].T
        stretch = Stretch(
            self._profile,
            self.channels,
            self._end_ns[slot],
            score,
            error,
            self._status[slot],
            [self._models[model] for model in self._model[slot].tolist()],
            self._coverage[slot],
            self._cells[slot],
        )
        return len(kept) == min(count, DEPTH), stretch

    def _place(self, name: str, heard_ns: int, *, wanted: bool) -> None:
        """Give an asset a place, if it has none and there is one."""
        place = self._places.get(name)
        if place is None:
            place = self._vacant(heard_ns, wanted=wanted)
            if place is None:
                return
            self._places[name], self._owner[place], self._count[place] = place, name, 0
        self._heard_ns[place] = heard_ns

    def _vacant(self, heard_ns: int, *, wanted: bool) -> int | None:
        if len(self._owner) < len(self._count):
            self._owner.append("")
            return len(self._owner) - 1
        place = int(self._heard_ns.argmin())
        if not wanted and self._heard_ns[place] > heard_ns - _QUIET_NS:
            return None
        del self._places[self._owner[place]]
        return place

    def _version(self, model: str) -> int:
        """Return the index of a version; the newest is nearly always the one."""
        if model not in self._models:
            self._models.append(model)
        return self._models.index(model)
