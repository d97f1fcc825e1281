"""A receiver of webhooks that believes everything and keeps it, for a test to look at."""

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook

SECRET = "whsec_dGhlLXJpZy1pcy13YXRjaGVkLWJ5LXRvY3Npbg=="  # noqa: S105 - of this receiver alone


@dataclass(frozen=True, slots=True)
class Letter:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes

    def verified(self) -> Any:
        """Return its JSON; raises WebhookVerificationError if it is not signed as it should be."""
        Webhook(SECRET).verify(self.body, self.headers)
        return json.loads(self.body)


class Inbox:
    """Listens on a free port of loopback while entered.

    Attributes:
        letters: what came, oldest first.
        url: where it listens.
    """

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.url = ""
        self._runner: web.AppRunner

    def statuses(self) -> list[str]:
        """Return what each letter says of its alert."""
        return [json.loads(letter.body)["status"] for letter in self.letters]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/", self._keep)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def _keep(self, request: web.Request) -> web.Response:
        self.letters.append(Letter(dict(request.headers), await request.read()))
        return web.Response(status=204)
