import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator

import pytest

from draining import MemoryNotifier, a_log, alert_entries, running, step, until, whole
from tocsin.adapters.embedded import EmbeddedLog
from tocsin.core.notices import notice_id
from tocsin.core.records import Place, State
from tocsin.roles.notify import Notify, NotifyPolicy
from tocsin.roles.outbox import RetryPolicy

FAST = RetryPolicy(delays_s=(0.0, *[0.01] * 500), again_s=0.0)
DELIVERIES = Place("deliveries", 0)


@pytest.fixture
async def log() -> AsyncIterator[EmbeddedLog]:
    async with a_log() as log:
        yield log


@pytest.fixture
def shift() -> MemoryNotifier:
    return MemoryNotifier()


def notify(log: EmbeddedLog, shift: MemoryNotifier, retries: RetryPolicy) -> Notify:
    policy = NotifyPolicy(retries=retries, poll_s=0.02)
    return Notify(log, {"shift": shift}, policy, time.time_ns)


async def test_after_the_schedule_a_step_has_failed_and_the_next_is_told(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    shift.down = True
    retries = RetryPolicy(delays_s=(0.0, 0.02, 0.04))
    role = notify(log, shift, retries)
    async with running(role):
        await log.append(alert_entries([step("a1", 1)]))
        await until(lambda: role.statistics().receivers[0].failed == 1)
        await until(lambda: role.statistics().receivers[0].pending == 0)
        assert len(shift.tries) == 3
        shift.down = False
        await log.append(alert_entries([step("a1", 2, State.RESOLVED), step("a2", 1)]))
        await until(lambda: len(shift.told) == 2)
    kept = [(each.key, json.loads(each.value or b"")) for each in await whole(log, DELIVERIES)]
    failed, *delivered = [(key, mark["sequence"], mark["status"]) for key, mark in kept]
    assert failed == (b"a1|shift", 1, "failed")
    assert {*delivered} == {(b"a1|shift", 2, "delivered"), (b"a2|shift", 1, "delivered")}


async def test_tries_follow_the_schedule(log: EmbeddedLog, shift: MemoryNotifier) -> None:
    shift.down = True
    delays_s = (0.0, 0.1, 0.2, 0.4)
    retries = RetryPolicy(delays_s=delays_s, jitter=0.1)
    role = notify(log, shift, retries)
    async with running(role):
        await log.append(alert_entries([step("a1", 1)]))
        await until(lambda: role.statistics().receivers[0].failed == 1)
    waits_s = [b[0] - a[0] for a, b in itertools.pairwise(shift.tries)]
    assert len(waits_s) == 3
    for waited_s, delay_s in zip(waits_s, delays_s[1:], strict=True):
        assert 0.9 * delay_s <= waited_s < 1.1 * delay_s + 0.2


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    delays_s = RetryPolicy().delays_s
    assert len(delays_s) == 10
    assert delays_s[:4] == (0, 5, 300, 1_800)
    assert sum(delays_s) == 75 * 3_600 + 35 * 60 + 5


async def test_a_busy_receiver_is_left_alone_as_long_as_it_asked(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    shift.down, shift.retry_after_s = True, 0.3
    async with running(notify(log, shift, FAST)):
        await log.append(alert_entries([step("a1", 1)]))
        await until(lambda: len(shift.tries) == 1)
        shift.down = False
        await until(lambda: len(shift.told) == 1)
    assert shift.tries[1][0] - shift.tries[0][0] >= 0.3


async def test_when_a_receiver_answers_again_what_waited_is_told_at_once(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    shift.down = True
    retries = RetryPolicy(delays_s=(0.0, 3_600.0), again_s=0.05)
    async with running(notify(log, shift, retries)):
        await log.append(alert_entries([step("a1", 1), step("a2", 1)]))
        await until(lambda: len(shift.tries) == 2)
        shift.down = False
        await log.append(alert_entries([step("a3", 1)]))
        await until(lambda: len(shift.told) == 3, within_s=5)


async def test_a_step_that_is_never_taken_uses_up_its_schedule_and_no_more(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    shift.refuses, never = "a0", notice_id("shift", step("a0", 1))
    # the receiver reads the time a moment after the outbox, so what is again_s apart for the one is
    # a little less for the other: half of it is what nothing but the schedule may fall below
    role = notify(log, shift, RetryPolicy(delays_s=(0.0, 0.4, 0.4), again_s=0.1))
    async with running(role), asyncio.timeout(20):
        for n in itertools.count():
            await log.append(alert_entries([step(f"a{n}", 1)]))
            await asyncio.sleep(0.01)
            if role.statistics().receivers[0].failed:
                break
        await until(lambda: len(shift.told) == n)
    tries_s = [at_s for at_s, name in shift.tries if name == never]
    assert tries_s[-1] - tries_s[0] >= 0.9 * 0.8
    assert len(tries_s) > 3, "some are besides the schedule"
    soon = [b - a for a, b in itertools.pairwise(tries_s) if b - a < 0.05]
    assert len(soon) <= 2, "those of the schedule do not wait for the others"


async def test_a_worsening_that_waits_is_told_instead_of_the_opening(
    log: EmbeddedLog, shift: MemoryNotifier
) -> None:
    shift.down = True
    async with running(notify(log, shift, FAST)):
        await log.append(alert_entries([step("a1", 1)]))
        await until(lambda: len(shift.tries) >= 1)
        await log.append(alert_entries([step("a1", 2), step("a1", 3, State.RESOLVED)]))
        await until(lambda: notice_id("shift", step("a1", 2)) in {each for _, each in shift.tries})
        shift.down = False
        await until(lambda: len(shift.told) == 2)
    assert [(each.id, each.sequence) for each in shift.told] == [("a1", 2), ("a1", 3)]
