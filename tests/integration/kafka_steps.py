"""What the tests of Kafka's log do again and again."""

import time
from uuid import uuid4

from tocsin.adapters.kafka import KafkaLog
from tocsin.core.records import Place
from tocsin.ports import Membership, TopicSpec


async def create(log: KafkaLog, partitions: int = 1) -> list[Place]:
    topic = f"topic-{uuid4().hex}"
    (finding,) = await log.declare([TopicSpec(topic, partitions)], create=True)
    assert finding.state == "created"
    return [Place(topic, partition) for partition in range(partitions)]


async def gain(member: Membership, places: list[Place]) -> float:
    """Poll until exactly these are held, and read them from the start; return how long it took."""
    began_s = time.monotonic()
    held: set[Place] = set()
    while held != set(places):
        poll = await member.poll((), timeout_s=0.1, max_records=1)
        held = held.difference(poll.lost).union(poll.gained)
    for place in places:
        await member.seek(place, 0)
    return time.monotonic() - began_s


async def hear(member: Membership, place: Place, last: bytes) -> list[bytes]:
    """Poll until ``last`` has come, beginning again wherever the place is lost."""
    heard: list[bytes] = []
    while last not in heard:
        poll = await member.poll({place}, timeout_s=0.2, max_records=100)
        if poll.gained:
            heard.clear()
            await member.seek(place, 0)
        heard.extend(value for batch in poll.batches for value in batch.values if value is not None)
    return heard
