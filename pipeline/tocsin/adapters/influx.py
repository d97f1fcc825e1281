"""InfluxDB 2 and what speaks its write path, as a `PointStore`.

The client library does addresses, authorization and connections. Its batching is not used (it
gives points up after a few tries and tells only a callback), and neither is its `Point` (which
drops a NaN without a word): lines come ready-made and every request is acknowledged.
"""

import asyncio
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import structlog
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

from tocsin.adapters.answers import (
    FAILURES,
    check_url,
    describe,
    plain,
    public_part,
    retry_after_s,
)
from tocsin.ports import Rejected, Unavailable

_log = structlog.get_logger()

Query = list[tuple[str, str]]

_LONGEST_WAIT_S = 300.0
_ANSWER_BYTES = 64 * 1024
_ROWS_BYTES = 256 * 1024 * 1024
_SETTINGS_WAIT_S = 30.0
_LINES = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
_LOOK_AT = {
    401: "the token is not valid, look at influx.token and influx.token_file",
    403: "the token may not write here, look at influx.token and its permissions",
    404: "look at influx.org and influx.bucket, or create the bucket",
}


@dataclass(frozen=True, slots=True)
class InfluxPolicy:
    """Where points go and how.

    Attributes:
        url: scheme, host and port of the server.
        org: organisation; "" where the server knows none.
        bucket: where points are stored.
        token: never shown.
        timeout_s: for one whole request.
        lines: lines per request at most. A power of two: a bad line among 4,096 is found by 12
            further requests, and the lines behind it go out with the 13th.
        request_bytes: bytes per request at most, before compression.
        bad_lines: refused lines in one request above which nothing more is given up: that many
            are no bad data but a schema conflict, and a person has to look.
    """

    url: str
    org: str
    bucket: str
    token: str = field(repr=False)
    timeout_s: float = 10.0
    lines: int = 4_096
    request_bytes: int = 1_000_000
    bad_lines: int = 100

    def __post_init__(self) -> None:
        check_url("influx", self.url)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def text(self) -> str:
        """Return the server's sentence, without the JSON around it."""
        try:
            return str(json.loads(self.body)["message"])
        except (ValueError, KeyError, TypeError):
            return plain(self.body.decode(errors="replace"))


class InfluxStore:
    """Stores points by acknowledged requests; enter it before use.

    A point older than the bucket's retention counts as stored: the server drops it now as it would
    have dropped it a moment later.
    """

    def __init__(self, policy: InfluxPolicy) -> None:
        self._policy = policy
        self._where = public_part(policy.url)
        self._client: Any  # the library has no types

    def __repr__(self) -> str:
        return f"InfluxStore({self._policy!r})"

    async def __aenter__(self) -> Self:
        self._client = InfluxDBClientAsync(
            self._policy.url,
            token=self._policy.token,
            org=self._policy.org,
            timeout=int(self._policy.timeout_s * 1_000),
            allow_redirects=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def ping(self) -> str:
        """Return one line if the server is there and lets us write to the bucket.

        Raises:
            Unavailable: if one of them does not hold; says which setting to look at.
        """
        answer = await self._ask("/ping", [])
        if answer.status >= 300:
            raise self._unavailable(answer)
        await self._try_writing()
        version = answer.headers.get("X-Influxdb-Version", "of unknown version")
        return f"InfluxDB {version} at {self._where}, bucket {self._policy.bucket} can be written"

    async def _try_writing(self) -> None:
        """Write nothing: InfluxDB asks who may write where before it looks at what is written."""
        answer = await self._post(b"")
        if answer.status < 300:
            return
        if answer.status != 400:
            raise self._unavailable(answer)
        if "org" in answer.text():  # else only that there are no points, as 2.0 had it
            raise Unavailable(
                f"InfluxDB at {self._where} answered 400: {plain(answer.text())}; {_LOOK_AT[404]}"
            )

    async def write(self, lines: Sequence[bytes]) -> None:
        """Store all lines; see `tocsin.ports.PointStore`."""
        refused: dict[int, str] = {}
        for low, high in self._cuts(lines):
            refused |= await self._store(lines, low, high)
        if refused:
            raise Rejected(f"{self._where} refused {len(refused)} of {len(lines)} lines", refused)

    async def query(self, influxql: str) -> list[dict[str, Any]]:
        """Return the rows that ``influxql`` finds in the bucket: tags and columns by name.

        Raises:
            Unavailable: if the server does not answer.
            ValueError: if it does not accept the query.
        """
        query = [("db", self._policy.bucket), ("epoch", "ns"), ("q", influxql)]
        answer = await self._ask("/query", query)
        if answer.status == 400:
            raise ValueError(answer.text())
        if answer.status != 200:
            raise self._unavailable(answer)
        rows = []
        for result in json.loads(answer.body)["results"]:
            if "error" in result:
                raise ValueError(result["error"])
            rows += [row for series in result.get("series", ()) for row in _rows(series)]
        return rows

    def _cuts(self, lines: Sequence[bytes]) -> Iterator[tuple[int, int]]:
        low, room_bytes = 0, self._policy.request_bytes
        for index, line in enumerate(lines):
            room_bytes -= len(line) + 1
            if index > low and (index - low == self._policy.lines or room_bytes < 0):
                yield low, index
                low, room_bytes = index, self._policy.request_bytes - len(line) - 1
        if low < len(lines):
            yield low, len(lines)

    async def _store(self, lines: Sequence[bytes], low: int, high: int) -> dict[int, str]:
        """Store ``lines[low:high]``; return the lines the server will never take, and why."""
        refused: dict[int, str] = {}
        while low < high and (reason := await self._refusal(lines[low:high])) is not None:
            bad, refused[bad] = await self._first_bad(lines, low, high, reason)
            if len(refused) > self._policy.bad_lines:
                raise Unavailable(
                    f"InfluxDB at {self._where} refuses more than {self._policy.bad_lines} lines of"
                    f" one request, so none is given up; the last one because: {refused[bad]}",
                    _SETTINGS_WAIT_S,
                )
            low = bad + 1
        return refused

    async def _first_bad(
        self, lines: Sequence[bytes], low: int, high: int, reason: str
    ) -> tuple[int, str]:
        """Store what stands in front of the first bad line of ``lines[low:high]``; return that.

        Everything below ``low`` is stored and ``lines[low:high]`` was refused. At the end only the
        last line of the last refused request was bad, so ``reason`` speaks of that line alone.
        """
        while high - low > 1:
            middle = (low + high) // 2
            refusal = await self._refusal(lines[low:middle])
            if refusal is None:
                low = middle
            else:
                high, reason = middle, refusal
        return low, reason

    async def _refusal(self, lines: Sequence[bytes]) -> str | None:
        """Store all lines; return the server's reason if it refused any of them."""
        answer = await self._post(b"\n".join(lines))
        if answer.status < 300:
            return None
        if answer.status == 413 and len(lines) > 1:
            half = len(lines) // 2
            return await self._refusal(lines[:half]) or await self._refusal(lines[half:])
        if answer.status == 422 and "retention policy" in answer.text():
            _log.warning("influx_points_beyond_retention", said=plain(answer.text()))
            return None
        if answer.status in {400, 413, 422}:
            return plain(answer.text())
        raise self._unavailable(answer)

    async def _post(self, lines: bytes) -> _Answer:
        policy = self._policy
        query = [("org", policy.org), ("bucket", policy.bucket), ("precision", "ns")]
        body = await asyncio.to_thread(gzip.compress, lines, 1)
        return await self._ask("/api/v2/write", query, body)

    async def _ask(self, path: str, query: Query, body: bytes | None = None) -> _Answer:
        """Return the server's answer, whatever it is, or raise `Unavailable`.

        The library is kept from reading the answer: it would raise, and configure the root logger
        where an error comes in another form than JSON.
        """
        method, headers, limit_bytes = "GET", {}, _ROWS_BYTES
        if body is not None:
            method, headers, limit_bytes = "POST", _LINES, _ANSWER_BYTES
        try:
            async with await self._client.api_client.call_api(
                path,
                method,
                query_params=query,
                header_params=dict(headers),
                body=body,
                _preload_content=False,
            ) as response:
                content = await _read(response.content, limit_bytes)
        except FAILURES as failure:
            told = describe(failure, self._policy.timeout_s)
            raise Unavailable(f"InfluxDB at {self._where}: {told}") from failure
        return _Answer(response.status, response.headers, content)

    def _unavailable(self, answer: _Answer) -> Unavailable:
        said = f"InfluxDB at {self._where} answered {answer.status}: {plain(answer.text())}"
        if answer.status in _LOOK_AT:
            return Unavailable(f"{said}; {_LOOK_AT[answer.status]}", _SETTINGS_WAIT_S)
        if answer.status < 400:
            return Unavailable(f"{said}; redirects are not followed: look at influx.url")
        return Unavailable(said, retry_after_s(answer.headers, _LONGEST_WAIT_S))


async def _read(content: Any, limit_bytes: int) -> bytes:
    """Return the body, or its first ``limit_bytes`` if there is more."""
    body = bytearray()
    while len(body) < limit_bytes and (piece := await content.read(limit_bytes - len(body))):
        body += piece
    return bytes(body)


def _rows(series: Mapping[str, Any]) -> list[dict[str, Any]]:
    tags = series.get("tags", {})
    return [{**tags, **dict(zip(series["columns"], row, strict=True))} for row in series["values"]]
