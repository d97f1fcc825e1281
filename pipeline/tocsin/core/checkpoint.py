"""What a detector must remember to go on as if it had never stopped.

The note travels with the committed offset in one atomic write. Snapshots hold what rereading the
log would not give back cheaply: alert machines, and lanes too slow to be replayed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tocsin.core.blocks import decode_snapshot, encode_snapshot
from tocsin_models.bundle import Bundle

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of all readings of a partition since its first one."""

    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    rejected: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum of both."""
        return Tally(
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            self.late + other.late,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class Note:
    """What stands beside a committed offset.

    Attributes:
        replay_from: input offset from which lanes are rebuilt, up to the committed one.
        scores_from: offset in ``scores`` from which error rings are rebuilt.
        models: profile -> version that scores from the committed offset on.
        config: digest of the profiles; under another one nothing here has a meaning.
        tally: what became of the readings before the committed offset.
    """

    replay_from: int
    scores_from: int
    models: Mapping[str, str]
    config: str
    tally: Tally = Tally()

    def encode(self) -> str:
        """Return the note as short JSON."""
        tally = self.tally
        counts = [tally.accepted, tally.duplicate, tally.late, tally.rejected]
        note = {
            "v": _VERSION,
            "l": self.replay_from,
            "s": self.scores_from,
            "m": dict(self.models),
            "c": self.config,
            "n": counts,
        }
        return msgspec.json.encode(note).decode()

    @classmethod
    def decode(cls, text: str) -> "Note | None":
        """Return the note, or None if somebody else committed without one."""
        try:
            note = msgspec.json.decode(text)
            if note["v"] != _VERSION:
                return None
            return cls(note["l"], note["s"], note["m"], note["c"], Tally(*note["n"]))
        except (msgspec.DecodeError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One part of one asset's state, as of an input offset."""

    kind: str  # lane or machine
    asset: str
    as_of: int  # entries below this offset are in it
    config: str
    state: Mapping[str, Any]

    @property
    def key(self) -> bytes:
        """The key under which the newest one is kept."""
        return f"{self.kind}/{self.asset}".encode()

    def encode(self) -> bytes:
        """Return the bytes for the ``state`` topic."""
        return encode_snapshot(
            {
                "v": _VERSION,
                "kind": self.kind,
                "asset": self.asset,
                "as_of": self.as_of,
                "config": self.config,
                "state": self.state,
            }
        )

    @classmethod
    def decode(cls, value: bytes) -> "Snapshot":
        """Return what `encode` wrote; raises ValueError for anything else."""
        found = decode_snapshot(value)
        if found.get("v") != _VERSION:
            raise ValueError(f"snapshot version {found.get('v')} is not known here")
        try:
            return cls(
                found["kind"], found["asset"], found["as_of"], found["config"], found["state"]
            )
        except KeyError as missing:
            raise ValueError(f"not a snapshot: {missing} is missing") from missing


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What to write, in this order: the snapshots, then offset and note in one commit."""

    offset: int
    note: Note
    snapshots: Sequence[Snapshot]
    models: Mapping[str, Bundle]  # profile -> what scores from ``offset`` on


@dataclass(frozen=True, slots=True)
class Resume:
    """Where and with what a partition goes on."""

    offset: int
    note: Note | None
    models: Mapping[str, Bundle]
    snapshots: Sequence[Snapshot]
    scores_end: int  # the next offset of the partition's ``scores`` as it is taken over
