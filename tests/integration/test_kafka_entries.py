"""Where Kafka is unlike any other log: what is read, what is refused, who may come in."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import RecordTooLargeError

from integration.kafka_steps import create, gain, hear
from servers.running import running
from servers.servers import KafkaServer, free_ports
from tocsin.adapters.kafka import KafkaLog, KafkaPolicy
from tocsin.adapters.kafka.fetching import OversizeError
from tocsin.adapters.kafka.membership import KafkaMembership
from tocsin.adapters.kafka.watchdog import StalledError
from tocsin.core.records import Batch, Entry
from tocsin.ports import Rejected, Unavailable

pytestmark = pytest.mark.integration

SECRET = "do not tell"  # noqa: S105


@asynccontextmanager
async def administration(server: KafkaServer) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@pytest.fixture
async def log(kafka_server: KafkaServer) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(KafkaPolicy(kafka_server.bootstrap)) as log:
        yield log


async def test_what_retention_took_is_left_out_and_the_batch_says_so(
    kafka_server: KafkaServer, log: KafkaLog
) -> None:
    (place,) = await create(log)
    await log.append([Entry(place.topic, b"%d" % number) for number in range(10)])
    async with administration(kafka_server) as admin:
        tp = TopicPartition(place.topic, place.partition)
        await admin.delete_records({tp: RecordsToDelete(before_offset=6)})
    assert await log.bounds(place) == (6, 10)
    assert [batch.low async for batch in log.read(place, 0, 10)] == [6]
    async with log.join(f"group-{uuid4().hex}", [place.topic]) as member:
        await gain(member, [place])
        batches: list[Batch] = []
        while not batches:
            poll = await member.poll({place}, timeout_s=0.2, max_records=10)
            batches.extend(poll.batches)
        assert [(batch.low, batch.high) for batch in batches] == [(6, 10)]


async def test_a_range_that_ends_in_a_transaction_marker_ends(
    kafka_server: KafkaServer, log: KafkaLog
) -> None:
    (place,) = await create(log)
    options = {"bootstrap_servers": kafka_server.bootstrap, "transactional_id": uuid4().hex}
    async with AIOKafkaProducer(**options) as producer, producer.transaction():
        await producer.send_and_wait(place.topic, b"in a transaction")
    assert await log.bounds(place) == (0, 2)
    batches = [batch async for batch in log.read(place, 0, 2)]
    assert [list(batch.values) for batch in batches] == [[b"in a transaction"]]


async def test_an_entry_that_a_topic_has_become_too_small_for_is_refused_alone(
    kafka_server: KafkaServer, log: KafkaLog
) -> None:
    (place,) = await create(log)
    await log.append([Entry(place.topic, b"before")])
    async with administration(kafka_server) as admin:
        settings = {"max.message.bytes": "2000"}
        topic = ConfigResource(ConfigResourceType.TOPIC, place.topic, settings)
        await admin.alter_configs([topic])
    entries = [Entry(place.topic, value) for value in (bytes(1000), bytes(3000), b"", bytes(1000))]
    with pytest.raises(Rejected) as refusal:
        await log.append(entries)
    assert list(refusal.value.reasons) == [1]
    low, high = await log.bounds(place)
    sizes = [len(v or b"") async for b in log.read(place, low, high) for v in b.values]
    assert sizes == [6, 1000, 0, 1000]
    assert await log.append([Entry(place.topic, b"after")]) == [4]


async def test_an_entry_from_the_far_future_is_refused_alone(log: KafkaLog) -> None:
    (place,) = await create(log)
    future_ns = time.time_ns() + 48 * 3600 * 10**9
    entries = [
        Entry(place.topic, b"%d" % n, time_ns=future_ns if n == 1 else None) for n in range(3)
    ]
    with pytest.raises(Rejected) as refusal:
        await log.append(entries)
    assert list(refusal.value.reasons) == [1]
    assert await log.bounds(place) == (0, 2)


async def test_entries_that_are_larger_than_a_fetch_come_all_the_same(
    kafka_server: KafkaServer, log: KafkaLog
) -> None:
    places = await create(log, 3)
    large = bytes(90_000)
    await log.append([Entry(place.topic, large, None, place.partition) for place in places * 2])
    policy = KafkaPolicy(kafka_server.bootstrap, fetch_bytes=10_000)
    async with KafkaLog(policy) as narrow, narrow.join("narrow", [places[0].topic]) as member:
        await gain(member, places)
        heard: list[tuple[int, int]] = []
        while len(heard) < 6:
            poll = await member.poll(places, timeout_s=0.2, max_records=10)
            heard.extend((b.place.partition, offset) for b in poll.batches for offset in b.offsets)
    assert sorted(heard) == [(partition, offset) for partition in range(3) for offset in range(2)]


async def test_an_entry_that_the_client_skips_as_too_large_stops_the_reader(log: KafkaLog) -> None:
    (place,) = await create(log)
    async with log.join(f"group-{uuid4().hex}", [place.topic]) as member:
        await gain(member, [place])
        assert isinstance(member, KafkaMembership)
        consumer, tp = member._consumer, TopicPartition(place.topic, place.partition)
        # what aiokafka does in Fetcher._proc_fetch_request (aio-libs/aiokafka#1173)
        consumer._fetcher._set_error(tp, RecordTooLargeError("too large", tp, 0, 10_000))
        consumer._subscription.subscription.assignment.state_value(tp).consumed_to(1)
        with pytest.raises(OversizeError, match="10000 bytes"):
            await member.poll({place}, timeout_s=0.2, max_records=10)
        assert await consumer.position(tp) == 0


async def test_a_client_that_stopped_reading_is_noticed(kafka_server: KafkaServer) -> None:
    policy = KafkaPolicy(kafka_server.bootstrap, stall_s=1.0)
    async with KafkaLog(policy) as log:
        (place,) = await create(log)
        async with log.join(f"group-{uuid4().hex}", [place.topic]) as member:
            await gain(member, [place])
            await member.poll({place}, timeout_s=2.5, max_records=10)  # nothing is there: no alarm
            assert isinstance(member, KafkaMembership)
            member._consumer._fetcher._fetch_task.cancel()
            await asyncio.sleep(0.5)  # the last fetch has come back empty
            await log.append([Entry(place.topic, b"unread")])
            with pytest.raises(StalledError, match=place.topic):
                await member.poll({place}, timeout_s=10, max_records=10)


async def test_appends_at_the_same_time_do_not_disturb_each_other(log: KafkaLog) -> None:
    places = await create(log, 3)

    async def write(writer: int) -> list[tuple[int, int]]:
        keys = []
        for turn in range(20):
            place = places[(writer + turn) % 3]
            value = b"%d %d" % (writer, turn)
            (offset,) = await log.append([Entry(place.topic, value, partition=place.partition)])
            keys.append((place.partition, offset))
        return keys

    found = await asyncio.gather(*(write(writer) for writer in range(8)))
    assert len({key for keys in found for key in keys}) == 160
    assert sum([(await log.bounds(place))[1] for place in places]) == 160


class GuardedKafka(KafkaServer):
    """A broker with a second door that asks for a password."""

    def settings(self) -> dict[str, object]:
        settings = super().settings()
        (port,) = free_ports(1)
        self.door = f"127.0.0.1:{port}"
        for name in ("listeners", "advertised.listeners"):
            settings[name] = f"{settings[name]},SASL_PLAINTEXT://{self.door}"
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        return settings | {
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
                f'{module} required user_tocsin="{SECRET}";'
            ),
        }


@pytest.fixture
def guarded_kafka(tmp_path: Path) -> Iterator[GuardedKafka]:
    with running(GuardedKafka, tmp_path / "kafka") as server:
        yield server


async def test_a_password_opens_the_door_and_a_wrong_one_is_not_repeated_to_anybody(
    guarded_kafka: GuardedKafka, caplog: pytest.LogCaptureFixture
) -> None:
    policy = KafkaPolicy(
        guarded_kafka.door,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="tocsin",
        sasl_password=SECRET,
    )
    async with KafkaLog(policy) as log:
        (place,) = await create(log)
        await log.append([Entry(place.topic, b"inside")])
        async with log.join("group", [place.topic]) as member:
            await gain(member, [place])
            assert await hear(member, place, b"inside") == [b"inside"]
    with pytest.raises(Unavailable) as refusal:
        async with KafkaLog(replace(policy, sasl_password=f"{SECRET} wrong")):
            pass
    assert SECRET not in f"{policy!r} {refusal.value!r} {refusal.value.__cause__!r} {caplog.text}"
