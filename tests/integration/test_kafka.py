"""Kafka's log when brokers and members die."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest

from integration.kafka_steps import create, gain, hear
from servers.servers import KafkaServer, free_ports
from tocsin.adapters.kafka import KafkaLog, KafkaPolicy
from tocsin.core.records import Entry, Place
from tocsin.ports import Commit, Unavailable

pytestmark = pytest.mark.integration

SESSION_S = 6.0
TAKEOVER_S = 15.0

MEMBER = """
import asyncio, sys
from tocsin.adapters.kafka import KafkaLog, KafkaPolicy
from tocsin.ports import Commit

async def sit(bootstrap, group, topic, session_s):
    policy = KafkaPolicy(bootstrap, session_timeout_s=float(session_s))
    async with KafkaLog(policy) as log, log.join(group, [topic]) as member:
        held = set()
        while True:
            poll = await member.poll(held, timeout_s=0.1, max_records=100)
            for place in held:
                print(await member.commit(place, Commit(4, "first")), flush=True)
            held = held.difference(poll.lost).union(poll.gained)

asyncio.run(sit(*sys.argv[1:]))
"""


async def insist(attempt: Callable[[], Awaitable[object]]) -> int:
    """Repeat until it is not refused as unavailable; return how often it was."""
    refusals = 0
    while True:
        try:
            await attempt()
        except Unavailable:
            refusals += 1
            await asyncio.sleep(0.1)
        else:
            return refusals


@asynccontextmanager
async def sitting(
    server: KafkaServer, group: str, topic: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run another member in a process of its own, which commits offset 4 all the time."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MEMBER, server.bootstrap, group, topic, str(SESSION_S)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


# Brokers that die


async def test_a_broker_that_dies_costs_nothing_and_the_same_process_goes_on(
    own_kafka: KafkaServer,
) -> None:
    policy = KafkaPolicy(
        own_kafka.bootstrap, session_timeout_s=SESSION_S, append_timeout_s=2, request_timeout_s=2
    )
    total = 30
    async with KafkaLog(policy) as log:
        (place,) = await create(log)
        async with log.join("group", [place.topic]) as member:
            await gain(member, [place])

            async def write() -> None:
                for number in range(total):
                    entry = Entry(place.topic, b"%d" % number, partition=0)
                    await insist(lambda entry=entry: log.append([entry]))  # type: ignore[misc]
                    await asyncio.sleep(0.1)

            async def harm() -> None:
                await asyncio.sleep(1)
                await asyncio.to_thread(own_kafka.kill)
                await asyncio.sleep(1)
                await asyncio.to_thread(own_kafka.start)

            last = b"%d" % (total - 1)
            heard, _, _ = await asyncio.gather(hear(member, place, last), write(), harm())
            once = list(dict.fromkeys(heard))
            assert once == [b"%d" % number for number in range(total)]
            while not await member.commit(place, Commit(len(heard), "all")):
                await hear(member, place, last)
            assert await member.committed(place) == Commit(len(heard), "all")


async def test_what_was_given_up_while_the_broker_was_away_comes_before_what_follows(
    own_kafka: KafkaServer,
) -> None:
    policy = KafkaPolicy(own_kafka.bootstrap, append_timeout_s=1, request_timeout_s=1)
    async with KafkaLog(policy) as log:
        (place,) = await create(log)
        await log.append([Entry(place.topic, b"0")])
        await asyncio.to_thread(own_kafka.kill)
        for _ in range(2):
            with pytest.raises(Unavailable, match=own_kafka.bootstrap):
                await log.append([Entry(place.topic, b"1")])
        await asyncio.to_thread(own_kafka.start)
        await insist(lambda: log.append([Entry(place.topic, b"2")]))
        low, high = await log.bounds(place)
        written = [v async for batch in log.read(place, low, high) for v in batch.values]
        assert written == [b"0", b"1", b"2"]


async def test_everything_ends_in_time_while_the_broker_is_away(own_kafka: KafkaServer) -> None:
    policy = KafkaPolicy(
        own_kafka.bootstrap, append_timeout_s=1, request_timeout_s=1, close_timeout_s=1
    )
    async with KafkaLog(policy) as log:
        (place,) = await create(log)
        async with log.join("group", [place.topic]) as member:
            await gain(member, [place])
            await log.append([Entry(place.topic, b"0")])
            await asyncio.to_thread(own_kafka.kill)
            began_s = time.monotonic()
            for attempt in (
                lambda: log.append([Entry(place.topic, b"1")]),
                lambda: log.bounds(place),
                lambda: log.partitions(place.topic),
                log.ping,
                lambda: log.last_values(place),
                lambda: member.committed(place),
                lambda: member.commit(place, Commit(1)),
            ):
                with pytest.raises(Unavailable):
                    await attempt()
            await member.poll({place}, timeout_s=0.5, max_records=10)
            assert time.monotonic() - began_s < 15
            began_s = time.monotonic()
    assert time.monotonic() - began_s < 6


async def test_a_frozen_broker_holds_nobody_up_for_long(own_kafka: KafkaServer) -> None:
    policy = KafkaPolicy(
        own_kafka.bootstrap, append_timeout_s=1, request_timeout_s=1, close_timeout_s=1
    )
    async with KafkaLog(policy) as log:
        (place,) = await create(log)
        async with log.join("group", [place.topic]) as member:
            await gain(member, [place])
            await log.append([Entry(place.topic, b"0")])
            own_kafka.pause()
            began_s = time.monotonic()
            with pytest.raises(Unavailable):
                await member.commit(place, Commit(1))
            with pytest.raises(Unavailable):
                await log.append([Entry(place.topic, b"1")])
            with pytest.raises(Unavailable):
                await log.bounds(place)
            await member.poll({place}, timeout_s=0.2, max_records=10)
    assert time.monotonic() - began_s < 12
    own_kafka.resume()


async def test_a_broker_that_is_not_there_is_named_and_not_waited_for() -> None:
    (port,) = free_ports(1)
    policy = KafkaPolicy(
        f"127.0.0.1:{port}",
        security_protocol="SASL_PLAINTEXT",
        sasl_username="tocsin",
        sasl_password="do not tell",  # noqa: S106
    )
    began_s = time.monotonic()
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}") as refusal:
        async with KafkaLog(policy):
            pass
    assert time.monotonic() - began_s < 12
    assert "do not tell" not in f"{policy!r} {refusal.value!r} {refusal.value.__cause__!r}"


# Members that die


@pytest.fixture
async def log(kafka_server: KafkaServer) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(KafkaPolicy(kafka_server.bootstrap, session_timeout_s=SESSION_S)) as log:
        yield log


async def test_a_killed_member_is_replaced_in_time(
    kafka_server: KafkaServer, log: KafkaLog
) -> None:
    places = await create(log, 4)
    topic, group = places[0].topic, f"group-{uuid4().hex}"
    async with sitting(kafka_server, group, topic) as other:
        assert other.stdout
        await other.stdout.readline()
        async with log.join(group, [topic]) as member:
            held: set[Place] = set()
            while len(held) != 2:
                poll = await member.poll((), timeout_s=0.1, max_records=1)
                held = held.difference(poll.lost).union(poll.gained)
            other.kill()
            assert await gain(member, places) < TAKEOVER_S


async def test_a_frozen_member_is_replaced_in_time_and_cannot_commit_when_it_wakes(
    kafka_server: KafkaServer, log: KafkaLog
) -> None:
    (place,) = await create(log)
    group = f"group-{uuid4().hex}"
    async with sitting(kafka_server, group, place.topic) as zombie:
        assert zombie.stdout
        assert await zombie.stdout.readline() == b"True\n"
        zombie.send_signal(signal.SIGSTOP)
        async with log.join(group, [place.topic]) as member:
            assert await gain(member, [place]) < TAKEOVER_S
            assert await member.commit(place, Commit(7, "second"))
            zombie.send_signal(signal.SIGCONT)
            while await zombie.stdout.readline() != b"False\n":
                pass
            assert await member.committed(place) == Commit(7, "second")
