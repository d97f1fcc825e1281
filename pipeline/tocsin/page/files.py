"""What the page consists of: its own files, and plotly.js as the installed package ships it."""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).with_name("static")
"""The page's own files."""

_PLOTLY = "plotly.min.js"
_KINDS: Mapping[str, str] = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""What is text; it is sent compressed."""


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    packed: bytes  # with gzip; empty if that is not worth it
    kind: str
    tag: str


class Files:
    """Files by name, each read at its first use; nothing else of the disk can be reached."""

    def __init__(self, folder: Path) -> None:
        found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
        self._paths = {name: path for name, path in found.items() if path.is_file()}
        spec = find_spec("plotly")
        if spec is not None and spec.origin is not None:
            self._paths[_PLOTLY] = Path(spec.origin).parent / "package_data" / _PLOTLY
        self._files: dict[str, _File] = {}

    async def answer(self, request: web.Request, name: str) -> web.Response:
        """Return a file; raises `web.HTTPNotFound` if there is no such one."""
        file = self._files.get(name)
        if file is None:
            if name not in self._paths:
                raise web.HTTPNotFound(text="There is nothing here.")
            file = self._files[name] = await asyncio.to_thread(_read, self._paths[name])
        headers = {"ETag": file.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if file.tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = file.kind
        if file.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=file.packed, headers=headers)
        return web.Response(body=file.content, headers=headers)


def _read(path: Path) -> _File:
    content = path.read_bytes()
    kind = _KINDS.get(path.suffix)
    packed = gzip.compress(content, 6, mtime=0) if kind and len(content) > 1_000 else b""
    # weak: both forms of the content have it
    tag = f'W/"{hashlib.sha256(content).hexdigest()[:16]}"'
    return _File(content, packed, f"{kind}; charset=utf-8" if kind else _binary(path), tag)


def _binary(path: Path) -> str:
    return {".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2"}.get(
        path.suffix, "application/octet-stream"
    )
