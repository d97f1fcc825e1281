"""A small receiver of webhooks on loopback that checks every signature: for demo and tests."""

import asyncio
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

_PATH = "/alerts"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that arrived."""

    id: str
    verified: bool
    body: bytes
    status: int  # what it was answered; 0 where the connection was cut instead


class Receiver:
    """Listens on a free port of loopback while entered, and keeps what arrives.

    Args:
        secret: ``whsec_...``, the one that the sender signs with.
        keep: how many requests are kept; None keeps all.

    Attributes:
        deliveries: the requests that are kept, oldest first.
        answers: what the next requests are answered, one each: a status, or 0 to cut the
            connection. When it is empty a verified request is answered 204, others 401.
        delay_s: how long every request waits for its answer.
    """

    def __init__(self, secret: str, keep: int | None = None) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=keep)
        self.answers: deque[int] = deque()
        self.delay_s = 0.0
        self._verifier = Webhook(secret)
        self._runner: web.AppRunner
        self._port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}{_PATH}"

    @property
    def accepted(self) -> list[Delivery]:
        """Return the deliveries that were answered 2xx."""
        return [each for each in self.deliveries if 200 <= each.status < 300]

    def verified(self, webhook_id: str) -> bool | None:
        """Return whether the signature held on the last try; None if none is known."""
        tries = (each.verified for each in reversed(self.deliveries) if each.id == webhook_id)
        return next(tries, None)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_post(_PATH, self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        # The port of the first start is kept, so that a receiver may go away and come back.
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        verified = self._verifies(body, request)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        status = self.answers.popleft() if self.answers else (204 if verified else 401)
        name = request.headers.get("webhook-id", "")
        self.deliveries.append(Delivery(name, verified, body, status))
        if status == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status or 204)

    def _verifies(self, body: bytes, request: web.Request) -> bool:
        try:
            self._verifier.verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return False
        return True
