"""The bytes of what Tocsin itself writes into the log: score blocks, transitions, snapshots.

A score block is MessagePack: names and versions in clear, columns as little-endian raw arrays. It
says which input offsets caused it, so that a restore can tell what came before its checkpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from tocsin.core.records import Scores, Transition

_VERSION = 1
_COLUMNS: Mapping[str, str] = {
    "asset": "<i4",
    "end_ns": "<i8",
    "status": "|u1",
    "score": "<f8",
    "error": "<f8",
    "blame": "<f4",
    "expected": "<f4",
    "measured": "<f4",
    "coverage": "<f4",
}
_PER_CHANNEL = frozenset({"blame", "expected", "measured", "coverage"})

BLOCK_ROWS = 2_000
"""Rows a block holds at most, so that it stays below the log's limit of 1 MB."""
BLOCK_CELLS = 40_000
"""Rows times channels a block holds at most, for the same reason."""


@dataclass(frozen=True, slots=True)
class ScoreBlock:
    """Scores, and the input offsets ``low <= offset < high`` that caused them."""

    scores: Scores
    low: int
    high: int


def split_scores(scores: Scores) -> list[Scores]:
    """Cut scores into parts that each fit in one block."""
    rows = max(1, min(BLOCK_ROWS, BLOCK_CELLS // len(scores.channels)))
    return [take_scores(scores, slice(at, at + rows)) for at in range(0, len(scores), rows)]


def take_scores(scores: Scores, rows: slice | NDArray[Any]) -> Scores:
    """Return the chosen rows of ``scores``."""
    columns = {name: getattr(scores, name)[rows] for name in _COLUMNS}
    return Scores(scores.profile, scores.model, scores.channels, scores.names, **columns)


def encode_scores(scores: Scores, low: int, high: int) -> bytes:
    """Return the block of ``scores``; only the names that it uses travel with it."""
    used, asset = np.unique(scores.asset, return_inverse=True)
    columns = {name: _raw(getattr(scores, name), kind) for name, kind in _COLUMNS.items()}
    return msgspec.msgpack.encode(
        {
            "v": _VERSION,
            "low": low,
            "high": high,
            "profile": scores.profile,
            "model": scores.model,
            "channels": scores.channels,
            "names": [scores.names[index] for index in used.tolist()],
            "rows": len(scores),
            **columns,
            "asset": _raw(asset, _COLUMNS["asset"]),
        }
    )


def decode_scores(value: bytes) -> ScoreBlock:
    """Return what `encode_scores` wrote.

    Raises:
        ValueError: if the bytes are no such block.
    """
    try:
        block = msgspec.msgpack.decode(value)
        if block["v"] != _VERSION:
            raise ValueError(f"score block version {block['v']} is not known here")
        return ScoreBlock(_scores(block), block["low"], block["high"])
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise ValueError(f"not a score block: {error}") from error


def encode_transition(transition: Transition) -> bytes:
    """Return the JSON of ``transition``."""
    return msgspec.json.encode(asdict(transition))


def decode_transition(value: bytes) -> Transition:
    """Return what `encode_transition` wrote.

    Raises:
        ValueError: if the bytes are no transition.
    """
    try:
        return msgspec.convert(msgspec.json.decode(value), Transition)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ValueError(f"not a transition: {error}") from error


def encode_snapshot(snapshot: Mapping[str, Any]) -> bytes:
    """Return the MessagePack of an asset's snapshot: plain values and raw bytes."""
    return msgspec.msgpack.encode(snapshot)


def decode_snapshot(value: bytes) -> dict[str, Any]:
    """Return what `encode_snapshot` wrote.

    Raises:
        ValueError: if the bytes are no snapshot.
    """
    try:
        return msgspec.msgpack.decode(value, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"not a snapshot: {error}") from error


def _raw(column: NDArray[Any], kind: DTypeLike) -> bytes:
    return np.ascontiguousarray(column, dtype=kind).tobytes()


def _scores(block: Mapping[str, Any]) -> Scores:
    rows, channels = block["rows"], tuple(block["channels"])
    columns = {}
    for name, kind in _COLUMNS.items():
        shape = (rows, len(channels)) if name in _PER_CHANNEL else (rows,)
        columns[name] = np.frombuffer(block[name], dtype=kind).reshape(shape)
    names: Sequence[str] = tuple(block["names"])
    return Scores(block["profile"], block["model"], channels, names, **columns)
