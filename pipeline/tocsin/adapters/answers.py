"""What all HTTP servers have in common: addresses that may be told, failures, ``Retry-After``."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

FAILURES = (aiohttp.ClientError, TimeoutError, OSError)
"""What a request raises when no complete answer came."""

_LEAST_WAIT_S = 1.0
_TEXT = 300


def check_url(owner: str, url: str) -> None:
    """Refuse an address that is not plain HTTP or HTTPS; errors name ``owner``, never the URL.

    Raises:
        ValueError: if the scheme is another one, the host is missing, or a name or password is in
            the URL, where logs and proxies would see it.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{owner}: the url must be http://host:port/path or https://...")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{owner}: take the name and password out of the url")


def public_part(url: str) -> str:
    """Return ``scheme://host:port``: what of a URL may be shown. Paths and queries hold keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def describe(failure: BaseException, timeout_s: float) -> str:
    """Return why no answer came, without the URL."""
    if isinstance(failure, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(failure, aiohttp.ClientConnectorCertificateError):  # it has no os_error
        return f"its certificate is not trusted: {failure.certificate_error}"
    if isinstance(failure, aiohttp.ClientConnectorError):
        return f"cannot connect: {failure.os_error.strerror or failure.os_error}"
    if isinstance(failure, aiohttp.ClientConnectionError | ConnectionError):
        return "the connection was closed without an answer"
    return f"the request failed: {type(failure).__name__}"


def plain(text: str) -> str:
    """Return the beginning of a server's text as one printable line."""
    return "".join(each if each.isprintable() else " " for each in text[:_TEXT]).strip()


def retry_after_s(headers: Mapping[str, str], longest_s: float) -> float | None:
    """Return the seconds of ``Retry-After``, between 1 and ``longest_s``; None if it says nothing.

    A date is measured against the answer's own ``Date``, so that it does not matter whose clock is
    right (RFC 9110, 10.2.3 and 6.6.1).
    """
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        wait_s = float(value)
    else:
        try:
            until = parsedate_to_datetime(value)
            wait_s = (until - parsedate_to_datetime(headers.get("Date", ""))).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(wait_s, _LEAST_WAIT_S), longest_s)
