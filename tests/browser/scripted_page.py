"""The page's server with nothing behind it: a test says what there is to see, and when."""

import asyncio
import json
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Self

import plotly
from aiohttp import web

import tocsin.page

STATIC = Path(tocsin.page.__file__).with_name("static")
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
STRICT = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_PATIENCE_S = 10.0


class ScriptedPage:
    """Serves the page's files, and whatever it was told to show, from a thread of its own.

    Attributes:
        told: webhook id -> what ``/api/told/ID`` answers; others are 404.
        breaking: status and body that a POST to ``/api/breakages`` is answered with.
        broken: the bodies of those POSTs.
    """

    def __init__(self, picture: Mapping[str, Any]) -> None:
        self.told: dict[str, Mapping[str, Any]] = {}
        self.breaking: tuple[int, Mapping[str, Any]] = (404, {"error": "There is no plant."})
        self.broken: list[dict[str, Any]] = []
        self._picture = dict(picture)
        self._traces: dict[str, Mapping[str, Any]] = {}
        self._watchers: dict[asyncio.Queue[bytes | None], str | None] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner
        self._site: web.TCPSite
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        self._await(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()
        self._await(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    def show(self, picture: Mapping[str, Any]) -> None:
        """Let everybody see another picture, now and whenever they come."""
        self._picture = dict(picture)
        self._say("picture", self._picture, None)

    def trace(self, trace: Mapping[str, Any]) -> None:
        """Set the history of an asset and send it to those who watch it."""
        self._traces[trace["asset"]] = trace
        self._say("trace", trace, trace["asset"])

    def rows(self, rows: Mapping[str, Any]) -> None:
        """Send new windows of an asset to those who watch it."""
        self._say("rows", rows, rows["asset"])

    def drop(self) -> None:
        """Cut every connection and accept no more."""
        self._await(self._close())

    def resume(self) -> None:
        """Accept connections again, at the same port."""
        self._await(self._open())

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    def _say(self, event: str, what: Mapping[str, Any], asset: str | None) -> None:
        self._loop.call_soon_threadsafe(self._tell, _event(event, what), asset)

    def _tell(self, message: bytes, asset: str | None) -> None:
        for queue, watched in self._watchers.items():
            if asset is None or asset == watched:
                queue.put_nowait(message)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/static/plotly.min.js", self._plotly)
        app.router.add_static("/static/", STATIC)
        app.router.add_get("/api/live", self._live)
        app.router.add_get("/api/told/{id}", self._told)
        app.router.add_post("/api/breakages", self._break)
        app.on_response_prepare.append(_be_strict)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await self._open()

    async def _open(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        if self._site in self._runner.sites:
            await self._site.stop()
        for queue in self._watchers:
            queue.put_nowait(None)
        while self._watchers:  # noqa: ASYNC110 - streams end one by one
            await asyncio.sleep(0.01)
        # a connection that is kept alive would be taken for the next request
        for connection in self._runner.server.connections if self._runner.server else ():
            connection.force_close()

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _plotly(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(PLOTLY)

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _told(self, request: web.Request) -> web.Response:
        found = self.told.get(request.match_info["id"])
        if found is None:
            return web.json_response({"error": "No such webhook."}, status=404)
        return web.json_response(found)

    async def _break(self, request: web.Request) -> web.Response:
        self.broken.append(await request.json())
        status, body = self.breaking
        return web.json_response(body, status=status)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        asset = request.query.get("asset")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        await response.prepare(request)
        self._watchers[queue] = asset
        try:
            await response.write(b"retry: 200\n\n" + _event("picture", self._picture))
            if asset in self._traces:
                await response.write(_event("trace", self._traces[asset]))
            while (message := await queue.get()) is not None:
                await response.write(message)
        except ConnectionError:
            pass  # whoever looked has gone
        finally:
            del self._watchers[queue]
        return response


async def _be_strict(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(STRICT)


def _event(name: str, what: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(what, allow_nan=False)}\n\n".encode()
