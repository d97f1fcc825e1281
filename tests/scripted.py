"""An HTTP server on loopback that answers as it was told, and remembers what it was asked."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


RESET = Answer(status=0)
HANG = Answer(status=-1)


class ScriptedServer:
    """Answers what is in ``script``, one each, then what ``rule`` says."""

    def __init__(self, rule: Callable[[Asked], Answer] = lambda _: Answer()) -> None:
        self.rule = rule
        self.script: deque[Answer] = deque()
        self.asked: list[Asked] = []
        self._let_go = asyncio.Event()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._let_go.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = Asked(
            request.method, request.path, dict(request.query), dict(request.headers), body
        )
        self.asked.append(asked)
        answer = self.script.popleft() if self.script else self.rule(asked)
        if answer == HANG:
            await self._let_go.wait()
        if answer.status <= 0:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
