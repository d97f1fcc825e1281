"""Who may see the page, and what a browser may do with it."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

SHORTEST_TOKEN = 16
"""Characters that a token has at least."""

_COOKIE = "tocsin_page"
_YEAR_S = 365 * 86_400
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;"
    "margin:15vh auto;padding:0 1.5rem}input,button{font:inherit;padding:.4rem .6rem}"
)


def _digest_source(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# plotly.js makes an empty style element and fills it through the object model, which is allowed.
_STYLES = f"style-src 'self' {_digest_source('')} {_digest_source(_STYLE)}"

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    f"{_STYLES}; img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "tocsin",
}
"""What every answer carries."""


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """Lets requests in or sends them away.

    With a token, whoever shows it comes in, under whatever name the page is reached. Without one
    the page listens on loopback only, and answers to its names only, or a page from elsewhere
    could have its own name lead here and read along.

    Args:
        token: what visitors must show; empty if nothing.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        # The cookie shows that its owner knew the token, and does not tell it.
        self._cookie = hmac.new(self._token, b"tocsin page", hashlib.sha256).hexdigest()

    def check(self, request: web.Request) -> None:
        """Return if the request may go on.

        Raises:
            web.HTTPException: if it may not, or is to be asked again without the token in it.
        """
        if self._token:
            self._check_token(request)
        elif not is_loopback(_host(request)):
            raise web.HTTPForbidden(
                text="Without a token this page answers to localhost only. Open it as "
                "http://localhost, or set page.token_file."
            )
        if request.method not in ("GET", "HEAD"):
            _check_origin(request)

    def _check_token(self, request: web.Request) -> None:
        if request.path == "/" and "token" in request.query:
            if self._is_token(request.query["token"]):
                raise self._welcome(request)
            raise _unauthorized("That is not the token.")
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(shown.strip()):
            return
        cookie = request.cookies.get(_COOKIE, "").encode(errors="replace")
        if not hmac.compare_digest(cookie, self._cookie.encode()):
            raise _unauthorized("This page wants a token.")

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(errors="replace"), self._token)

    def _welcome(self, request: web.Request) -> web.HTTPException:
        """Return the way to the page, with a cookie and without the token in the address."""
        found = web.HTTPSeeOther("/", headers={"Cache-Control": "no-store"})
        outside = request.headers.get("X-Forwarded-Proto", request.scheme)
        found.set_cookie(
            _COOKIE,
            self._cookie,
            max_age=_YEAR_S,
            httponly=True,
            samesite="Strict",
            secure=outside == "https",
        )
        return found


def _unauthorized(text: str) -> web.HTTPException:
    return web.HTTPUnauthorized(text=text, headers={"WWW-Authenticate": 'Bearer realm="tocsin"'})


def _check_origin(request: web.Request) -> None:
    """Refuse what another site lets a browser send; programs say nothing of where they are."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    host = request.headers.get("Host", "")
    ours = site == "same-origin" or origin in (None, f"http://{host}", f"https://{host}")
    if site not in (None, "same-origin") or not ours:
        raise web.HTTPForbidden(text="This was sent by another site.")
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send JSON, as application/json.")


def _host(request: web.Request) -> str:
    """Return the name under which the page was asked for, without the port."""
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return ""


def explain(request: web.Request, refusal: web.HTTPException) -> web.Response:
    """Return a refusal as a sentence: in JSON for the page, in HTML for people."""
    text = refusal.text or refusal.reason
    headers = {"Cache-Control": "no-store"}
    headers |= {name: refusal.headers[name] for name in _KEPT if name in refusal.headers}
    if request.path.startswith("/api/"):
        return web.json_response({"error": text}, status=refusal.status, headers=headers)
    asked = _FORM if refusal.status == web.HTTPUnauthorized.status_code else ""
    body = _PAPER.format(style=_STYLE, text=escape(text), form=asked)
    return web.Response(text=body, status=refusal.status, content_type="text/html", headers=headers)


_KEPT = ("WWW-Authenticate", "Retry-After", "Allow")
_PAPER = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tocsin</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><style>{style}</style>'
    "<h1>Tocsin</h1><p>{text}</p>{form}</html>"
)
_FORM = (
    "<p>It stands in the settings of whoever runs this Tocsin, as <code>page.token</code> or in "
    "the file that <code>page.token_file</code> names.</p>"
    '<form method="get" action="/"><input type="password" name="token" aria-label="Token" '
    'autocomplete="current-password" required autofocus> <button>Open the page</button></form>'
)
