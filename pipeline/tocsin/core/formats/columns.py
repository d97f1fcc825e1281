"""Columns in the making: what the readers of one batch find, and how it becomes `Readings`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tocsin.core.records import Batch, Floats, Ids, Names, Readings, Reject, Times

MOST_REJECTS = 100
"""Rejects that one log entry may cause; a megabyte of rubbish must not become a million."""

_LONGEST_DETAIL = 500
_LONGEST_NAME = 200
# control characters would break line protocols, lone surrogates cannot be written at all
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Part:
    """M readings of a batch; ``row`` is the index of the entry within the batch."""

    row: Times  # [M] never falling
    asset: Ids  # [M]
    channel: Ids  # [M]
    time_ns: Times  # [M]
    value: Floats  # [M]


@dataclass(slots=True)
class Sheet:
    """Readings and rejects as they are found one by one, entry after entry."""

    row: list[int] = field(default_factory=list)
    asset: list[int] = field(default_factory=list)
    channel: list[int] = field(default_factory=list)
    time_ns: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    ignored: int = 0
    _row: int = 0
    _offset: int = 0
    _rejected: int = 0

    def begin(self, row: int, offset: int) -> None:
        """What is added from here on comes from this entry."""
        self._row, self._offset, self._rejected = row, offset, 0

    def add(self, asset: int, channel: int, time_ns: int, value: float) -> None:
        """Add a reading."""
        self.row.append(self._row)
        self.asset.append(asset)
        self.channel.append(channel)
        self.time_ns.append(time_ns)
        self.value.append(value)

    def reject(self, reason: str, detail: str) -> None:
        """Add a reject; of those beyond `MOST_REJECTS` only the first is told."""
        self._rejected += 1
        if self._rejected > MOST_REJECTS:
            return
        if self._rejected == MOST_REJECTS:
            detail = f"{detail} (more of this entry is not listed)"
        self.rejects.append(Reject(self._offset, reason, detail[:_LONGEST_DETAIL]))

    def part(self) -> Part:
        """Return the readings as columns."""
        return Part(
            np.array(self.row, np.int64),
            np.array(self.asset, np.int32),
            np.array(self.channel, np.int32),
            np.array(self.time_ns, np.int64),
            np.array(self.value, np.float64),
        )


class AssetIds(dict[object, int]):
    """Names as they stand in the data -> ids, or -1 for what cannot be a name.

    Names are texts of 1 to 200 characters without control characters, or integers.
    """

    def __init__(self, names: Names) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, name: object) -> int:
        text = _text(name)
        if not 1 <= len(text) <= _LONGEST_NAME or _UNFIT.search(text):
            return -1
        found = self[name] = self._names.intern(text)
        return found


def assemble(batch: Batch, parts: Sequence[Part]) -> Readings:
    """Return the readings of all parts in the order of the log."""
    part = _merge([part for part in parts if len(part.row)])
    offsets = np.array(batch.offsets, np.int64)
    arrived = np.array(batch.times_ns, np.int64)
    return Readings(
        part.asset, part.channel, part.time_ns, part.value, offsets[part.row], arrived[part.row]
    )


def _merge(parts: Sequence[Part]) -> Part:
    if not parts:
        return Sheet().part()
    if len(parts) == 1:
        return parts[0]
    row = np.concatenate([part.row for part in parts])
    # stable: an entry's readings all stand in one part, in their order
    order = np.argsort(row, kind="stable")
    return Part(
        row[order],
        np.concatenate([part.asset for part in parts])[order],
        np.concatenate([part.channel for part in parts])[order],
        np.concatenate([part.time_ns for part in parts])[order],
        np.concatenate([part.value for part in parts])[order],
    )


def _text(name: object) -> str:
    if type(name) is bytes:
        return name.decode("utf-8", "surrogateescape")
    if type(name) is int:
        return str(name) if abs(name) < 1 << 64 else ""
    return name if type(name) is str else ""
