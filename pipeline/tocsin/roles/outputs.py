"""What a detector writes, as log entries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tocsin.core.blocks import encode_scores, encode_transition, split_scores
from tocsin.core.checkpoint import Snapshot
from tocsin.core.judgement import Output
from tocsin.core.records import Batch, Entry, Record, Reject

LARGE_BYTES = 900_000
"""A dead letter above this would not fit into the log with its headers; its start is kept."""
KEPT_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of the topics that Tocsin reads and writes."""

    readings: str = "readings"
    scores: str = "scores"
    alerts: str = "alerts"
    state: str = "state"
    dead_letters: str = "dead-letters"
    models: str = "models"
    deliveries: str = "deliveries"
    operations: str = "operations"


def score_entries(output: Output, topic: str, partition: int) -> list[Entry]:
    """Return the score blocks of ``output``."""
    return [
        Entry(topic, encode_scores(part, output.low, output.high), partition=partition)
        for scores in output.scores
        for part in split_scores(scores)
    ]


def alert_entries(output: Output, topic: str, partition: int) -> list[Entry]:
    """Return the alert steps of ``output``, keyed by asset."""
    return [
        Entry(topic, encode_transition(step), step.asset.encode(), partition)
        for step in output.transitions
    ]


def state_entries(snapshots: Iterable[Snapshot], topic: str, partition: int) -> list[Entry]:
    """Return the snapshots of a checkpoint."""
    return [Entry(topic, snapshot.encode(), snapshot.key, partition) for snapshot in snapshots]


def dead_letters(rejects: Sequence[Reject], batch: Batch, topic: str) -> list[Entry]:
    """Return one dead letter for each log entry of which something could not be used."""
    reasons: dict[int, list[Reject]] = {}
    for reject in rejects:
        reasons.setdefault(reject.offset, []).append(reject)
    place = {offset: index for index, offset in enumerate(batch.offsets) if offset in reasons}
    return [_letter(batch.record(place[at]), found, topic) for at, found in reasons.items()]


def _letter(record: Record, rejects: Sequence[Reject], topic: str) -> Entry:
    """Return a dead letter with the header names of Kafka Connect (KIP-298)."""
    value, headers = record.value, record.headers
    detail = "; ".join(reject.detail for reject in rejects)[:1_000]
    headers += (
        ("__connect.errors.topic", record.topic.encode()),
        ("__connect.errors.partition", str(record.partition).encode()),
        ("__connect.errors.offset", str(record.offset).encode()),
        ("__connect.errors.stage", rejects[0].reason.encode()),
        ("__connect.errors.exception.message", detail.encode()),
    )
    if value is not None and len(value) > LARGE_BYTES:
        headers += (("tocsin.truncated.from", str(len(value)).encode()),)
        value = value[:KEPT_BYTES]
    return Entry(topic, value, record.key, headers=headers)
