"""Tokens of InfluxDB 2 that may do one thing with one bucket, made with one that may do all.

https://docs.influxdata.com/influxdb/v2/api/#tag/Authorizations-(API-tokens)
"""

import json
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp

from tocsin.adapters.answers import FAILURES, describe, plain, public_part
from tocsin.adapters.influx import InfluxPolicy
from tocsin.ports import Rejected, Unavailable

Action = Literal["read", "write"]

_BUCKETS, _TOKENS = "/api/v2/buckets", "/api/v2/authorizations"
_ANYBODY = "/api/v2/orgs"
"""Answers every token, be it with an empty list; only a token that is none is refused."""


class InfluxTokens:
    """Makes tokens for the bucket of ``policy``, whose own token may do that; enter it before use.

    All methods raise `Unavailable` if the server does not answer, and `Rejected` if it refuses.
    """

    def __init__(self, policy: InfluxPolicy) -> None:
        self._policy = policy
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=self._policy.timeout_s)
        self._session = aiohttp.ClientSession(self._policy.url, timeout=timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def opens(self, token: str) -> bool:
        """Tell whether the server knows ``token``."""
        status, _ = await self._ask("GET", _ANYBODY, token=token)
        return status != 401

    async def make(self, action: Action, purpose: str) -> str:
        """Return a new token that may ``action`` the bucket, and withdraw others of ``purpose``."""
        policy = self._policy
        buckets = await self._demand("GET", _BUCKETS, {"org": policy.org, "name": policy.bucket})
        if not buckets["buckets"]:
            raise Rejected(f"InfluxDB at {self._where()} has no bucket {policy.bucket}")
        bucket = buckets["buckets"][0]
        owner = {"orgID": bucket["orgID"]}
        known = await self._demand("GET", _TOKENS, owner)
        resource = {"type": "buckets", "id": bucket["id"], **owner}
        wish = {
            **owner,
            "description": purpose,
            "permissions": [{"action": action, "resource": resource}],
        }
        made = await self._demand("POST", _TOKENS, body=wish)
        for old in known["authorizations"]:
            if old["description"] == purpose:
                await self._demand("DELETE", f"{_TOKENS}/{old['id']}")
        return str(made["token"])

    async def _demand(
        self, method: str, path: str, query: dict[str, str] | None = None, body: Any = None
    ) -> Any:
        """Return what the server answers its owner."""
        token = self._policy.token
        status, content = await self._ask(method, path, token=token, query=query, body=body)
        if status < 300:
            return json.loads(content or b"null")
        said = f"InfluxDB at {self._where()} answered {status} to {method} {path}"
        said += f": {plain(content.decode(errors='replace'))}"
        if status >= 500 or status == 429:
            raise Unavailable(said)
        if status == 401:
            raise Rejected(f"{said}; the token must be one that may make tokens: influx.token")
        raise Rejected(said)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        token: str,
        query: dict[str, str] | None = None,
        body: Any = None,
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Token {token}"}
        try:
            async with self._session.request(
                method, path, params=query, json=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, await answer.read()
        except FAILURES as failure:
            told = describe(failure, self._policy.timeout_s)
            raise Unavailable(f"InfluxDB at {self._where()}: {told}") from failure

    def _where(self) -> str:
        return public_part(self._policy.url)
