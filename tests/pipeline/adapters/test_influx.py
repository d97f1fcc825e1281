import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from scripted import HANG, RESET, Answer, Asked, ScriptedServer
from tocsin.adapters.influx import InfluxPolicy, InfluxStore
from tocsin.ports import Rejected, Unavailable

TOKEN = "canary-token"  # noqa: S105


class FakeInflux:
    """Takes every line but those with ``bad`` in them, as InfluxDB 2 does: all or nothing."""

    def __init__(self) -> None:
        self.stored: set[bytes] = set()
        self.partial = False
        self.largest_bytes = 1 << 30

    def answer(self, asked: Asked) -> Answer:
        lines = asked.body.split(b"\n")
        if len(asked.body) > self.largest_bytes:
            return Answer(413, b"too large")
        bad = [line for line in lines if b"bad" in line]
        if not bad or self.partial:
            self.stored.update(line for line in lines if line not in bad)
        if not bad:
            return Answer(204)
        said = json.dumps({"message": f"unable to parse '{bad[-1].decode()}'"}).encode()
        return Answer(422 if self.partial else 400, said)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
def policy(server: ScriptedServer) -> InfluxPolicy:
    return InfluxPolicy(server.url, "plant", "sensors", TOKEN, timeout_s=5)


@pytest.fixture
async def store(policy: InfluxPolicy) -> AsyncIterator[InfluxStore]:
    async with InfluxStore(policy) as store:
        yield store


def some_lines(count: int, *bad: int) -> list[bytes]:
    return [b"bad %d" % n if n in bad else b"m,asset=a v=1 %d" % n for n in range(count)]


async def test_lines_go_out_in_one_compressed_authorized_request(
    server: ScriptedServer, store: InfluxStore
) -> None:
    await store.write([b"m v=1 1", b"m v=2 2"])
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/api/v2/write")
    assert asked.query == {"org": "plant", "bucket": "sensors", "precision": "ns"}
    assert asked.headers["Content-Encoding"] == "gzip"
    assert asked.headers["Authorization"] == f"Token {TOKEN}"
    assert asked.body == b"m v=1 1\nm v=2 2"


async def test_no_lines_are_no_request(server: ScriptedServer, store: InfluxStore) -> None:
    await store.write([])
    assert server.asked == []


async def test_many_lines_are_cut_by_count_and_by_bytes(
    server: ScriptedServer, store: InfluxStore
) -> None:
    lines = some_lines(10_000)
    await store.write(lines)
    assert [asked.body.count(b"\n") + 1 for asked in server.asked] == [4_096, 4_096, 1_808]
    assert b"\n".join(asked.body for asked in server.asked).split(b"\n") == lines
    server.asked.clear()
    await store.write([b"m v=1 %d " % n + b"x" * 300_000 for n in range(7)])
    assert [asked.body.count(b"\n") + 1 for asked in server.asked] == [3, 3, 1]
    assert all(len(asked.body) <= 1_000_000 for asked in server.asked)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("bad", [(0,), (4_095,), (2_047,), (5, 6, 2_000), (0, 4_095)])
async def test_bad_lines_are_found_and_all_others_are_stored(
    server: ScriptedServer, store: InfluxStore, bad: tuple[int, ...], *, partial: bool
) -> None:
    influx = FakeInflux()
    influx.partial, server.rule = partial, influx.answer
    lines = some_lines(4_096, *bad)
    with pytest.raises(Rejected) as rejected:
        await store.write(lines)
    assert rejected.value.reasons == {n: f"unable to parse 'bad {n}'" for n in bad}
    assert influx.stored == {line for line in lines if b"bad" not in line}
    assert len(server.asked) <= 1 + 13 * len(bad)


async def test_indices_of_bad_lines_count_over_all_requests(
    server: ScriptedServer, store: InfluxStore
) -> None:
    server.rule = FakeInflux().answer
    with pytest.raises(Rejected) as rejected:
        await store.write(some_lines(9_000, 1, 8_191, 8_192))
    assert sorted(rejected.value.reasons) == [1, 8_191, 8_192]


async def test_when_all_is_refused_nothing_is_given_up(
    server: ScriptedServer, policy: InfluxPolicy
) -> None:
    server.rule = lambda _: Answer(422, b'{"message": "field type conflict"}')
    async with InfluxStore(replace(policy, bad_lines=3)) as store:
        with pytest.raises(Unavailable, match=r"more than 3 lines .*: field type conflict"):
            await store.write(some_lines(100))


async def test_points_older_than_the_retention_are_no_bad_lines(
    server: ScriptedServer, store: InfluxStore
) -> None:
    said = b'{"message": "partial write: dropped 1 points outside retention policy of 1h"}'
    server.script.append(Answer(422, said))
    await store.write(some_lines(3))
    assert len(server.asked) == 1


async def test_too_large_a_request_is_halved(server: ScriptedServer, store: InfluxStore) -> None:
    influx = FakeInflux()
    influx.largest_bytes, server.rule = 300, influx.answer
    lines = some_lines(100)
    await store.write(lines)
    assert influx.stored == set(lines)


async def test_a_line_too_large_even_alone_is_bad(
    server: ScriptedServer, store: InfluxStore
) -> None:
    influx = FakeInflux()
    influx.largest_bytes, server.rule = 300, influx.answer
    lines = some_lines(50)
    lines[17] = b"m v=1 17 " + b"x" * 400
    with pytest.raises(Rejected) as rejected:
        await store.write(lines)
    assert rejected.value.reasons == {17: "too large"}
    assert influx.stored == set(lines[:17] + lines[18:])


@pytest.mark.parametrize(
    ("status", "setting"),
    [(401, "influx.token"), (403, "influx.token"), (404, "influx.bucket"), (302, "influx.url")],
)
async def test_a_wrong_setting_is_named_and_nothing_is_dropped(
    server: ScriptedServer, store: InfluxStore, status: int, setting: str
) -> None:
    server.script.append(Answer(status, b'{"message": "said"}', {"Location": "http://other"}))
    with pytest.raises(Unavailable, match=rf"{status}: said.*{setting}"):
        await store.write(some_lines(3))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "86400"}, 300.0),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_says_when_to_come_back(
    server: ScriptedServer,
    store: InfluxStore,
    status: int,
    headers: dict[str, str],
    wait_s: float | None,
) -> None:
    server.script.append(Answer(status, b"", headers))
    with pytest.raises(Unavailable) as unavailable:
        await store.write(some_lines(1))
    assert unavailable.value.retry_after_s == wait_s


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_an_error_of_the_server_loses_nothing(
    server: ScriptedServer, store: InfluxStore, status: int
) -> None:
    server.script.append(Answer(status, b"<html>gateway\n\x1b[31m</html>"))
    with pytest.raises(Unavailable, match=rf"{status}: <html>gateway"):
        await store.write(some_lines(1))
    await store.write(some_lines(1))


async def test_a_reset_and_a_closed_port_are_unavailable(
    server: ScriptedServer, store: InfluxStore, policy: InfluxPolicy
) -> None:
    server.script.append(RESET)
    with pytest.raises(Unavailable, match="closed without an answer"):
        await store.write(some_lines(1))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with InfluxStore(replace(policy, url=url)) as nowhere:
            with pytest.raises(Unavailable, match="cannot connect"):
                await nowhere.write(some_lines(1))


async def test_a_server_that_hangs_is_left_after_the_timeout(
    server: ScriptedServer, policy: InfluxPolicy
) -> None:
    server.script.append(HANG)
    async with InfluxStore(replace(policy, timeout_s=0.1)) as store:
        with pytest.raises(Unavailable, match=r"no answer within 0.1 s"):
            await store.write(some_lines(1))


async def test_ping_tells_the_version_or_why_not(
    server: ScriptedServer, store: InfluxStore
) -> None:
    server.script.append(Answer(204, b"", {"X-Influxdb-Version": "2.7.12"}))
    said = f"InfluxDB 2.7.12 at {server.url}, bucket sensors can be written"
    assert await store.ping() == said
    server.script.append(Answer(503, b"starting"))
    with pytest.raises(Unavailable, match="503: starting"):
        await store.ping()


async def test_ping_asks_for_the_right_to_write_and_writes_nothing(
    server: ScriptedServer, store: InfluxStore
) -> None:
    await store.ping()
    assert [asked.path for asked in server.asked] == ["/ping", "/api/v2/write"]
    assert server.asked[1].query == {"org": "plant", "bucket": "sensors", "precision": "ns"}
    assert server.asked[1].body == b""


@pytest.mark.parametrize(
    ("answer", "setting"),
    [
        (Answer(401, b"unauthorized access"), "look at influx.token and influx.token_file"),
        (Answer(403, b"insufficient permissions"), "look at influx.token and its permissions"),
        (Answer(404, b"not found"), "look at influx.org and influx.bucket, or create the bucket"),
        (Answer(400, b"Please provide either orgID or org"), "look at influx.org"),
    ],
)
async def test_ping_says_which_setting_keeps_it_from_writing(
    server: ScriptedServer, store: InfluxStore, answer: Answer, setting: str
) -> None:
    server.script += [Answer(204), answer]
    with pytest.raises(Unavailable, match=setting):
        await store.ping()


async def test_a_server_that_wants_points_has_let_us_in(
    server: ScriptedServer, store: InfluxStore
) -> None:
    server.script += [Answer(204), Answer(400, b"writing requires points")]
    assert "can be written" in await store.ping()


async def test_a_query_gives_tags_and_columns_as_rows(
    server: ScriptedServer, store: InfluxStore
) -> None:
    series = {"tags": {"asset": "a"}, "columns": ["time", "v"], "values": [[1, 2.5], [2, None]]}
    said = json.dumps({"results": [{"series": [series]}, {}]}).encode()
    server.script.append(Answer(200, said))
    rows = await store.query("SELECT * FROM m GROUP BY *")
    assert rows == [{"asset": "a", "time": 1, "v": 2.5}, {"asset": "a", "time": 2, "v": None}]
    assert server.asked[0].query["db"] == "sensors"
    server.script.append(Answer(200, b'{"results": [{"error": "database not found"}]}'))
    with pytest.raises(ValueError, match="database not found"):
        await store.query("SELECT")


async def test_the_token_is_never_shown(server: ScriptedServer, store: InfluxStore) -> None:
    shown = [repr(store)]
    for answer in (Answer(401, b"no"), Answer(500, b"no"), RESET):
        server.script.append(answer)
        with pytest.raises(Unavailable) as unavailable:
            await store.write(some_lines(1))
        shown += [
            str(unavailable.value),
            repr(unavailable.value),
            repr(unavailable.value.__cause__),
        ]
    assert not any(TOKEN in text for text in shown)


@pytest.mark.parametrize("url", ["influx:8086", "ftp://h", "http://", "http://a:b@h", "http://h:x"])
def test_an_address_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^influx: ") as refused:
        InfluxPolicy(url, "plant", "sensors", TOKEN)
    assert "a:b" not in str(refused.value)
