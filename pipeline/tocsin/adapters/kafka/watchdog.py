"""Notices that aiokafka has stopped reading, which it does without a word.

aio-libs/aiokafka#625, #847, #1037 and #1154: after a timeout or a restart of a broker a consumer
may sit in its group for ever and fetch nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition

from tocsin.adapters.kafka.cluster import Cluster
from tocsin.adapters.kafka.columns import place_of
from tocsin.ports import Rejected, Unavailable

_ANSWER_S = 1.0


class StalledError(Exception):
    """There is something to read, and the client does not read it: only a new process helps."""


class Watchdog:
    """Looks whether nothing was read because there was nothing to read."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stall_s = cluster.policy.stall_s
        self._targets: frozenset[TopicPartition] = frozenset()
        self._since_s = 0.0
        self._suspected: dict[TopicPartition, int] = {}

    def restart(self) -> None:
        """Begin again: something was read, or is to be read from elsewhere."""
        self._targets = frozenset()

    async def watch(self, consumer: Any, targets: Sequence[TopicPartition]) -> None:
        """Raise `StalledError` if these have something to read that did not come for long.

        Half of the time must have passed since the brokers last said that there is something.
        """
        now_s = asyncio.get_running_loop().time()
        if not targets or self._targets != set(targets):
            self._targets, self._since_s, self._suspected = frozenset(targets), now_s, {}
        if now_s - self._since_s < self._stall_s / 2:
            return
        self._since_s = now_s
        waiting = await self._waiting(consumer, targets)
        for tp, position in waiting.items():
            if self._suspected.get(tp) == position:
                where = f"{tp.topic}[{tp.partition}] at {position}"
                raise StalledError(f"nothing came in {self._stall_s:g} s from {where}")
        self._suspected = waiting

    async def _waiting(
        self, consumer: Any, targets: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Return the positions of partitions with something behind them; none if nobody answers."""
        found = {}
        try:
            async with asyncio.timeout(_ANSWER_S):
                for tp in targets:
                    position = await consumer.position(tp)
                    _, high = await self._cluster.bounds(place_of(tp))
                    if position < high:
                        found[tp] = position
        except (TimeoutError, Unavailable, Rejected):
            return {}
        return found
