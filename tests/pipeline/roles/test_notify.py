import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

import pytest
from standardwebhooks import Webhook

from draining import (
    MemoryNotifier,
    a_log,
    alert_entries,
    committed,
    kill,
    running,
    step,
    until,
)
from scripted import HANG, RESET, Answer, Asked, ScriptedServer
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.adapters.webhook import WebhookNotifier, WebhookPolicy
from tocsin.core.notices import notice_id
from tocsin.core.records import Entry, Place, State
from tocsin.ports import Notifier, TopicSpec, Unavailable
from tocsin.roles.notify import Notify, NotifyPolicy
from tocsin.roles.outbox import RetryPolicy
from tocsin.tools.receiver import Receiver

SECRET = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"  # noqa: S105
FAST = RetryPolicy(delays_s=(0.0, *[0.01] * 500), again_s=0.0)
POLICY = NotifyPolicy(retries=FAST, poll_s=0.02)
DELIVERIES = Place("deliveries", 0)


@pytest.fixture
async def log() -> AsyncIterator[EmbeddedLog]:
    async with a_log() as log:
        yield log


@pytest.fixture
def shift() -> MemoryNotifier:
    return MemoryNotifier()


def notify(
    log: EmbeddedLog, receivers: Mapping[str, Notifier], policy: NotifyPolicy = POLICY
) -> Notify:
    return Notify(log, receivers, policy, time.time_ns)


def told(notifier: MemoryNotifier) -> list[tuple[str, int]]:
    return [(each.id, each.sequence) for each in notifier.told]


async def marks(log: EmbeddedLog) -> dict[str, tuple[int, str]]:
    records = await log.last_values(DELIVERIES)
    found = {}
    for key, record in records.items():
        mark = json.loads(record.value or b"")
        found[key.decode()] = (mark["sequence"], mark["status"])
    return found


async def settled(log: EmbeddedLog) -> int:
    return sum([await committed(log, "tocsin-notify", Place("alerts", n)) for n in range(2)])


async def test_a_receiver_is_told_of_opening_and_end_and_the_log_remembers_it(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    role = notify(log, {"shift": shift})
    async with running(role):
        await log.append(alert_entries([step("a1", 1)]))
        await until(lambda: len(shift.told) == 1)
        await log.append(alert_entries([step("a1", 2, State.RESOLVED)]))
        await until(lambda: len(shift.told) == 2)
    assert told(shift) == [("a1", 1), ("a1", 2)]
    assert await marks(log) == {"a1|shift": (2, "delivered")}
    assert await settled(log) == 2
    (receiver,) = role.statistics().receivers
    assert (receiver.receiver, receiver.delivered, receiver.pending) == ("shift", 2, 0)


async def test_the_webhook_that_arrives_is_signed_and_keeps_its_id(log: EmbeddedLog) -> None:
    async with Receiver(SECRET) as receiver:
        receiver.answers.extend([500, 0, 503])
        policy = WebhookPolicy("shift", receiver.url, SECRET)
        async with (
            WebhookNotifier(policy, time.time_ns) as notifier,
            running(notify(log, {"shift": notifier})),
        ):
            await log.append(alert_entries([step("a1", 1)]))
            await until(lambda: len(receiver.accepted) == 1)
    assert [each.status for each in receiver.deliveries] == [500, 0, 503, 204]
    assert {each.id for each in receiver.deliveries} == {notice_id("shift", step("a1", 1))}
    assert all(each.verified for each in receiver.deliveries)
    assert json.loads(receiver.accepted[0].body)["status"] == "firing"


class Chaos:
    """Verifies what arrives and answers 30 % 500, 10 % reset, 5 % never, 5 % 429."""

    def __init__(self, seed: int) -> None:
        self.taken: list[str] = []
        self.bodies: dict[str, set[bytes]] = {}
        self._dice = random.Random(seed)

    def has_taken(self, count: int) -> bool:
        return len(self.taken) >= count

    def answer(self, asked: Asked) -> Answer:
        Webhook(SECRET).verify(asked.body, asked.headers)
        name = asked.headers["webhook-id"]
        self.bodies.setdefault(name, set()).add(asked.body)
        answers = [Answer(500), RESET, HANG, Answer(429), Answer()]
        (answer,) = self._dice.choices(answers, [30, 10, 5, 5, 50])
        if answer.status == 204:
            self.taken.append(name)
        return answer


async def test_through_chaos_and_kills_every_step_arrives_in_order(log: EmbeddedLog) -> None:
    chaos, kills = Chaos(seed=7), 5
    steps = [
        step(f"a{n}", sequence, State.RESOLVED if sequence == 2 else State.OPEN, f"p{n % 7}")
        for sequence in (1, 2)
        for n in range(60)
    ]
    wanted = {notice_id("shift", each): each for each in steps}
    await log.append(alert_entries(steps))
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ScriptedServer(chaos.answer))
        policy = WebhookPolicy("shift", f"{server.url}/", SECRET, timeout_s=0.1)
        notifier = await stack.enter_async_context(WebhookNotifier(policy, time.time_ns))
        for kill_at in range(18, 18 * kills + 1, 18):
            async with running(notify(log, {"shift": notifier})) as task:
                await until(partial(chaos.has_taken, kill_at))
                await kill(task)
        async with running(notify(log, {"shift": notifier})):
            await until(lambda: set(chaos.taken) == set(wanted))
    first = {name: order for order, name in reversed(list(enumerate(chaos.taken)))}
    assert all(len(bodies) == 1 for bodies in chaos.bodies.values())
    assert len(chaos.taken) - len(wanted) <= kills * FAST.parallel
    for n in range(60):
        opened, ended = (notice_id("shift", step(f"a{n}", sequence)) for sequence in (1, 2))
        assert first[opened] < first[ended]
    assert await settled(log) == len(steps)


async def test_a_dead_receiver_delays_only_itself(log: EmbeddedLog, shift: MemoryNotifier) -> None:
    dead = MemoryNotifier()
    dead.hangs = True
    steps = [step(f"a{n}", 1) for n in range(50)]
    role = notify(log, {"dead": dead, "shift": shift})
    began_s = time.monotonic()
    async with running(role):
        await log.append(alert_entries(steps))
        await until(lambda: len(shift.told) == 50)
        assert time.monotonic() - began_s < 5
    assert await settled(log) == 0, "the dead one has not been told yet"
    dead.hangs = False
    async with running(notify(log, {"dead": dead, "shift": shift})):
        await until(lambda: len(dead.told) == 50)
    assert len(shift.told) == 50, "nobody is told twice"
    assert await settled(log) == 50


async def test_a_receiver_with_no_room_left_is_told_the_rest_from_the_log(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    dead = MemoryNotifier()
    dead.down = True
    steps = [step(f"a{n}", 1) for n in range(100)]
    policy = replace(POLICY, retries=replace(FAST, pending=8))
    role = notify(log, {"dead": dead, "shift": shift}, policy)
    async with running(role):
        for first in range(0, 100, 10):
            await log.append(alert_entries(steps[first : first + 10]))
        await until(lambda: len(shift.told) == 100)
        assert role.statistics().receivers[0].pending == 8
        dead.down = False
        await until(lambda: len(dead.told) == 100)
    assert sorted(told(dead)) == sorted(told(shift))
    assert await settled(log) == 100


async def test_410_disables_a_receiver_until_the_next_start(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    gone = MemoryNotifier()
    gone.gone = True
    policy = replace(POLICY, retries=replace(FAST, parallel=1))
    role = notify(log, {"gone": gone, "shift": shift}, policy)
    async with running(role):
        await log.append(alert_entries([step("a1", 1), step("a2", 1), step("a3", 1)]))
        await until(lambda: len(shift.told) == 3 and role.statistics().receivers[0].pending == 0)
    assert len(gone.tries) == 1
    assert role.statistics().receivers[0].disabled
    found = await marks(log)
    assert {found[f"a{n}|gone"] for n in (1, 2, 3)} == {(1, "disabled")}
    assert await settled(log) == 3
    gone.gone = False
    async with running(notify(log, {"gone": gone, "shift": shift})):
        await log.append(alert_entries([step("a4", 1)]))
        await until(lambda: len(gone.told) == 1)
    assert told(gone) == [("a4", 1)]


async def test_a_step_that_stands_twice_in_the_log_is_told_once(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    await log.append(alert_entries([step("a1", 1), step("a1", 1)]))
    async with running(notify(log, {"shift": shift})):
        await until(lambda: len(shift.told) == 1)
    await log.append(alert_entries([step("a1", 1), step("a2", 1)]))
    async with running(notify(log, {"shift": shift})):
        await until(lambda: len(shift.told) == 2)
    assert told(shift) == [("a1", 1), ("a2", 1)]


async def test_what_is_no_alert_is_counted_and_holds_nothing_up(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    key = b"p1"
    await log.append([Entry("alerts", value, key) for value in (b"", b"{}", b"\xff", None)])
    await log.append([Entry("deliveries", b"rubbish", b"a1|shift", partition=0)])
    await log.append(alert_entries([step("a1", 1)]))
    role = notify(log, {"shift": shift})
    async with running(role):
        await until(lambda: len(shift.told) == 1)
    assert role.statistics().undecodable == 3
    assert await settled(log) == 5


async def test_it_stops_in_time_while_a_receiver_hangs(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    shift.hangs = True
    await log.append(alert_entries([step("a1", 1)]))
    async with running(notify(log, {"shift": shift}, replace(POLICY, grace_s=0.1))):
        await until(lambda: len(shift.tries) == 1)
    assert await settled(log) == 0


async def test_without_receivers_alerts_are_passed_over(log: EmbeddedLog) -> None:
    await log.append(alert_entries([step("a1", 1)]))
    async with running(notify(log, {})):
        await asyncio.sleep(0.2)
    assert await settled(log) == 1


async def test_two_notifiers_share_the_work_and_tell_everything_once(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    async with running(notify(log, {"shift": shift})):
        await log.append(alert_entries([step(f"a{n}", 1, asset=f"p{n}") for n in range(20)]))
        await until(lambda: len(shift.told) == 20)
        async with running(notify(log, {"shift": shift})):
            later = [step(f"b{n}", 1, asset=f"p{n}") for n in range(20)]
            await log.append(alert_entries(later))
            await until(lambda: len(shift.told) >= 40)
        await log.append(alert_entries([step("c", 1)]))
        await until(lambda: "c" in {each.id for each in shift.told})
    assert len(shift.told) == 41


async def test_a_log_that_goes_away_is_taken_up_again(shift: MemoryNotifier) -> None:
    class Leaky(EmbeddedLog):
        """Has no deliveries to give the first time it is asked."""

        asked = 0

        async def last_values(self, place: Place) -> Mapping[bytes, object]:  # type: ignore[override]
            self.asked += 1
            if self.asked == 1:
                raise Unavailable("away for a test")
            return await super().last_values(place)

    async with Leaky(None, clock=time.time_ns) as log:
        specs = [TopicSpec("alerts", 2), TopicSpec("deliveries", 1, compacted=True)]
        await log.declare(specs, create=True)
        await log.append(alert_entries([step("a1", 1)]))
        async with running(notify(log, {"shift": shift})):
            await until(lambda: len(shift.told) == 1)
        assert log.asked >= 2
