from datetime import UTC, datetime

import aiohttp
import pytest
from standardwebhooks import Webhook

from tocsin.tools.receiver import Receiver

SECRET = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"  # noqa: S105
OTHER = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="
BODY = b'{"status": "firing"}'


def signed(name: str, secret: str = SECRET) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, now, BODY.decode()),
    }


async def post(receiver: Receiver, headers: dict[str, str]) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(receiver.url, data=BODY, headers=headers) as answer,
    ):
        return answer.status


async def test_what_is_signed_is_taken_and_what_is_not_is_refused() -> None:
    async with Receiver(SECRET) as receiver:
        assert await post(receiver, signed("m1")) == 204
        assert await post(receiver, signed("m2", OTHER)) == 401
        assert await post(receiver, {}) == 401
        assert await post(receiver, signed("m3") | {"webhook-signature": "v1"}) == 401
    assert [(each.id, each.verified) for each in receiver.deliveries] == [
        ("m1", True),
        ("m2", False),
        ("", False),
        ("m3", False),
    ]
    assert [each.body for each in receiver.accepted] == [BODY]


async def test_it_fails_as_it_was_told_and_comes_back_on_its_port() -> None:
    async with Receiver(SECRET) as receiver:
        receiver.answers.extend([503, 0])
        url = receiver.url
        assert await post(receiver, signed("m1")) == 503
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await post(receiver, signed("m1"))
        assert await post(receiver, signed("m1")) == 204
    with pytest.raises(aiohttp.ClientConnectorError):
        await post(receiver, signed("m1"))
    async with receiver:
        assert receiver.url == url
        assert await post(receiver, signed("m1")) == 204
    assert [each.status for each in receiver.deliveries] == [503, 0, 204, 204]


async def test_it_says_of_a_webhook_whether_its_signature_held() -> None:
    async with Receiver(SECRET) as receiver:
        assert receiver.verified("m1") is None
        await post(receiver, signed("m1", OTHER))
        assert receiver.verified("m1") is False
        await post(receiver, signed("m1"))
        assert receiver.verified("m1") is True
        assert receiver.verified("m2") is None


async def test_it_keeps_the_newest_that_it_was_told_to_keep() -> None:
    async with Receiver(SECRET, keep=2) as receiver:
        for name in ("m1", "m2", "m3"):
            await post(receiver, signed(name))
        assert [each.id for each in receiver.deliveries] == ["m2", "m3"]
        assert receiver.verified("m1") is None
        assert receiver.verified("m3") is True
