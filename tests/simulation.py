"""A detector's life on one partition, with crashes wherever a test wants them, in one thread."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tocsin.core.blocks import decode_scores, encode_scores, encode_transition
from tocsin.core.checkpoint import Checkpoint, Note, Resume, Snapshot
from tocsin.core.engine import Engine, EnginePolicy, Partition
from tocsin.core.judgement import Output
from tocsin.core.profile import Profile
from tocsin.core.records import Batch, Place, Scores
from tocsin_models.bundle import Bundle

PLACE = Place("readings", 0)


@dataclass(frozen=True, slots=True)
class Input:
    """One entry of the input: its log time and its bytes."""

    time_ns: int
    value: bytes


def wide(asset: str, time_ns: int, values: Mapping[str, float]) -> bytes:
    return json.dumps({"asset": asset, "time": time_ns, **values}).encode()


def batch(entries: Sequence[Input], low: int, high: int) -> Batch:
    part = entries[low:high]
    return Batch(
        PLACE,
        low,
        high,
        range(low, high),
        [entry.time_ns for entry in part],
        [None] * len(part),
        [entry.value for entry in part],
        [()] * len(part),
    )


def rows(scores: Scores) -> Iterator[tuple[tuple[str, int], bytes]]:
    """Give (asset, window end) and all bytes of each row."""
    for row in range(len(scores)):
        columns = (
            scores.status[row : row + 1],
            scores.score[row : row + 1],
            scores.error[row : row + 1],
            scores.blame[row],
            scores.expected[row],
            scores.measured[row],
            scores.coverage[row],
        )
        content = b"".join(np.ascontiguousarray(column).tobytes() for column in columns)
        name = scores.names[int(scores.asset[row])]
        yield (name, int(scores.end_ns[row])), content + scores.model.encode()


@dataclass(slots=True)
class World:
    """What outlives a crash: the commit, the compacted state, the scores, and all that was said."""

    entries: Sequence[Input]
    profiles: Sequence[Profile]
    models: Mapping[str, Bundle]
    replay_budget: int = 200_000
    offset: int = 0
    note: Note | None = None
    state: dict[bytes, bytes] = field(default_factory=dict)
    scores: list[bytes] = field(default_factory=list)
    rows: dict[tuple[str, int], bytes] = field(default_factory=dict)
    steps: dict[tuple[str, int], bytes] = field(default_factory=dict)
    conflicts: list[object] = field(default_factory=list)
    partition: Partition | None = None

    def start(self) -> None:
        """Take the partition over, as a process does that has only just begun."""
        engine = Engine(self.profiles, EnginePolicy(replay_budget=self.replay_budget))
        for name, bundle in self.models.items():
            engine.install(name, bundle)
        snapshots = [Snapshot.decode(value) for value in self.state.values()] if self.note else []
        resume = Resume(self.offset, self.note, self.models, snapshots, len(self.scores))
        self.partition = engine.open(resume)
        if self.note:
            start = self.note.replay_from
            for low in range(start, self.offset, 7):
                self.partition.replay(batch(self.entries, low, min(low + 7, self.offset)))
            for floor in range(self.note.scores_from, len(self.scores)):
                self.partition.recall(decode_scores(self.scores[floor]), floor)
        self.partition.restored()
        if self.note is None:  # as whoever takes a place over claims it, by a commit
            versions = {name: bundle.version for name, bundle in self.models.items()}
            self.note = Note(self.offset, len(self.scores), versions, engine.config)

    def feed(self, low: int, high: int, *, mark: bool = False) -> Checkpoint | None:
        """Pass entries through and write all outputs down; return the checkpoint, if one is due."""
        assert self.partition is not None
        checkpoint = None
        for part in self.partition.gather(batch(self.entries, low, high), mark=mark):
            output = self.partition.judge(part)
            self._write(output)
            checkpoint = output.checkpoint
        return checkpoint

    def save(self, checkpoint: Checkpoint) -> None:
        """Write the snapshots of a checkpoint."""
        for snapshot in checkpoint.snapshots:
            self.state[snapshot.key] = snapshot.encode()

    def commit(self, checkpoint: Checkpoint) -> None:
        """Commit, and go on from there."""
        assert self.partition is not None
        self.offset = checkpoint.offset
        self.note = Note.decode(checkpoint.note.encode())
        self.partition.settle(checkpoint, len(self.scores))

    def fresh(self) -> "World":
        """Return the same input with nothing done to it yet."""
        return replace(
            self,
            offset=0,
            note=None,
            state={},
            scores=[],
            rows={},
            steps={},
            conflicts=[],
            partition=None,
        )

    def _write(self, output: Output) -> None:
        for scores in output.scores:
            self.scores.append(encode_scores(scores, output.low, output.high))
            for key, content in rows(scores):
                if self.rows.setdefault(key, content) != content:
                    self.conflicts.append(key)
        for step in output.transitions:
            said = encode_transition(step)
            if self.steps.setdefault((step.id, step.sequence), said) != said:
                self.conflicts.append(step)
