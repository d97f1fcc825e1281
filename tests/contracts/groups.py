"""What every `Log` must do with consumer groups."""

import asyncio
import json

from contracts.hearing import Listener, LogFixtures, entries, values
from tocsin.core.records import Entry, Place
from tocsin.ports import Commit, Log


class GroupContract(LogFixtures):
    # One member

    async def test_a_member_gains_every_partition_and_loses_nothing(
        self, log: Log, group: str, places: list[Place]
    ) -> None:
        async with log.join(group, [places[0].topic]) as member:
            listener = Listener(member)
            await self.listen([listener], lambda: listener.held == set(places))

    async def test_nothing_comes_before_the_first_seek(
        self, log: Log, group: str, place: Place
    ) -> None:
        await log.append(entries(place, range(5)))
        async with log.join(group, [place.topic]) as member:
            gained: list[Place] = []
            async with asyncio.timeout(self.patience_s):
                while not gained:
                    poll = await member.poll({place}, timeout_s=0.1, max_records=10)
                    gained.extend(poll.gained)
                    assert not poll.batches
            for _ in range(3):
                poll = await member.poll({place}, timeout_s=0.1, max_records=10)
                assert not poll.batches
            await member.seek(place, 2)
            (batch,) = await self.take(member, [place], 3)
            assert (batch.low, batch.high, list(batch.values)) == (2, 5, values([2, 3, 4]))

    async def test_a_place_that_is_not_ready_waits_and_loses_nothing(
        self, log: Log, group: str, places: list[Place]
    ) -> None:
        now, later = places[:2]
        async with log.join(group, [now.topic]) as member:
            listener = Listener(member)
            await self.listen([listener], lambda: listener.held == set(places))
            await log.append([*entries(now, range(5)), *entries(later, range(10, 15))])
            batches = await self.take(member, [now], 5)
            assert {batch.place for batch in batches} == {now}
            await log.append(entries(later, range(15, 18)))
            batches = await self.take(member, [later], 8)
            assert [v for b in batches for v in b.values] == values(range(10, 18))

    async def test_a_poll_gives_at_most_what_was_asked_for_and_the_next_goes_on_there(
        self, log: Log, group: str, place: Place
    ) -> None:
        await log.append(entries(place, range(20)))
        async with log.join(group, [place.topic]) as member:
            await self.gain(member, place)
            position = 0
            heard: list[bytes | None] = []
            async with asyncio.timeout(self.patience_s):
                while position < 20:
                    poll = await member.poll({place}, timeout_s=0.1, max_records=7)
                    for batch in poll.batches:
                        assert len(batch) <= 7
                        assert batch.low == position
                        position = batch.high
                        heard.extend(batch.values)
            assert heard == values(range(20))

    async def test_seeking_back_reads_again(self, log: Log, group: str, place: Place) -> None:
        await log.append(entries(place, range(10)))
        async with log.join(group, [place.topic]) as member:
            await self.gain(member, place)
            await self.take(member, [place], 10)
            await member.seek(place, 6)
            batches = await self.take(member, [place], 4)
            assert [v for b in batches for v in b.values] == values(range(6, 10))

    async def test_a_poll_without_news_is_empty_and_ends_in_time(
        self, log: Log, group: str, place: Place
    ) -> None:
        async with log.join(group, [place.topic]) as member:
            await self.gain(member, place)
            began_s = asyncio.get_running_loop().time()
            poll = await member.poll({place}, timeout_s=0.3, max_records=10)
            took_s = asyncio.get_running_loop().time() - began_s
            assert [*poll.lost, *poll.gained, *poll.batches] == []
            assert 0.25 < took_s < 2

    async def test_a_waiting_poll_hears_of_a_new_entry_at_once(
        self, log: Log, group: str, place: Place
    ) -> None:
        async with log.join(group, [place.topic]) as member:
            await self.gain(member, place)
            waiting = asyncio.create_task(
                member.poll({place}, timeout_s=self.patience_s, max_records=10)
            )
            await asyncio.sleep(0.2)
            assert not waiting.done()
            began_s = asyncio.get_running_loop().time()
            await log.append(entries(place, [1]))
            poll = await waiting
            assert asyncio.get_running_loop().time() - began_s < 2
            assert [list(batch.values) for batch in poll.batches] == [values([1])]

    async def test_a_cancelled_poll_loses_nothing(self, log: Log, group: str, place: Place) -> None:
        await log.append(entries(place, range(200)))
        heard: list[bytes | None] = []
        async with log.join(group, [place.topic]) as member, asyncio.timeout(self.patience_s):
            await self.gain(member, place)
            tries = 0
            while len(heard) < 200:
                tries += 1
                polling = asyncio.create_task(member.poll({place}, timeout_s=0.2, max_records=5))
                await asyncio.sleep(tries % 5 * 0.0005)
                if tries % 3:
                    polling.cancel()
                (result,) = await asyncio.gather(polling, return_exceptions=True)
                if not isinstance(result, BaseException):
                    heard.extend(value for batch in result.batches for value in batch.values)
        assert heard == values(range(200))

    # Commits

    async def test_a_note_comes_back_exactly(self, log: Log, group: str, place: Place) -> None:
        note = json.dumps({"v": 1, "m": {'pump "7"': "ü\n\\"}, "pad": ""}, ensure_ascii=False)
        note = note.replace('"pad": ""', f'"pad": "{"x" * (2_048 - len(note.encode()))}"')
        assert len(note.encode()) == 2_048
        async with log.join(group, [place.topic]) as member:
            await self.gain(member, place)
            assert await member.committed(place) is None
            assert await member.commit(place, Commit(5, note))
            assert await member.committed(place) == Commit(5, note)
            assert await member.commit(place, Commit(6))
            assert await member.committed(place) == Commit(6)

    async def test_a_group_goes_on_where_it_committed_and_another_group_does_not(
        self, log: Log, group: str, place: Place
    ) -> None:
        await log.append(entries(place, range(10)))
        async with log.join(group, [place.topic]) as member:
            await self.gain(member, place)
            assert await member.commit(place, Commit(7, "seven"))
        async with log.join(group, [place.topic]) as member:
            listener = Listener(member)
            await self.listen([listener], lambda: len(listener.heard) >= 3)
            assert await member.committed(place) == Commit(7, "seven")
            assert listener.heard == values([7, 8, 9])
        async with log.join(f"{group}-other", [place.topic]) as member:
            await self.gain(member, place)
            assert await member.committed(place) is None

    async def test_groups_do_not_share(self, log: Log, group: str, place: Place) -> None:
        await log.append(entries(place, range(5)))
        async with (
            log.join(group, [place.topic]) as one,
            log.join(f"{group}-other", [place.topic]) as other,
        ):
            listeners = [Listener(one), Listener(other)]
            await self.listen(listeners, lambda: all(len(each.heard) >= 5 for each in listeners))
            assert [each.heard for each in listeners] == [values(range(5))] * 2

    # Several members

    async def test_two_members_share_and_hear_every_entry_once(
        self, log: Log, group: str, places: list[Place]
    ) -> None:
        topic = places[0].topic
        async with log.join(group, [topic]) as one, log.join(group, [topic]) as other:
            pair = first, second = Listener(one), Listener(other)
            await self.listen(pair, lambda: self.shared(pair, places))
            await log.append(
                [Entry(topic, v, b"key %d" % i) for i, v in enumerate(values(range(200)))]
            )
            await self.listen(pair, lambda: len(first.heard) + len(second.heard) >= 200)
            for listener in pair:
                await listener.turn()
            assert sorted([*first.heard, *second.heard], key=str) == sorted(
                values(range(200)), key=str
            )
            assert first.heard
            assert second.heard

    async def test_a_member_that_leaves_hands_over_where_it_committed(
        self, log: Log, group: str, places: list[Place]
    ) -> None:
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
            await self.listen([staying], lambda: staying.held == set(places))
            await log.append([e for place in places for e in entries(place, range(10, 12))])
            await self.listen([staying], lambda: len(staying.heard) + len(leaving.heard) >= 48)
            heard = sorted([*staying.heard, *leaving.heard], key=str)
            assert heard == sorted(values([*range(12)] * 4), key=str)

    async def test_a_member_that_vanishes_is_replaced_and_can_commit_no_more(
        self, log: Log, group: str, place: Place
    ) -> None:
        async with log.join(group, [place.topic]) as first:
            await self.gain(first, place)
            assert await first.commit(place, Commit(3, "first"))
            await self.vanish(first)
            async with log.join(group, [place.topic]) as second:
                await self.gain(second, place)
                assert await second.committed(place) == Commit(3, "first")
                assert await second.commit(place, Commit(7, "second"))
                assert not await first.commit(place, Commit(4, "late"))
                assert await second.committed(place) == Commit(7, "second")

    async def test_a_member_cannot_commit_what_is_not_its_own(
        self, log: Log, group: str, places: list[Place]
    ) -> None:
        topic = places[0].topic
        async with log.join(group, [topic]) as one, log.join(group, [topic]) as other:
            pair = Listener(one), Listener(other)
            await self.listen(pair, lambda: self.shared(pair, places))
            theirs = min(pair[1].held, key=lambda place: place.partition)
            assert not await one.commit(theirs, Commit(5, "stolen"))
            assert await other.committed(theirs) is None

    @staticmethod
    def shared(pair: tuple[Listener, Listener], places: list[Place]) -> bool:
        """Whether both have some and together they have all, each once."""
        first, second = (listener.held for listener in pair)
        return bool(first and second) and first.isdisjoint(second) and first | second == set(places)
