"""What one receiver is still to be told, and the patience to tell it."""

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import structlog

from tocsin.core.notices import NoticeContext, plan
from tocsin.core.records import Notice, Place, Transition
from tocsin.ports import Notifier, Rejected, Unavailable

_log = structlog.get_logger()

_MINUTE_S, _HOUR_S = 60.0, 3_600.0


class Outcome(StrEnum):
    """How the telling of a step ended."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """The receiver did not take it within the whole schedule."""
    DISABLED = "disabled"
    """The receiver had said that it wants no more."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a receiver is told, and told again.

    Attributes:
        delays_s: before each try, from the first one on; the schedule of Standard Webhooks, over
            three days. What is not taken then is given up.
        jitter: share by which a delay may be longer or shorter.
        again_s: when a receiver that failed takes something, all that waits for it is tried this
            long after its last try, and goes on with its schedule if that fails too.
        parallel: alerts that a receiver is told of at the same time; steps of one alert go in
            order.
        pending: steps kept in memory; the log keeps the others until there is room.
    """

    delays_s: tuple[float, ...] = (
        0.0,
        5.0,
        5 * _MINUTE_S,
        30 * _MINUTE_S,
        *(hours * _HOUR_S for hours in (2, 5, 10, 14, 20, 24)),
    )
    jitter: float = 0.1
    again_s: float = _MINUTE_S
    parallel: int = 4
    pending: int = 10_000

    def __post_init__(self) -> None:
        if not self.delays_s or not 0 <= self.jitter < 1 or self.parallel < 1 or self.pending < 1:
            raise ValueError("retries: give a delay, a jitter below 1, and room for a step")


@dataclass(frozen=True, slots=True)
class OutboxStatistics:
    """What became of one receiver's steps since the outbox was made."""

    receiver: str
    pending: int = 0
    delivered: int = 0
    failed: int = 0
    disabled: bool = False
    failed_tries: int = 0


@dataclass(slots=True)
class _Conversation:
    """The steps of one alert that the receiver has not taken yet, in the order of the log."""

    alert: str
    due_s: float
    scheduled_s: float
    steps: dict[tuple[Place, int], Transition] = field(default_factory=dict)
    tries: int = 0  # of the schedule
    tried_s: float = 0.0


class Outbox:
    """One receiver's conversations: each alert's steps in order, alerts independent.

    Args:
        receiver: its name.
        notifier: how it is told.
        policy: when.
        context: what a body says of Tocsin itself.
        remember: writes down the outcome of a step; False if there was no time left for it.

    Attributes:
        receiver: its name.
        said: alert id -> the highest sequence with an outcome.
    """

    def __init__(
        self,
        receiver: str,
        notifier: Notifier,
        policy: RetryPolicy,
        context: NoticeContext,
        remember: Callable[[str, Transition, Outcome], Awaitable[bool]],
    ) -> None:
        self.said: dict[str, int] = {}
        self.receiver = receiver
        self._notifier = notifier
        self._policy = policy
        self._context = context
        self._remember = remember
        self._cursors: dict[Place, int] = {}
        self._offsets: dict[Place, dict[int, None]] = {}  # pending ones, rising
        self._conversations: dict[str, _Conversation] = {}
        self._turns: list[tuple[float, int, _Conversation]] = []  # heap of those not at work
        self._serial = itertools.count()
        self._changed = asyncio.Event()
        self._closing = False
        self._failing = False  # since the last success
        self._dice = random.Random()
        self._statistics = OutboxStatistics(receiver)

    @property
    def room(self) -> int:
        """How many more steps fit."""
        return self._policy.pending - sum(map(len, self._offsets.values()))

    def statistics(self) -> OutboxStatistics:
        """Return what became of the steps so far."""
        return replace(self._statistics, pending=self._policy.pending - self.room)

    def behind(self, place: Place, high: int) -> int | None:
        """Return the offset from which the log must be read again, now that there is room."""
        cursor = self._cursors.get(place, high)
        return cursor if cursor < high and self.room * 2 >= self._policy.pending else None

    def settled(self, place: Place, high: int) -> int:
        """Return the offset below which every step of ``place`` has an outcome."""
        cursor = self._cursors.get(place, high)
        return next(iter(self._offsets.get(place, ())), cursor)

    def take(self, place: Place, steps: Iterable[tuple[int, Transition]], span: range) -> None:
        """Take the steps found at the offsets in ``span``, as far as there is room."""
        cursor = self._cursors.setdefault(place, span.start)
        if cursor < span.start:
            return  # others are first
        for offset, step in steps:
            if self.room < 1:
                self._cursors[place] = offset
                return
            self._add(place, offset, step)
        self._cursors[place] = span.stop

    def drop(self, place: Place) -> None:
        """Forget what came from a partition that is no longer ours."""
        self._cursors.pop(place, None)
        for conversation in self._conversations.values():
            for key in [key for key in conversation.steps if key[0] == place]:
                del conversation.steps[key]
        self._offsets.pop(place, None)

    def open(self) -> None:
        """Begin with nothing pending."""
        for place in list(self._cursors):
            self.drop(place)
        self._conversations, self._turns = {}, []
        self._closing = False

    def close(self) -> None:
        """Let the workers end after what they are at."""
        self._closing = True
        self._changed.set()

    async def work(self) -> None:
        """Tell the receiver one thing after another until `close`."""
        while (conversation := await self._next()) is not None:
            await self._converse(conversation)
            if conversation.steps:
                self._line_up(conversation)
            elif self._conversations.get(conversation.alert) is conversation:
                del self._conversations[conversation.alert]

    async def _next(self) -> _Conversation | None:
        """Return what is due, as soon as something is; None after `close`."""
        while not self._closing:
            self._changed.clear()
            wait_s = self._turns[0][0] - time.monotonic() if self._turns else None
            if wait_s is not None and wait_s <= 0:
                return heapq.heappop(self._turns)[2]
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return None

    async def _converse(self, conversation: _Conversation) -> None:
        steps = list(conversation.steps.values())
        notices = plan(steps, self.said, self.receiver, self._context)
        if notices:
            outcome = await self._tell(conversation, notices[0])
            if outcome is None:
                return
            for step in notices[0].transitions:
                if not await self._remember(self.receiver, step, outcome):
                    self.close()
                    return
                self.said[step.id] = max(step.sequence, self.said.get(step.id, 0))
        self._settle(conversation)

    async def _tell(self, conversation: _Conversation, notice: Notice) -> Outcome | None:
        """Return the outcome, or None if there is none yet."""
        if self._statistics.disabled:
            return Outcome.DISABLED
        conversation.tried_s = time.monotonic()
        try:
            await self._notifier.deliver(notice)
        except Unavailable as failure:
            return self._put_off(conversation, failure)
        except Rejected as refusal:
            self._count(disabled=True)
            _log.error("receiver_disabled", receiver=self.receiver, reason=str(refusal))
            return Outcome.DISABLED
        self._count(delivered=self._statistics.delivered + 1)
        self._bring_forward()
        _log.info("notice_delivered", receiver=self.receiver, notice=notice.id)
        return Outcome.DELIVERED

    def _put_off(self, conversation: _Conversation, failure: Unavailable) -> Outcome | None:
        now_s, reason = time.monotonic(), str(failure)
        self._failing = True
        self._count(failed_tries=self._statistics.failed_tries + 1)
        if conversation.due_s == conversation.scheduled_s:  # else it was a try besides
            conversation.tries += 1
            if conversation.tries == len(self._policy.delays_s):
                return self._give_up(conversation, reason)
            conversation.scheduled_s = now_s + self._delay_s(conversation.tries)
        due_s = max(conversation.scheduled_s, now_s + (failure.retry_after_s or 0.0))
        conversation.due_s = conversation.scheduled_s = due_s
        wait_s = round(due_s - now_s, 3)
        _log.warning("notice_put_off", alert=conversation.alert, reason=reason, wait_s=wait_s)
        return None

    def _give_up(self, conversation: _Conversation, reason: str) -> Outcome:
        self._count(failed=self._statistics.failed + 1)
        _log.error("notice_failed", alert=conversation.alert, reason=reason)
        return Outcome.FAILED

    def _bring_forward(self) -> None:
        """The receiver answers again: give what waits for it a try besides its schedule."""
        if not self._failing:
            return
        self._failing = False
        now_s = time.monotonic()
        waiting = [each for _, _, each in self._turns]
        for each in waiting:
            if each.tries:
                again_s = max(now_s, each.tried_s + self._policy.again_s)
                each.due_s = min(each.due_s, again_s)
        self._turns = [(each.due_s, next(self._serial), each) for each in waiting]
        heapq.heapify(self._turns)
        self._changed.set()

    def _add(self, place: Place, offset: int, step: Transition) -> None:
        conversation = self._conversations.get(step.id)
        if conversation is None:
            due_s = time.monotonic() + self._delay_s(0)
            conversation = _Conversation(step.id, due_s, due_s)
            self._conversations[step.id] = conversation
            self._line_up(conversation)
        conversation.steps[place, offset] = step
        self._offsets.setdefault(place, {})[offset] = None

    def _line_up(self, conversation: _Conversation) -> None:
        heapq.heappush(self._turns, (conversation.due_s, next(self._serial), conversation))
        self._changed.set()

    def _settle(self, conversation: _Conversation) -> None:
        """Take away the steps that have an outcome and begin the schedule anew for the rest."""
        said = self.said.get(conversation.alert, 0)
        for key, step in list(conversation.steps.items()):
            if step.sequence <= said:
                del conversation.steps[key]
                self._offsets.get(key[0], {}).pop(key[1], None)
        conversation.tries = 0
        conversation.due_s = conversation.scheduled_s = time.monotonic() + self._delay_s(0)

    def _delay_s(self, tries: int) -> float:
        jitter = self._policy.jitter
        return self._policy.delays_s[tries] * self._dice.uniform(1 - jitter, 1 + jitter)

    def _count(self, **now: Any) -> None:
        self._statistics = replace(self._statistics, **now)
