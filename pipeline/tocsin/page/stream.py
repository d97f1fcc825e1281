"""Server-sent events: one visitor, from the first picture until one of the two leaves."""

import asyncio
import socket
from dataclasses import dataclass

from aiohttp import web

from tocsin.page.board import Board

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",  # nginx would keep events back
}

_WAITING_BYTES = 128 * 1024
"""What the system keeps for a visitor who does not read; by itself it would be megabytes."""


@dataclass(frozen=True, slots=True)
class StreamPolicy:
    """How visitors are kept.

    Attributes:
        most: visitors at a time.
        alive_s: silence after which a comment says that the connection is alive.
        patience_s: how long a visitor may take nothing before it is let go.
    """

    most: int = 50
    alive_s: float = 10.0
    patience_s: float = 20.0


async def stream(
    request: web.Request, board: Board, asset: str, policy: StreamPolicy
) -> web.StreamResponse:
    """Send the picture whenever it is another, and the windows of ``asset`` as they come.

    Whoever reads slowly misses pictures, no windows, and takes no memory: there is no queue.
    """
    response = web.StreamResponse(headers=_HEADERS)
    with board.attended(asset):
        await response.prepare(request)
        _limit(request)
        try:
            await _Visit(response, board, asset, policy).last()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:  # it has left
            pass
    return response


def _limit(request: web.Request) -> None:
    connection = request.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _WAITING_BYTES)


class _Visit:
    def __init__(
        self, response: web.StreamResponse, board: Board, asset: str, policy: StreamPolicy
    ) -> None:
        self._response = response
        self._board = board
        self._asset = asset
        self._policy = policy
        self._number = 0
        self._last_ns = -1
        self._sent_s = 0.0

    async def last(self) -> None:
        """Send what is new until the board is closed.

        Raises:
            TimeoutError: if the visitor takes nothing for too long.
            ConnectionError: if it has left.
        """
        await self._send(b"retry: 1000\n\n")
        while not self._board.closed:
            bell = self._board.bell
            if self._number != self._board.number:
                self._number = self._board.number
                await self._send(self._board.event)
            await self._send_windows()
            await self._listen(bell)

    async def _send_windows(self) -> None:
        found = self._board.windows(self._asset, self._last_ns) if self._asset else None
        if found is not None:
            event, self._last_ns = found
            await self._send(event)

    async def _listen(self, bell: asyncio.Event) -> None:
        try:
            async with asyncio.timeout_at(self._sent_s + self._policy.alive_s):
                await bell.wait()
        except TimeoutError:
            await self._send(b": still here\n\n")

    async def _send(self, event: bytes) -> None:
        async with asyncio.timeout(self._policy.patience_s):
            await self._response.write(event)
        self._sent_s = asyncio.get_running_loop().time()
