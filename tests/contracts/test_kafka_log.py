"""The contract of a log, kept by a real Kafka."""

from collections.abc import AsyncIterator

import pytest

from contracts.hearing import Listener, entries, values
from contracts.log import LogContract
from servers.servers import KafkaServer
from tocsin.adapters.kafka import KafkaLog, KafkaPolicy
from tocsin.adapters.kafka.membership import KafkaMembership
from tocsin.core.records import Place
from tocsin.ports import Log, Membership


async def fall_silent() -> bool:
    return True


@pytest.mark.integration
class TestKafkaLog(LogContract):
    @pytest.fixture
    async def log(self, kafka_server: KafkaServer) -> AsyncIterator[Log]:
        async with KafkaLog(KafkaPolicy(kafka_server.bootstrap, session_timeout_s=2.0)) as log:
            yield log

    async def vanish(self, member: Membership) -> None:
        """Send no more heartbeats."""
        assert isinstance(member, KafkaMembership)
        member._consumer._coordinator._do_heartbeat = fall_silent

    async def test_a_member_that_leaves_hands_over_where_it_committed(
        self, log: Log, group: str, places: list[Place]
    ) -> None:
        """As everywhere, but Kafka takes all places from all members when one leaves.

        What the one that stays has read and not committed by then comes again.
        """
        topic = places[0].topic
        async with log.join(group, [topic]) as stays:
            staying = Listener(stays)
            async with log.join(group, [topic]) as leaves:
                leaving = Listener(leaves)
                pair = (staying, leaving)
                await self.listen(pair, lambda: self.shared(pair, places))
                await log.append([e for place in places for e in entries(place, range(10))])
                await self.listen(pair, lambda: len(staying.heard) + len(leaving.heard) >= 40)
                await leaving.commit()
                await staying.commit()
            await log.append([e for place in places for e in entries(place, range(10, 12))])
            ends = dict.fromkeys(places, 12)
            await self.listen([staying], lambda: staying.ends == ends)
            assert staying.held == set(places)
            heard = [*staying.heard, *leaving.heard]
            assert [heard.count(value) for value in values(range(10))] == [4] * 10
            assert all(4 <= heard.count(value) <= 8 for value in values(range(10, 12)))
