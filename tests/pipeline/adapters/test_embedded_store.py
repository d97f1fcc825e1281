import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.adapters.embedded import EmbeddedStore
from tocsin.adapters.embedded.lines import LineError, parse_head, parse_line
from tocsin.ports import Rejected

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\\\n\0"), min_size=1, max_size=8)
FIELDS = st.dictionaries(
    NAMES,
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.booleans()
    | st.text(st.characters(codec="utf-8"), max_size=8),
    min_size=1,
    max_size=4,
)


def escape(name: str) -> str:
    return "".join(f"\\{letter}" if letter in ",= " else letter for letter in name)


def write(value: float | str) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value}i" if isinstance(value, int) else repr(value)


@given(
    NAMES, st.dictionaries(NAMES, NAMES, max_size=3), FIELDS, st.integers(-(1 << 63), (1 << 63) - 1)
)
@settings(deadline=None, max_examples=100)
def test_what_was_written_is_read(
    measurement: str, tags: dict[str, str], fields: dict[str, float | str], time_ns: int
) -> None:
    head = escape(measurement) + "".join(f",{escape(k)}={escape(v)}" for k, v in tags.items())
    body = ",".join(f"{escape(k)}={write(v)}" for k, v in fields.items())
    line = parse_line(f"{head} {body} {time_ns}".encode())
    assert (line.time_ns, line.fields) == (time_ns, fields)
    assert [type(value) for value in line.fields.values()] == [type(v) for v in fields.values()]
    assert parse_head(line.head) == (measurement.replace("\\=", "="), tags)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"m",
        b" v=1 1",
        b"m v=1",
        b"m v=1 ",
        b"m v=1 1.5",
        b"m v=1 9223372036854775808",
        b"m v=1 1 1",
        b"m v=1  1",
        b"m  v=1 1",
        b"m v=1\n 1",
        b"m v=1 1\n",
        b"m v=1,, 1",
        b"m v=1, 1",
        b"m =1 1",
        b"m v=nan 1",
        b"m v=inf 1",
        b"m v=1e999 1",
        b"m v=1_0 1",
        b"m v=0x10 1",
        b"m v=1.5i 1",
        b"m v='x' 1",
        b'm v="x"y 1',
        b'm v="\xff" 1',
        b"m v\xff=1 1",
    ],
)
def test_anything_else_is_refused_with_a_reason(line: bytes) -> None:
    with pytest.raises(LineError, match=r"\w"):
        parse_line(line)


@pytest.mark.parametrize(
    "head", [b",a=1", b"m,", b"m,a", b"m,a=", b"m,=1", b"m,a=1,a=2", b"m,a=b=c"]
)
def test_any_other_head_is_refused(head: bytes) -> None:
    with pytest.raises(LineError, match=r"\w"):
        parse_head(head)


@given(st.binary(max_size=40))
@settings(deadline=None, max_examples=200)
def test_no_line_makes_the_parser_stumble(line: bytes) -> None:
    try:
        parse_head(parse_line(line).head)
    except LineError:
        return


async def test_points_are_chosen_by_time_and_tags() -> None:
    async with EmbeddedStore(None) as store:
        lines = [b"m,a=%d,b=x v=%di %d" % (n % 3, n, n) for n in range(30)]
        random.Random(1).shuffle(lines)
        await store.write([*lines, b"other,a=0 v=1i 5"])
        assert [p["time_ns"] for p in await store.select("m")] == list(range(30))
        some = await store.select("m", start_ns=3, stop_ns=9, tags={"a": "0"})
        assert [(p["time_ns"], p["fields"]) for p in some] == [(3, {"v": 3}), (6, {"v": 6})]
        assert await store.select("m", tags={"c": "x"}) == []
        assert await store.select("nothing") == []


async def test_old_points_are_forgotten() -> None:
    async with EmbeddedStore(None) as store:
        await store.write([b"m,a=%d v=1i %d" % (n % 2, n) for n in range(10)])
        assert await store.trim(7) == 7
        assert [p["time_ns"] for p in await store.select("m")] == [7, 8, 9]


async def test_points_are_there_the_next_time(tmp_path: Path) -> None:
    for turn in range(3):
        async with EmbeddedStore(tmp_path / "store.db") as store:
            await store.write([b"m,a=1 v=1i %d" % turn])
            assert len(await store.select("m")) == turn + 1


async def test_a_bad_series_is_refused_and_good_lines_of_the_batch_stay() -> None:
    async with EmbeddedStore(None) as store:
        with pytest.raises(Rejected) as refusal:
            await store.write([b"m,a=1 v=1i 1", b"m,a=1,a=2 v=1i 2", b"m,a=1 v=1i 3", b"m v 4"])
        assert list(refusal.value.reasons) == [1, 3]
        assert [p["time_ns"] for p in await store.select("m")] == [1, 3]
