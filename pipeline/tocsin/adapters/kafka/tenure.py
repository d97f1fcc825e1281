"""What a consumer group gave us, and how much of that the caller knows."""

import asyncio
from collections.abc import Collection

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener


class Tenure(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """What the group gave us, and how much of that the caller has been told.

    Every rebalance takes everything away first, so whatever was begun before it is void.

    Attributes:
        epoch: counts rebalances.
        changed: there is something to tell.
        revoked: done when a rebalance has begun since the last assignment.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.changed = asyncio.Event()
        self.revoked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told: set[TopicPartition] = set()
        self._lost: set[TopicPartition] = set()
        self._gained: set[TopicPartition] = set()

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Note that nothing is ours any more."""
        del revoked
        self.epoch += 1
        self._lost = set(self._told)
        self._gained = set()
        self.changed.set()
        if not self.revoked.done():
            self.revoked.set_result(None)

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Note what is ours now."""
        self._gained = set(assigned)
        self.changed.set()
        self.revoked = asyncio.get_running_loop().create_future()

    def holds(self, tp: TopicPartition) -> bool:
        """Tell whether a partition has been ours without a break since the caller was told so."""
        return tp in self._told and tp not in self._lost

    def tell(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Return what was lost and what was gained since the last call."""
        lost, gained = sorted(self._lost), sorted(self._gained)
        self._told = self._told - self._lost | self._gained
        self._lost, self._gained = set(), set()
        self.changed.clear()
        return lost, gained
