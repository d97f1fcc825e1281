"""What every `PointStore` must do: one battery, run over each implementation.

A subclass gives the fixtures ``store``, an entered store, and ``stored``, which returns the points
of a measurement in the order of time, as ``{"time_ns": ..., "tags": {...}, "fields": {...}}``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest

from tocsin.ports import PointStore, Rejected

Stored = Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]]

NOW_NS = 1_760_000_000_123_456_789


class PointStoreContract:
    @pytest.fixture
    def name(self) -> str:
        """A measurement that nobody else uses."""
        return f"m{uuid4().hex}"

    async def test_it_answers_a_ping_with_one_line(self, store: PointStore) -> None:
        assert len((await store.ping()).splitlines()) == 1

    async def test_every_kind_of_field_comes_back_as_it_was(
        self, store: PointStore, stored: Stored, name: str
    ) -> None:
        fields = b'score=1.25,tiny=-2.5e-300,count=9223372036854775807i,text="a b",ok=true,no=false'
        await store.write([b"%s,asset=pump-7,site=x %s %d" % (name.encode(), fields, NOW_NS)])
        (point,) = await stored(name)
        assert point["time_ns"] == NOW_NS
        assert point["tags"] == {"asset": "pump-7", "site": "x"}
        expected = {"score": 1.25, "tiny": -2.5e-300, "count": 2**63 - 1, "text": "a b"}
        assert point["fields"] == {**expected, "ok": True, "no": False}
        assert isinstance(point["fields"]["ok"], bool)
        assert isinstance(point["fields"]["count"], int)

    async def test_a_whole_float_stays_a_float(
        self, store: PointStore, stored: Stored, name: str
    ) -> None:
        await store.write([b"%s v=3.0 %d" % (name.encode(), NOW_NS)])
        await store.write([b"%s w=4 %d" % (name.encode(), NOW_NS)])
        (point,) = await stored(name)
        assert point["fields"] == {"v": 3.0, "w": 4.0}
        assert {type(value) for value in point["fields"].values()} == {float}

    async def test_escaped_characters_come_back_plain(
        self, store: PointStore, stored: Stored, name: str
    ) -> None:
        line = rb'%s,site\ name=hall\ 1\,\ row\=2 a\=b="say \"no\", C:\\x = 1" %d'
        await store.write([line % (name.encode(), NOW_NS)])
        (point,) = await stored(name)
        assert point["tags"] == {"site name": "hall 1, row=2"}
        assert point["fields"]["a=b"] == 'say "no", C:\\x = 1'

    async def test_names_need_not_be_ascii(
        self, store: PointStore, stored: Stored, name: str
    ) -> None:
        line = f'{name},anlage=Förderband\\ ß druck="größer ≥ 1" {NOW_NS}'
        await store.write([line.encode()])
        (point,) = await stored(name)
        assert point["tags"] == {"anlage": "Förderband ß"}
        assert point["fields"] == {"druck": "größer ≥ 1"}

    async def test_writing_twice_stores_once(
        self, store: PointStore, stored: Stored, name: str
    ) -> None:
        lines = [b"%s,a=%d v=%d.5 %d" % (name.encode(), i % 3, i, NOW_NS + i) for i in range(30)]
        await store.write(lines)
        before = await stored(name)
        await store.write(lines)
        assert await stored(name) == before
        assert [point["fields"]["v"] for point in before] == [i + 0.5 for i in range(30)]

    async def test_a_point_written_again_keeps_old_fields_and_takes_new_values(
        self, store: PointStore, stored: Stored, name: str
    ) -> None:
        raw = name.encode()
        await store.write([b"%s,x=1,y=2 old=1.0,both=1.0 %d" % (raw, NOW_NS)])
        await store.write([b"%s,y=2,x=1 both=2.0,new=3.0 %d" % (raw, NOW_NS)])
        (point,) = await stored(name)
        assert point["fields"] == {"old": 1.0, "both": 2.0, "new": 3.0}

    async def test_tags_and_time_tell_points_apart(
        self, store: PointStore, stored: Stored, name: str
    ) -> None:
        raw = name.encode()
        heads = [b"%s,a=1" % raw, b"%s,a=2" % raw, b"%s,b=1" % raw, raw]
        lines = [b"%s v=1.0 %d" % (head, NOW_NS) for head in heads]
        await store.write([*lines, b"%s v=2.0 %d" % (raw, NOW_NS + 1)])
        points = await stored(name)
        assert sorted(str(point["tags"]) for point in points[:4]) == sorted(
            map(str, ({"a": "1"}, {"a": "2"}, {"b": "1"}, {}))
        )
        assert [point["fields"]["v"] for point in points] == [1.0, 1.0, 1.0, 1.0, 2.0]

    @pytest.mark.parametrize(
        "bad",
        [
            b"%s",
            b"%s v=1.0 noon",
            b"%s v= 1",
            b"%s v=abc 1",
            b"%s v=NaN 1",
            b'%s v="open 1',
            b"%s,a= v=1.0 1",
            b"%s,a v=1.0 1",
            b"%s v=99999999999999999999i 1",
        ],
    )
    async def test_a_bad_line_is_refused_by_its_index_and_the_others_are_stored(
        self, store: PointStore, stored: Stored, name: str, bad: bytes
    ) -> None:
        raw = name.encode()
        good = [b"%s v=%d.0 %d" % (raw, i, NOW_NS + i) for i in range(3)]
        with pytest.raises(Rejected) as refusal:
            await store.write([good[0], bad % raw, *good[1:]])
        assert list(refusal.value.reasons) == [1]
        assert refusal.value.reasons[1]
        assert [point["fields"] for point in await stored(name)] == [
            {"v": float(i)} for i in range(3)
        ]

    async def test_nothing_is_written_as_nothing(self, store: PointStore) -> None:
        await store.write([])
