import gzip
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from scripted import HANG, RESET, Answer, Asked, ScriptedServer
from tocsin.adapters.webhook import WebhookNotifier, WebhookPolicy
from tocsin.core.records import Notice
from tocsin.ports import Rejected, Unavailable

SECRET = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"  # noqa: S105
NOTICE = Notice("msg-1", "shift", '{"text": "Überdruck"}'.encode())


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
def policy(server: ScriptedServer) -> WebhookPolicy:
    return WebhookPolicy("shift", f"{server.url}/canary?key=canary", SECRET, timeout_s=5)


@pytest.fixture
async def notifier(policy: WebhookPolicy) -> AsyncIterator[WebhookNotifier]:
    async with WebhookNotifier(policy, time.time_ns) as notifier:
        yield notifier


def verify(asked: Asked) -> None:
    Webhook(SECRET).verify(asked.body, asked.headers)


async def test_a_notice_arrives_whole_and_its_signature_holds(
    server: ScriptedServer, notifier: WebhookNotifier
) -> None:
    await notifier.deliver(NOTICE)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.query) == ("POST", "/canary", {"key": "canary"})
    assert asked.body == NOTICE.body
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["webhook-id"] == "msg-1"
    verify(asked)
    with pytest.raises(WebhookVerificationError):
        verify(replace(asked, body=asked.body + b" "))


async def test_every_try_has_the_same_id_and_its_own_time(
    server: ScriptedServer, policy: WebhookPolicy
) -> None:
    times_ns = iter([1_700_000_000_999_999_999, 1_700_000_300_000_000_000])
    async with WebhookNotifier(policy, lambda: next(times_ns)) as notifier:
        server.script.append(Answer(500))
        with pytest.raises(Unavailable):
            await notifier.deliver(NOTICE)
        await notifier.deliver(NOTICE)
    first, second = (asked.headers for asked in server.asked)
    assert first["webhook-id"] == second["webhook-id"]
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("1700000000", "1700000300")
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_without_a_secret_there_is_no_signature(
    server: ScriptedServer, policy: WebhookPolicy
) -> None:
    async with WebhookNotifier(replace(policy, secret=""), time.time_ns) as notifier:
        await notifier.deliver(NOTICE)
    assert "webhook-signature" not in server.asked[0].headers
    assert server.asked[0].headers["webhook-id"] == "msg-1"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_success_whatever_the_body(
    server: ScriptedServer, notifier: WebhookNotifier, status: int
) -> None:
    server.script.append(Answer(status, b"" if status == 204 else b"x" * 1_000_000))
    await notifier.deliver(NOTICE)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 413, 418, 500, 503])
async def test_everything_else_is_tried_again(
    server: ScriptedServer, notifier: WebhookNotifier, status: int
) -> None:
    server.script.append(Answer(status, b"said", {"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(Unavailable, match=rf"answered {status}: said"):
        await notifier.deliver(NOTICE)
    assert [asked.path for asked in server.asked] == ["/canary"]


async def test_410_is_a_receiver_that_wants_no_more(
    server: ScriptedServer, notifier: WebhookNotifier
) -> None:
    server.script.append(Answer(410))
    with pytest.raises(Rejected):
        await notifier.deliver(NOTICE)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_busy_receiver_says_when_to_come_back(
    server: ScriptedServer, notifier: WebhookNotifier, status: int
) -> None:
    server.script.append(Answer(status, b"", {"Retry-After": "120"}))
    with pytest.raises(Unavailable) as unavailable:
        await notifier.deliver(NOTICE)
    assert unavailable.value.retry_after_s == 120


async def test_a_reset_and_a_hang_are_unavailable(
    server: ScriptedServer, policy: WebhookPolicy
) -> None:
    async with WebhookNotifier(replace(policy, timeout_s=0.1), time.time_ns) as notifier:
        server.script.extend([RESET, HANG])
        with pytest.raises(Unavailable, match="closed without an answer"):
            await notifier.deliver(NOTICE)
        with pytest.raises(Unavailable, match=r"no answer within 0.1 s"):
            await notifier.deliver(NOTICE)


async def test_a_hostile_answer_becomes_one_short_line(
    server: ScriptedServer, notifier: WebhookNotifier
) -> None:
    server.script.append(Answer(500, b"\x1b[31m\nfake log line\r\n" + b"x" * 1_000_000))
    with pytest.raises(Unavailable) as unavailable:
        await notifier.deliver(NOTICE)
    assert str(unavailable.value).isprintable()
    assert len(str(unavailable.value)) < 500


async def test_a_compressed_answer_is_not_inflated(
    server: ScriptedServer, notifier: WebhookNotifier
) -> None:
    bomb = gzip.compress(b"boom" * 1_000_000)
    server.script.append(Answer(500, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(Unavailable) as unavailable:
        await notifier.deliver(NOTICE)
    assert "boomboom" not in str(unavailable.value)


async def test_ping_tells_that_something_listens(
    server: ScriptedServer, notifier: WebhookNotifier
) -> None:
    server.script.append(Answer(405))
    assert "405" in await notifier.ping()
    assert [asked.method for asked in server.asked] == ["HEAD"]


async def test_secret_path_and_query_are_never_shown(
    server: ScriptedServer, policy: WebhookPolicy, notifier: WebhookNotifier
) -> None:
    shown = [repr(notifier), repr(policy)]
    for answer in (Answer(500, b"no"), Answer(302, b"", {"Location": "http://x"}), RESET):
        server.script.append(answer)
        with pytest.raises(Unavailable) as unavailable:
            await notifier.deliver(NOTICE)
        assert unavailable.value.__cause__ is None
        assert unavailable.value.__suppress_context__ or unavailable.value.__context__ is None
        shown += [str(unavailable.value), await notifier.ping()]
    assert not any("canary" in text or SECRET in text for text in shown)
    assert any(server.url in text for text in shown)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "[::1]", "2130706433", "127.1"])
def test_a_private_address_is_refused_where_none_is_allowed(host: str) -> None:
    WebhookPolicy("shift", f"http://{host}:80/")
    with pytest.raises(ValueError, match="address is private"):
        WebhookPolicy("shift", f"http://{host}:80/", allow_private=False)


async def test_a_name_with_a_private_address_is_never_connected_to(
    server: ScriptedServer, policy: WebhookPolicy
) -> None:
    url = policy.url.replace("127.0.0.1", "localhost")
    async with WebhookNotifier(replace(policy, url=url), time.time_ns) as notifier:
        await notifier.deliver(NOTICE)
    public_only = replace(policy, url=url, allow_private=False)
    async with WebhookNotifier(public_only, time.time_ns) as notifier:
        with pytest.raises(Unavailable, match="its address is private"):
            await notifier.deliver(NOTICE)
    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "hook", "http://", "https://a:canary@h/"])
def test_an_address_that_may_not_be_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^receiver shift: ") as refused:
        WebhookPolicy("shift", url)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("secret", ["canary", "whsec_", "whsec_Y2FuYXJ5", "whsec_###", SECRET[6:]])
def test_a_secret_that_is_none_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and base64") as refused:
        WebhookPolicy("shift", "http://h/", secret)
    assert secret.removeprefix("whsec_") not in str(refused.value) or secret == "whsec_"  # noqa: S105
