"""The web server of the page: who may ask, and what is answered."""

import errno
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from tocsin.page.board import Board
from tocsin.page.files import Files
from tocsin.page.forms import Post, breakage_form, letter_form
from tocsin.page.guard import HEADERS, Guard, explain
from tocsin.page.picture import Picture
from tocsin.page.policy import PagePolicy
from tocsin.page.seams import Occupied, Plant
from tocsin.page.stream import stream

_BODY_BYTES = 16 * 1024
_GOODBYE_S = 0.3


class CannotListen(Exception):  # noqa: N818 - a state of the world, read as such where it is caught
    """The address cannot be had; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Exhibits:
    """What there is to be shown."""

    picture: Picture
    board: Board
    post: Post
    plant: Plant | None


class _Order(msgspec.Struct, frozen=True):
    """What is to be broken."""

    asset: str
    channel: str
    kind: str


class Server:
    """Answers, from `open` to `close`.

    Args:
        exhibits: what there is to be shown.
        policy: where, and to whom.
    """

    def __init__(self, exhibits: Exhibits, policy: PagePolicy) -> None:
        self._exhibits = exhibits
        self._policy = policy
        self._guard = Guard(policy.token)
        self._files = Files(policy.folder)
        self._runner: web.AppRunner | None = None
        self._port = policy.port

    @property
    def url(self) -> str:
        """Where the page is, for a browser on this machine; without the token."""
        host = self._policy.host
        if host in ("", "0.0.0.0", "::"):  # noqa: S104 - all addresses: this machine has some
            host = "localhost"
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}/"

    async def open(self) -> None:
        """Begin to listen, if that is still to be done; raises `CannotListen`."""
        if self._runner is not None:
            return
        app = web.Application(middlewares=[self._admit], client_max_size=_BODY_BYTES)
        app.on_response_prepare.append(_dress)
        app.router.add_get("/healthz", _health)
        app.router.add_get("/", self._index)
        app.router.add_get("/static/{name:.+}", self._static)
        app.router.add_get("/api/live", self._live)
        app.router.add_get("/api/told/{webhook_id}", self._told)
        app.router.add_post("/api/breakages", self._break)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_GOODBYE_S, handler_cancellation=True
        )
        await self._runner.setup()
        try:
            await self._listen(self._runner)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Send everybody away and listen no more. A second time changes nothing."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._exhibits.board.close()
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        policy = self._policy
        try:
            await web.TCPSite(runner, policy.host, policy.port).start()
        except OSError as error:
            if not policy.any_port:
                raise CannotListen(_advice(policy, error)) from None
            await self._listen_anywhere(runner)
        self._port = runner.addresses[0][1]

    async def _listen_anywhere(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, self._policy.host, 0).start()
        except OSError as error:
            raise CannotListen(_advice(self._policy, error)) from None

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path != "/healthz":
                self._guard.check(request)
            return await handler(request)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as refusal:
            return explain(request, refusal)

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return await self._files.answer(request, "index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return await self._files.answer(request, request.match_info["name"])

    async def _live(self, request: web.Request) -> web.StreamResponse:
        board, policy = self._exhibits.board, self._policy.stream
        if board.audience >= policy.most:
            raise web.HTTPServiceUnavailable(
                text=f"{policy.most} pages are open already: close one, and try again.",
                headers={"Retry-After": "5"},
            )
        return await stream(request, board, request.query.get("asset", ""), policy)

    async def _told(self, request: web.Request) -> web.StreamResponse:
        telling = self._exhibits.picture.find(request.match_info["webhook_id"])
        if telling is None:
            raise web.HTTPNotFound(text="There is no such webhook, or it was too long ago.")
        return _json(letter_form(telling, self._exhibits.post))

    async def _break(self, request: web.Request) -> web.StreamResponse:
        plant = self._exhibits.plant
        if plant is None:
            raise web.HTTPNotFound(text="These are real assets: nothing can be broken here.")
        try:
            order = msgspec.json.decode(await request.read(), type=_Order)
            breakage = plant.break_channel(order.asset, order.channel, order.kind)
        except msgspec.MsgspecError:
            text = 'Say what to break: {"asset": …, "channel": …, "kind": …}.'
            raise web.HTTPBadRequest(text=text) from None
        except KeyError as unknown:
            text = f"Nothing was broken: {unknown.args[0]}."
            raise web.HTTPBadRequest(text=text) from None
        except Occupied as reason:
            raise web.HTTPConflict(text=str(reason)) from None
        return _json(breakage_form(breakage), status=201)


async def _health(request: web.Request) -> web.StreamResponse:
    del request
    return web.Response(text="ok")


async def _dress(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    if not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-store")


def _json(content: dict[str, Any], *, status: int = 200) -> web.Response:
    body = msgspec.json.encode(content)
    return web.Response(body=body, status=status, content_type="application/json")


def _advice(policy: PagePolicy, error: OSError) -> str:
    where = f"the page cannot listen on {policy.host}:{policy.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: something else does already; end it, or choose another page.port"
    return f"{where}: {error.strerror or error}; choose another page.host or page.port"
