"""Receivers of alerts over HTTP, signed as Standard Webhooks 1.0 asks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from standardwebhooks import Webhook

from tocsin.adapters.answers import (
    FAILURES,
    check_url,
    describe,
    plain,
    public_part,
    retry_after_s,
)
from tocsin.core.records import Notice
from tocsin.ports import Rejected, Unavailable

_log = structlog.get_logger()

_LONGEST_WAIT_S = 3_600.0
_ANSWER_BYTES = 64 * 1024
_SECRET_BYTES = range(24, 65)


@dataclass(frozen=True, slots=True)
class WebhookPolicy:
    """One receiver.

    Attributes:
        name: what logs and the delivery memory call it.
        url: never shown beyond its host: paths and queries hold keys.
        secret: ``whsec_`` and base64 of 24 to 64 bytes; "" sends without a signature.
        timeout_s: for one whole attempt.
        allow_private: whether the address may be loopback or in a private network.
    """

    name: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    timeout_s: float = 15.0
    allow_private: bool = True

    def __post_init__(self) -> None:
        check_url(f"receiver {self.name}", self.url)
        if self.secret and not _is_secret(self.secret):
            raise ValueError(
                f"receiver {self.name}: the secret must be whsec_ and base64 of 24 to 64 bytes"
            )
        if not self.allow_private and _is_private(urlsplit(self.url).hostname or ""):
            raise ValueError(f"receiver {self.name}: its address is private")


class WebhookNotifier:
    """Posts notices to one receiver; enter it before use.

    Args:
        policy: which receiver.
        clock: the time in nanoseconds, for the signature.
    """

    def __init__(self, policy: WebhookPolicy, clock: Callable[[], int]) -> None:
        self._policy = policy
        self._clock = clock
        self._where = f"receiver {policy.name} at {public_part(policy.url)}"
        self._signer = Webhook(policy.secret) if policy.secret else None
        self._session: aiohttp.ClientSession

    def __repr__(self) -> str:
        return f"WebhookNotifier({self._policy!r})"

    async def __aenter__(self) -> Self:
        if self._signer is None:
            _log.warning("webhook_unsigned", receiver=self._policy.name)
        resolver = None if self._policy.allow_private else _PublicResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver),
            timeout=aiohttp.ClientTimeout(total=self._policy.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a small answer must not become a large one
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def ping(self) -> str:
        """Return one line about what listens there, or raise `Unavailable`; tells it nothing."""
        status, _, _ = await self._ask("HEAD", b"", {})
        return f"{self._where} listens (HEAD is answered {status})"

    async def deliver(self, notice: Notice) -> None:
        """Post ``notice``; see `tocsin.ports.Notifier`.

        Only 2xx is success. 410 means that the receiver wants no more; everything else may pass.
        """
        status, headers, text = await self._ask("POST", notice.body, self._headers(notice))
        if 200 <= status < 300:
            return
        said = f"{self._where} answered {status}: {plain(text)}"
        if status == 410:
            raise Rejected(said)
        if status < 400:
            raise Unavailable(f"{said}; redirects are not followed, set the final address")
        raise Unavailable(said, retry_after_s(headers, _LONGEST_WAIT_S))

    def _headers(self, notice: Notice) -> dict[str, str]:
        now = datetime.fromtimestamp(self._clock() // 1_000_000_000, UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if self._signer is not None:
            body = notice.body.decode()
            headers["webhook-signature"] = self._signer.sign(notice.id, now, body)
        return headers

    async def _ask(
        self, method: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, Mapping[str, str], str]:
        headers = {"User-Agent": "tocsin", **headers}
        try:
            async with self._session.request(
                method, self._policy.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                good = 200 <= answer.status < 300
                said = b"" if good else await answer.content.read(_ANSWER_BYTES)
        except FAILURES as failure:
            told = describe(failure, self._policy.timeout_s)
            # from None: the library's error holds the whole URL
            raise Unavailable(f"{self._where}: {told}") from None
        return answer.status, answer.headers, said.decode(errors="replace")


class _PublicResolver(ThreadedResolver):
    """Finds public addresses only; the one that was judged is the one connected to."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if any(_is_private(each["host"]) for each in found):
            raise OSError(None, "its address is private")
        return found


def _is_private(host: str) -> bool:
    """Whether ``host`` is the address of something that is not on the public Internet."""
    try:
        address = ip_address(host)
    except ValueError:  # 2130706433 and 127.1 are addresses too, but no honest way to write one
        return ":" in host or host.replace(".", "").isdigit()
    mapped = getattr(address, "ipv4_mapped", None) or address
    return not mapped.is_global or mapped.is_multicast


def _is_secret(secret: str) -> bool:
    prefix, _, encoded = secret.partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return False
    return prefix == "whsec" and len(key) in _SECRET_BYTES
