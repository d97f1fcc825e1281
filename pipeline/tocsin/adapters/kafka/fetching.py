"""How our consumers fetch."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import RecordTooLargeError

from tocsin.adapters.kafka.columns import Columns
from tocsin.adapters.kafka.policy import KafkaPolicy, milliseconds

LOOK_S = 0.2
"""How long one look at what has come may wait: it must never be cancelled."""

_CHUNK = 250  # records at a time: gone before the garbage collector finds them worth a visit
_FETCH_WAIT_S = 0.1


class OversizeError(Exception):
    """An entry stands in the way that is larger than what may be fetched; nothing is skipped."""

    def __init__(self, failure: RecordTooLargeError) -> None:
        _, tp, offset, fetch_bytes = failure.args
        super().__init__(
            f"{tp.topic}[{tp.partition}] at {offset}: a batch of more than {fetch_bytes} bytes;"
            " raise fetch_bytes to the topic's max.message.bytes"
        )


def fetch_options(policy: KafkaPolicy) -> dict[str, Any]:
    """Return how every consumer of ours fetches."""
    return {
        "auto_offset_reset": "none",
        "enable_auto_commit": False,
        "fetch_max_wait_ms": milliseconds(_FETCH_WAIT_S),
        "fetch_max_bytes": 4 * policy.fetch_bytes,
        "max_partition_fetch_bytes": policy.fetch_bytes,
    }


async def take(
    consumer: Any, targets: Sequence[TopicPartition], limit: int, wait_ms: int
) -> Mapping[TopicPartition, Columns]:
    """Return up to ``limit`` records of each target, after waiting up to ``wait_ms`` for any.

    If it fails, nothing has been taken. Once there is something, nothing is waited for any more.
    """
    found: dict[TopicPartition, Columns] = {}
    rows = await consumer.getmany(*targets, timeout_ms=wait_ms, max_records=min(limit, _CHUNK))
    try:
        for tp in rows:
            found[tp] = Columns()
            found[tp].extend(rows[tp], await consumer.position(tp))
        for tp in targets if rows else ():
            await _drain(consumer, tp, limit, found)
    except BaseException:
        for tp, columns in found.items():
            consumer.seek(tp, columns.offsets[0])
        raise
    return found


async def _drain(
    consumer: Any, tp: TopicPartition, limit: int, found: dict[TopicPartition, Columns]
) -> None:
    columns = found.get(tp, Columns())
    while left := limit - len(columns.offsets):
        rows = await consumer.getmany(tp, timeout_ms=0, max_records=min(left, _CHUNK))
        if not rows:
            return
        columns.extend(rows[tp], await consumer.position(tp))
        found[tp] = columns
